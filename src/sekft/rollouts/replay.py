"""Replays recorded actions in a fresh sandbox: is the record true, and what does today's checker say of it?"""

from __future__ import annotations

from dataclasses import dataclass

from sekft.errors import InfraError
from sekft.protocols import Limits, Operator, Policy, Sandbox, ScriptedPolicy
from sekft.rollouts.record import record
from sekft.rollouts.rollout import RolloutLimits, rollout
from sekft.rollouts.verify import judge
from sekft.scenario import Scenario
from sekft.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Replayed:
    """made: the same actions as recorded and judged today. difference: the first one, None when there is none."""

    made: Trajectory
    difference: str | None


class _Recorded(Operator):
    """Types what was typed."""

    def __init__(self, trajectory: Trajectory) -> None:
        self.info = trajectory.operator
        self.actions = [turn.content for turn in trajectory.turns if turn.role == "action"]

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return ScriptedPolicy(self.actions)


async def replay(scenario: Scenario, trajectory: Trajectory, sandbox: Sandbox) -> Replayed:
    """Run the recorded actions under the recorded limits and compare every output and the final state.

    scenario: the trajectory's own, or the same with a mended checker. Raises InfraError when the sandbox breaks.
    """
    recorded = _Recorded(trajectory)
    actions = len(recorded.actions)
    known = {name: value for name, value in trajectory.sandbox.limits.items() if name in Limits.__dataclass_fields__}
    limits = RolloutLimits(turns=actions, session=Limits(**known)) if known else RolloutLimits(turns=actions)
    observed = await rollout(scenario, sandbox, recorded, trajectory.sample, trajectory.seed, limits)
    if observed.infra is not None:
        raise InfraError(f"replay of {trajectory.id}: {observed.infra}")
    made = record(scenario, observed, judge(scenario, observed))
    return Replayed(made, _difference(trajectory, made))


def _difference(recorded: Trajectory, made: Trajectory) -> str | None:
    """The first thing that differs, as a person would look for it: outputs in order, ending, state."""
    for at, (then, now) in enumerate(zip(recorded.turns, made.turns, strict=False)):
        if then.content != now.content:
            return f"turn {at}: recorded {_first_line(then.content, now.content)}"
    if len(recorded.turns) != len(made.turns):
        return f"turns: recorded {len(recorded.turns)}, replayed {len(made.turns)}"
    if recorded.ending.kind != made.ending.kind and recorded.ending.kind != "none":
        return f"ending: recorded {recorded.ending.kind}, replayed {made.ending.kind}"
    if recorded.effects != made.effects:
        before, after = ({f"{effect.path} {effect.change}" for effect in each.effects} for each in (recorded, made))
        return f"effects: {min(before ^ after)} in one of the two alone"
    if recorded.final_state and recorded.final_state != made.final_state:
        return "final state: the same paths changed, to something else"
    return None


def _first_line(recorded: str, made: str) -> str:
    """The first line that differs, from both."""
    then, now = recorded.split("\n"), made.split("\n")
    at = next((n for n, (one, two) in enumerate(zip(then, now, strict=False)) if one != two), min(len(then), len(now)))
    one, two = (lines[at] if at < len(lines) else "(nothing)" for lines in (then, now))
    return f"{one!r}, replayed {two!r}"
