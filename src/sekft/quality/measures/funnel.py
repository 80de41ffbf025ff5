"""What was drawn, what was admitted, what was kept, and why the rest was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from sekft.quality.measures import Figure, Holdings

_RIGHT = {"work": "solved", "empty": "idle", "blocked": "rightly_blocked"}


def measure(held: Holdings) -> Iterator[Figure]:
    made, refused = len(held.scenarios), len(held.rejections)
    if made or refused:
        reasons = _spelt(rejection.reason for rejection in held.rejections)
        yield Figure("admitted", made / (made + refused), made + refused, detail=reasons)
    unproven = [one for one in held.scenarios.values() if one.gate is None or one.gate.mode != "sandbox"]
    yield Figure("unproven", len(unproven), made, files=tuple(map(held.file, unproven)))
    for kind in sorted({rollout.trajectory.operator.kind for rollout in held.rollouts}):
        own = [rollout.trajectory for rollout in held.rollouts if rollout.trajectory.operator.kind == kind]
        outcomes = _spelt(one.outcome + (f" ({one.fault.kind})" if one.fault else "") for one in own)
        yield Figure("kept", sum(one.keep for one in own) / len(own), len(own), kind, outcomes)
    if held.rollouts or held.broken:
        yield Figure("infra_errors", len(held.broken), len(held.rollouts) + len(held.broken), files=held.broken)
        wrong = [one for one in held.kept if one.trajectory.outcome != _RIGHT[one.scenario.expected.kind]]
        yield Figure("kept_wrongly", len(wrong), len(held.kept), files=tuple(one.file for one in wrong))


def _spelt(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in Counter(names).most_common())
