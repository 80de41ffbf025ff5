"""Replays recorded actions in a fresh sandbox: is the record true, and what does today's checker say of it?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sekft.engines.local import LocalEngine
from sekft.errors import InfraError, UsageError
from sekft.protocols import Action, Limits, Policy, Sandbox
from sekft.record import record
from sekft.rollout import RolloutLimits, rollout
from sekft.scenario import Scenario, load_scenario
from sekft.store import Layout
from sekft.trajectory import OperatorInfo, Trajectory, Turn, load_trajectory
from sekft.verify import judge


@dataclass(frozen=True, slots=True)
class Replayed:
    """made: the same actions as recorded and judged today. difference: the first one, None when there is none."""

    made: Trajectory
    difference: str | None


class _Recorded:
    """Types what was typed, whatever is answered."""

    def __init__(self, trajectory: Trajectory) -> None:
        self.info: OperatorInfo = trajectory.operator
        self._actions = [turn.content for turn in trajectory.turns if turn.role == "action"]

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return _Typist(iter(self._actions))


class _Typist:
    def __init__(self, actions: Iterator[str]) -> None:
        self._actions = actions

    async def act(self, turns: Sequence[Turn]) -> Action:
        return Action(next(self._actions))


async def replay(scenario: Scenario, trajectory: Trajectory, sandbox: Sandbox) -> Replayed:
    """Run the recorded actions under the recorded limits and compare every output and the final state.

    scenario: the trajectory's own, or the same with a mended checker. Raises InfraError when the sandbox breaks.
    """
    recorded = _Recorded(trajectory)
    actions = sum(turn.role == "action" for turn in trajectory.turns)
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


def found(path: Path, scenarios: Path | None) -> list[tuple[Path, Trajectory, Scenario]]:
    """Every trajectory at that path with its scenario.

    scenarios: a folder of bundles, or one bundle for all of them (the same scenario with a mended checker);
    None looks in the run folder that the trajectory lies in. Raises BundleError and UsageError.
    """
    paths = Layout.found(path).rollouts() if path.is_dir() else [path]
    one = load_scenario(scenarios) if scenarios and scenarios.is_file() else None
    rows = []
    for each in paths:
        trajectory = load_trajectory(each)
        place = scenarios or each.resolve().parents[2]
        rows.append((each, trajectory, one or _scenario(trajectory, place)))
    if not rows:
        raise UsageError(f"{path}: holds no trajectories; want a file or a folder that `sekft rollout` made")
    return rows


def _scenario(trajectory: Trajectory, place: Path) -> Scenario:
    name = f"{trajectory.scenario_id}.json"
    for path in (place / name, place / "scenarios" / name):
        if path.is_file():
            return load_scenario(path)
    raise UsageError(f"scenario {trajectory.scenario_id}: not in {place}; --scenarios says where it is")


async def replay_all(
    rows: Sequence[tuple[Path, Trajectory, Scenario]], sandbox: Sandbox, concurrency: int
) -> list[tuple[Path, Trajectory, Replayed]]:
    """Replay each, in the order given."""

    async def one(at: int) -> tuple[int, Replayed]:
        _, trajectory, scenario = rows[at]
        return at, await replay(scenario, trajectory, sandbox)

    made = {at: result async for at, result in LocalEngine().map(one, range(len(rows)), concurrency)}
    return [(path, trajectory, made[at]) for at, (path, trajectory, _) in enumerate(rows)]


Done = Sequence[tuple[Path, Trajectory, Replayed]]


def as_text(done: Done, recheck: bool) -> str:
    """A line for each that differs, and a line that counts."""
    lines = []
    for path, then, now in done:
        if recheck and then.outcome != now.made.outcome:
            lines.append(f"{path}: {then.outcome} is now {now.made.outcome} (check {now.made.check.verdict})")
        elif not recheck and now.difference:
            lines.append(f"{path}: {now.difference}")
    what = "judged otherwise" if recheck else "differ"
    return "\n".join([*lines, f"{len(done)} replayed, {len(lines)} {what}"]) + "\n"


def as_data(done: Done) -> str:
    """The same as JSON lines."""
    rows = (
        {
            "path": str(path),
            "difference": now.difference,
            "recorded": {"outcome": then.outcome, "passed": then.check.passed},
            "replayed": {"outcome": now.made.outcome, "passed": now.made.check.passed},
        }
        for path, then, now in done
    )
    return "".join(json.dumps(row) + "\n" for row in rows)
