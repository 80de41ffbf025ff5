"""Whether what is typed was learnt in the session, and typed as it would be in deployment."""

from __future__ import annotations

from collections.abc import Iterator

from sekft.evaluation import metrics
from sekft.quality.measures import Figure, Holdings
from sekft.shell.chat_format import violations
from sekft.shell.grounding import ungrounded


def measure(held: Holdings) -> Iterator[Figure]:
    """Of what is kept; invented options of every operator."""
    kept = held.kept
    if not kept:
        return
    guesses = [(one, found) for one in kept if (found := ungrounded(one.trajectory.turns))]
    shown = "; ".join(" ".join(next(iter(found.values()))) for _, found in guesses[:3])
    files = tuple(one.file for one, _ in guesses)
    yield Figure("grounded", 1 - len(guesses) / len(kept), len(kept), detail=shown, files=files)
    rash = [one for one in kept if metrics.read_first(one) is False]
    yield Figure("read_first", 1 - len(rash) / len(kept), len(kept), files=tuple(one.file for one in rash))
    leaks = [(one.file, faults[0]) for one in kept if (faults := violations(one.trajectory))]
    shown = "; ".join(fault for _, fault in leaks[:3])
    yield Figure("leaks", len(leaks), len(kept), detail=shown, files=tuple(file for file, _ in leaks))
    yield Figure("recovered", sum(map(metrics.recovered, kept)) / len(kept), len(kept))
    for kind in sorted({one.trajectory.operator.kind for one in held.rollouts}):
        own = [one for one in held.rollouts if one.trajectory.operator.kind == kind]
        calls = sum(map(metrics.calls, own))
        invented = sum(map(metrics.invented_options, own))
        yield Figure("invented_options", invented / calls if calls else 0.0, calls, kind)
