"""Many stored trajectories replayed at once, and what differs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sekft.errors import UsageError
from sekft.folder import Layout
from sekft.protocols import Sandbox
from sekft.report import Table
from sekft.rollouts.record import Replayed, replay
from sekft.runs.engine import LocalEngine
from sekft.scenario import Scenario, load_scenario
from sekft.trajectory import Trajectory, load_trajectory


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


def table(done: Done, recheck: bool) -> Table:
    """A row for each that differs, and a line that counts. recheck: compare outcomes alone."""
    rows: list[tuple[str, str]] = []
    for path, then, now in done:
        if recheck and then.outcome != now.trajectory.outcome:
            rows.append(
                (str(path), f"{then.outcome} is now {now.trajectory.outcome} (check {now.trajectory.check.verdict})")
            )
        elif not recheck and now.difference:
            rows.append((str(path), now.difference))
    what = "judged otherwise" if recheck else "differ"
    return Table(("", ""), rows, notes=[f"{len(done)} replayed, {len(rows)} {what}"])


def as_data(done: Done) -> str:
    """The same as JSON lines."""
    rows = (
        {
            "path": str(path),
            "difference": now.difference,
            "recorded": {"outcome": then.outcome, "passed": then.check.passed},
            "replayed": {"outcome": now.trajectory.outcome, "passed": now.trajectory.check.passed},
        }
        for path, then, now in done
    )
    return "".join(json.dumps(row) + "\n" for row in rows)
