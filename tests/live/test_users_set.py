"""The set that a user would make: reproducible, and right in every rollout."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekft.scenario import Scenario, load_scenario
from sekft.shell.chat_format import violations
from sekft.shell.grounding import ungrounded
from sekft.trajectory import Trajectory, load_trajectory
from tests.commands import sekft

pytestmark = pytest.mark.live
WANTED = {"work": "solved", "empty": "idle", "blocked": "rightly_blocked"}


def _generate(out: Path, n: int) -> dict[str, bytes]:
    done = sekft("generate", "--n", str(n), "--seed", "7", "--out", out)
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in out.glob("*.json")}


def test_the_same_seed_gives_the_same_bytes_and_a_smaller_set_is_a_prefix(users_set: Path, tmp_path: Path) -> None:
    """Half of --n is the scenarios of the first half of the slots; grown, it is byte-identical to all at once."""
    first = {path.name: path.read_bytes() for path in users_set.glob("*.json")}
    half = _generate(tmp_path, len(first) // 2)
    slots = {name: Scenario.model_validate_json(body).provenance.slot for name, body in first.items()}
    assert half == {name: first[name] for name, slot in slots.items() if slot is not None and slot < len(first) // 2}
    assert _generate(tmp_path, len(first)) == first


def test_explorer_rollouts_are_right_grounded_and_in_deploy_form(users_set: Path, users_rollouts: Path) -> None:
    """Every ending is the expected one, every action grounded, every record clean."""
    scenarios = {path.stem: load_scenario(path) for path in users_set.glob("*.json")}
    rolled = [load_trajectory(path) for path in users_rollouts.glob("*/explorer-*.json")]
    assert len(rolled) == 3 * len(scenarios)
    assert [(one.scenario_id, one.outcome, one.keep_reasons) for one in rolled if not _right(scenarios, one)] == []


def _right(scenarios: dict[str, Scenario], one: Trajectory) -> bool:
    wanted = WANTED[scenarios[one.scenario_id].expected.kind]
    return one.outcome == wanted and one.keep and not ungrounded(one.turns) and not violations(one)
