"""Replay: a stored trajectory is true, and a mended checker regrades it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sekft.folder import ROLLOUTS, documents, load_scenarios
from sekft.scenario import load_scenario
from sekft.trajectory import load_trajectory
from tests import sets
from tests.commands import forked


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenarios of every ending and both userlands, with a right rollout and a failing one of each."""
    layout = sets.filled(tmp_path_factory)
    for path in documents(layout.trajectories, ROLLOUTS):
        if not path.name.endswith("-0.json"):
            path.unlink()
    cells = [scenario.cell for scenario in load_scenarios(layout.root)]
    assert {cell["ending"] for cell in cells} == {"work", "empty", "blocked"}
    assert {cell["userland"] for cell in cells} >= {"busybox", "gnu"}
    return layout.root


def test_every_recorded_rollout_replays_to_the_same_outputs_and_state(run: Path) -> None:
    """Nothing differs, over all endings and both userlands."""
    done = forked("replay", run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == f"{2 * sets.SCENARIOS} replayed, 0 differ\n"


def test_the_first_difference_is_named(run: Path, tmp_path: Path) -> None:
    """A record whose output was changed by hand is told by turn, with both lines."""
    path = next(iter((run / "trajectories").glob("*/explorer-0.json")))
    forged = tmp_path / "forged.json"
    body = json.loads(path.read_text())
    body["turns"][2]["content"] = "forged\n" + body["turns"][2]["content"]
    forged.write_text(json.dumps(body))
    done = forked("replay", forged, "--scenarios", run, COLUMNS="300")
    assert done.returncode == 1
    assert "turn 2: recorded 'forged', replayed" in done.stdout
    assert "uid" not in done.stdout


def test_a_difference_names_another_number_of_uids(run: Path, tmp_path: Path) -> None:
    """Listings show other owners where a second uid can be had, so replay says that it may be that."""
    path = next(iter((run / "trajectories").glob("*/explorer-0.json")))
    body = json.loads(path.read_text())
    now = body["sandbox"]["uids"]
    body["turns"][2]["content"] = "forged\n" + body["turns"][2]["content"]
    body["sandbox"]["uids"] = 3 - now
    (tmp_path / "forged.json").write_text(json.dumps(body))
    done = forked("replay", tmp_path / "forged.json", "--scenarios", run, COLUMNS="300")
    assert done.returncode == 1
    assert f"replayed with {now}: owners differ" in " ".join(done.stdout.replace("uids", "uid").split())


def test_a_mended_checker_regrades_without_an_operator(run: Path, tmp_path: Path) -> None:
    """--recheck tells the outcome under the scenario's present checker beside the recorded one."""
    path = next(
        path
        for path in sorted((run / "trajectories").glob("*/explorer-0.json"))
        if load_trajectory(path).outcome == "solved"
    )
    scenario = load_scenario(run / "scenarios" / f"{path.parent.name}.json")
    stricter = tmp_path / "stricter.json"
    stricter.write_text(scenario.sealed(checker="exit 1\n").to_json())
    done = forked("replay", path, "--scenarios", stricter, "--recheck", COLUMNS="300")
    assert done.returncode == 0, done.stderr
    assert "solved is now false_exit (check fail)" in done.stdout


def test_a_trajectory_whose_scenario_is_not_there_says_where_to_point(run: Path, tmp_path: Path) -> None:
    """The message names the scenario and the option."""
    path = next(iter((run / "trajectories").glob("*/explorer-0.json")))
    done = forked("replay", path, "--scenarios", tmp_path)
    assert done.returncode == 2
    assert path.parent.name in done.stderr
    assert "--scenarios" in done.stderr


def test_a_folder_without_trajectories_is_wrong_usage(tmp_path: Path) -> None:
    """A rejected draw is no trajectory, whatever its file is called."""
    rejected = tmp_path / "rejected"
    rejected.mkdir()
    (rejected / "draw-0-1.json").write_text("{}")
    done = forked("replay", tmp_path)
    assert done.returncode == 2
    assert "holds no trajectories" in done.stderr
