"""Replay recorded actions in a fresh sandbox: is the record true, and how does today's checker judge it?"""

from __future__ import annotations

from dataclasses import dataclass

from sekft.errors import InfraError
from sekft.protocols import Limits, Sandbox
from sekft.rollouts.record import record
from sekft.rollouts.rollout import Rollout, RolloutLimits
from sekft.rollouts.verify import judge
from sekft.scenario import Scenario
from sekft.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Replayed:
    """trajectory: the same actions as recorded and judged today. difference: the first, None when there is none."""

    trajectory: Trajectory
    difference: str | None


async def replay(scenario: Scenario, trajectory: Trajectory, sandbox: Sandbox) -> Replayed:
    """Run the recorded actions under the recorded limits and compare every output and the final state.

    scenario: the trajectory's own, or the same with a mended checker. Raises InfraError when the sandbox breaks.
    """
    actions = trajectory.actions
    known = {name: value for name, value in trajectory.sandbox.limits.items() if name in Limits.__dataclass_fields__}
    limits = RolloutLimits(len(actions), session=Limits(**known)) if known else RolloutLimits(len(actions))
    async with Rollout(scenario, sandbox, trajectory.operator, trajectory.sample, trajectory.seed, limits) as session:
        for action in actions:
            if not session.over:
                await session.step(action)
    if session.result.infra is not None:
        raise InfraError(f"replay of {trajectory.id}: {session.result.infra}")
    replayed = record(scenario, session.result, judge(scenario, session.result))
    return Replayed(replayed, _difference(trajectory, replayed))


def _difference(recorded: Trajectory, replayed: Trajectory) -> str | None:
    """The first thing that differs, as a person would look for it: outputs in order, ending, state."""
    for at, (turn, again) in enumerate(zip(recorded.turns, replayed.turns, strict=False)):
        if turn.content != again.content:
            return f"turn {at}: recorded {_first_line(turn.content, again.content)}"
    if len(recorded.turns) != len(replayed.turns):
        return f"turns: recorded {len(recorded.turns)}, replayed {len(replayed.turns)}"
    if recorded.ending.kind != replayed.ending.kind and recorded.ending.kind != "none":
        return f"ending: recorded {recorded.ending.kind}, replayed {replayed.ending.kind}"
    if recorded.effects != replayed.effects:
        then, now = ({f"{effect.path} {effect.change}" for effect in run.effects} for run in (recorded, replayed))
        return f"effects: {min(then ^ now)} in one of the two alone"
    if recorded.final_state and recorded.final_state != replayed.final_state:
        return "final state: the same paths changed, to something else"
    return None


def _first_line(recorded: str, replayed: str) -> str:
    """The first line that differs, from both."""
    then, now = recorded.split("\n"), replayed.split("\n")
    at = next((at for at, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), min(len(then), len(now)))
    first, second = (lines[at] if at < len(lines) else "(nothing)" for lines in (then, now))
    return f"{first!r}, replayed {second!r}"
