"""Whether what is typed was learnt in the session, and typed as it would be in deployment."""

from __future__ import annotations

from collections.abc import Iterator

from sekft import shellwords
from sekft.deployform import violations
from sekft.grounding import ungrounded
from sekft.measures import Figure, Holdings, Rollout
from sekft.scenario import Scenario
from sekft.trajectory import Turn

_ASKING = {"-h", "--help", "help", "-V", "--version", "version"}


def measure(held: Holdings) -> Iterator[Figure]:
    """Of what is kept; invented options of every operator."""
    kept = held.kept
    if not kept:
        return
    guesses = [(one, found) for one in kept if (found := ungrounded(one.trajectory.turns))]
    shown = "; ".join(" ".join(next(iter(found.values()))) for _, found in guesses[:3])
    files = tuple(one.file for one, _ in guesses)
    yield Figure("grounded", 1 - len(guesses) / len(kept), len(kept), detail=shown, files=files)
    rash = [one for one in kept if not _read_first(one)]
    yield Figure("read_first", 1 - len(rash) / len(kept), len(kept), files=tuple(one.file for one in rash))
    leaks = [(one.file, faults[0]) for one in kept if (faults := violations(one.trajectory))]
    shown = "; ".join(fault for _, fault in leaks[:3])
    yield Figure("leaks", len(leaks), len(kept), detail=shown, files=tuple(file for file, _ in leaks))
    yield Figure("recovered", sum(map(recovered, kept)) / len(kept), len(kept))
    for kind in sorted({one.trajectory.operator.kind for one in held.rollouts}):
        own = [one for one in held.rollouts if one.trajectory.operator.kind == kind]
        calls = sum(map(_calls, own))
        yield Figure("invented_options", sum(map(_invented, own)) / calls if calls else 0.0, calls, kind)


def _read_first(one: Rollout) -> bool:
    """Whether the documentation was shown before the tool was first put to use."""
    learnt, told = one.trajectory.mechanism.learnt, one.scenario.provider.help
    used = next(
        (at for at, action in _acts(one) if action not in told and _uses(action, one.scenario.provider.command)), None
    )
    return used is None or (learnt is not None and learnt < used)


def _acts(one: Rollout) -> Iterator[tuple[int, str]]:
    return ((at, turn.content) for at, turn in enumerate(one.trajectory.turns) if turn.role == "action")


def _uses(action: str, command: str) -> bool:
    """Whether the tool is called with more than a request for help or its version; a bare call asks no more."""
    asked = (shellwords.arguments(words) for words in shellwords.calls(action, command))
    return any(words and not _ASKING & set(words) for words in asked)


def recovered(one: Rollout) -> bool:
    """Whether some command failed, other than by showing what blocks the work, and the session went on."""
    return any(went_wrong(turn, one.scenario) for turn in one.trajectory.turns)


def went_wrong(answer: Turn, scenario: Scenario) -> bool:
    """Whether this answers a command that failed, other than by showing what blocks the work."""
    notice = scenario.needles.notice
    return bool(answer.status) and not (notice and notice in answer.content)


def _calls(one: Rollout) -> int:
    return sum(len(shellwords.calls(action, one.scenario.provider.command)) for action in one.actions)


def _invented(one: Rollout) -> int:
    """Calls of the tool with an option that nothing had shown."""
    turns, command = one.trajectory.turns, one.scenario.provider.command
    return sum(
        any(atom.startswith("-") for atom in missing) and bool(shellwords.calls(turns[at].content, command))
        for at, missing in ungrounded(turns).items()
    )
