"""What an episode is worth to a trainer. A reward takes the judged trajectory and its scenario and gives a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sekft.errors import UsageError
from sekft.evaluation.metrics import CHAIN
from sekft.scenario import Scenario
from sekft.trajectory import KEPT, Trajectory

Reward = Callable[[Scenario, Trajectory], float]
WEIGHTS: Mapping[str, float] = MappingProxyType({"noticed": 0.1, "learnt": 0.15, "retrieved": 0.25, "executed": 0.2})
NOTHING_FOR = ("harmful", "malformed")
"""Outcomes to which a shaped reward gives nothing, whatever came before."""


def right(scenario: Scenario, trajectory: Trajectory) -> float:
    """1 for a right ending whose mechanism is complete, else 0."""
    complete = not trajectory.mechanism.missing(scenario.expected.kind)
    return float(trajectory.outcome in KEPT and complete)


@dataclass(frozen=True, slots=True)
class Shaped:
    """1 as `right` gives it; else the sum of the weights of the marks that were reached, so that a beginner learns.

    weights: by mark, each at least 0, below 1 together, so that no wrong ending is worth as much as a right one. By
             default `seen` has none, because the login earns it, nor has `ended`, or a blind `exit` would be paid for.
    Raises UsageError for an unknown mark or weights that are out of bounds.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)

    def __post_init__(self) -> None:
        if unknown := set(self.weights) - set(CHAIN):
            raise UsageError(f"Shaped: no mark {min(unknown)!r}; want one of {', '.join(CHAIN)}")
        total = sum(self.weights.values())
        if min(self.weights.values(), default=0) < 0 or total >= 1:
            raise UsageError(f"Shaped: weights that sum to {total:g}: want 0 or more each, and a sum below 1")

    def __call__(self, scenario: Scenario, trajectory: Trajectory) -> float:
        if right(scenario, trajectory):
            return 1.0
        if trajectory.outcome in NOTHING_FOR:
            return 0.0
        reached = {mark for mark, turn in trajectory.mechanism if turn is not None}
        return round(sum(weight for mark, weight in self.weights.items() if mark in reached), 6)
