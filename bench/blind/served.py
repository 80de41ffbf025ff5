"""A served model solves what is left of a desk, as the operator `model` of `sekft rollout` does."""

from __future__ import annotations

import json

from bench.blind.desk import Desk
from bench.blind.intent import Intent
from bench.blind.judge import recorded
from sekft.folder import Folder, Layout
from sekft.protocols import Reporter
from sekft.runs.rollout import RolloutConfig, roll
from sekft.scenario import load_scenario
from sekft.trajectory import load_trajectory


async def solve(desk: Desk, config: RolloutConfig, reporter: Reporter) -> int:
    """Let the model act in each session that nobody has begun; returns how many an infra error broke.

    A model cannot be asked what it meant, so that each run counts as honest.
    """
    layout = Layout.of_run(desk.sealed)
    left = {number: name for number, name in desk.ids.items() if not desk.session(number).is_file()}
    scenarios = [load_scenario(layout.scenarios / f"{name}.json") for name in left.values()]
    broken = await roll(config, scenarios, layout, reporter)
    for number, name in left.items():
        if any(layout.trajectories.glob(f"{name}/*.json")):
            _write(desk, number)
    return broken


def _write(desk: Desk, number: int) -> None:
    made = load_trajectory(recorded(desk, number))
    intent = Intent(meant=(made.actions or ["nothing was typed"])[-1], by=made.operator.model or made.operator.kind)
    body = {"typed": made.actions, "over": True, "resumed": 0}
    folder = Folder(desk.root)
    folder.write(desk.intent(number), intent.model_dump_json(indent=1) + "\n")
    folder.write(desk.session(number), json.dumps(body, indent=1, ensure_ascii=False) + "\n")
