"""What a newcomer stumbled over: each of it, as it should have gone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sekft.folder import documents
from tests import bundles
from tests.commands import forked
from tests.served import Answer, serving
from tests.sets import two


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of two scenarios, each rolled out once by the explorer and once by the saboteur."""
    return two(tmp_path_factory)


@pytest.fixture
def scenarios(tmp_path: Path) -> Path:
    """A folder of one hand-written scenario."""
    folder = tmp_path / "set"
    folder.mkdir()
    scenario = bundles.sealed(bundles.work())
    (folder / f"{scenario.id}.json").write_text(scenario.to_json())
    return folder


def rolled(scenarios: Path, out: Path, *more: str, **environ: str) -> tuple[int, str, str]:
    done = forked("rollout", "--scenarios", scenarios, "--out", out, "--samples", "1", *more, **environ)
    return done.returncode, done.stdout, done.stderr


def test_a_forgotten_model_mixes_no_operators(scenarios: Path, tmp_path: Path) -> None:
    """Without SEKFT_OP_MODEL the explorer does not act beside a model's rollouts unless it is named."""
    out = tmp_path / "out"
    with serving(Answer("exit")) as served:
        assert rolled(scenarios, out, SEKFT_OP_MODEL="m", SEKFT_OP_URL=served.url)[0] == 0
        status, _, log = rolled(scenarios, out)
        assert status == 2
        assert "holds rollouts by model" in log
        assert "SEKFT_OP_MODEL is not set" in log
        assert "--operator explorer" in log
    assert [path.name for path in documents(out, "*/*-*.json")] == ["model-0.json"]
    assert rolled(scenarios, out, "--operator", "reference")[0] == 0
    assert [path.name for path in documents(out, "*/*-*.json")] == ["model-0.json", "reference-0.json"]


def test_a_run_of_a_model_is_not_resumed_by_the_explorer(tmp_path: Path) -> None:
    """`sekft run` refuses before it authors a scenario more."""
    out = tmp_path / "out"
    with serving(Answer("exit")) as served:
        environ = {"SEKFT_OP_MODEL": "m", "SEKFT_OP_URL": served.url}
        assert forked("run", "--n", "1", "--samples", "1", "--out", out, **environ).returncode == 0
    done = forked("run", "--n", "2", "--samples", "1", "--out", out)
    assert (done.returncode, "holds rollouts by model" in done.stderr) == (2, True), done.stderr
    assert len(documents(out / "scenarios")) == 1


def test_the_explorer_resumes_beside_the_saboteur(run: Path) -> None:
    """A run whose operators are the default ones resumes without naming them."""
    done = forked("run", "--n", "2", "--samples", "1", "--out", run)
    assert done.returncode == 0, done.stderr


def test_a_folder_without_a_rollout_pins_nothing(scenarios: Path, tmp_path: Path) -> None:
    """The name of the model may be corrected after the service did not know it, and not once a rollout is there."""
    out, unknown = tmp_path / "out", Answer('{"error": {"message": "The model `playd` does not exist"}}', status=404)
    with serving(unknown) as served:
        assert rolled(scenarios, out, SEKFT_OP_MODEL="playd", SEKFT_OP_URL=served.url)[0] == 1
    with serving(Answer("exit")) as served:
        status, _, log = rolled(scenarios, out, SEKFT_OP_MODEL="played", SEKFT_OP_URL=served.url)
        assert status == 0, log
        status, _, log = rolled(scenarios, out, SEKFT_OP_MODEL="another", SEKFT_OP_URL=served.url)
    assert 'model was "played", now "another"' in log


def test_a_data_set_wants_a_folder_of_its_own(run: Path) -> None:
    """An export into a run folder's root is refused and writes nothing there."""
    before = sorted(path.name for path in run.iterdir())
    done = forked("export", "--trajectories", run, "--out", run)
    assert done.returncode == 2
    assert f"for example {run / 'export'}" in done.stderr
    assert sorted(path.name for path in run.iterdir()) == before


def test_rollouts_remember_where_their_scenarios_lie(run: Path, tmp_path: Path) -> None:
    """show, export, pairs, audit and replay find scenarios in a folder elsewhere, also once both have moved."""
    both = tmp_path / "both"
    shutil.copytree(run / "scenarios", both / "set" / "scenarios")
    for operator in ("explorer", "saboteur"):
        status, _, log = rolled(both / "set", both / "deep" / "acted", "--operator", operator)
        assert status == 0, log
    moved = tmp_path / "moved"
    both.rename(moved)
    acted = moved / "deep" / "acted"
    shown = json.loads(forked("show", acted, "--json").stdout)
    assert "(scenario not here)" not in shown["outcomes"]
    assert shown["scenarios"]["admitted"] == 2
    for command in (
        ("export", "--trajectories", acted, "--out", moved / "data"),
        ("pairs", "--trajectories", acted, "--out", moved / "pairs"),
        ("audit", acted),
        ("replay", acted),
    ):
        done = forked(*command)
        assert done.returncode == 0, (command, done.stderr)


def test_a_record_of_sources_is_no_setting(run: Path, tmp_path: Path) -> None:
    """The same rollouts may be resumed with the scenarios at another path."""
    for name in ("one", "two"):
        shutil.copytree(run / "scenarios", tmp_path / name)
        status, _, log = rolled(tmp_path / name, tmp_path / "out", "--operator", "explorer")
        assert status == 0, log


def test_an_export_that_fails_leaves_nothing(run: Path, tmp_path: Path) -> None:
    """Scenarios that are nowhere, or filters that pass nothing, end without a folder half made."""
    shutil.copytree(run / "trajectories", tmp_path / "run" / "trajectories")
    done = forked("export", "--trajectories", tmp_path / "run", "--out", tmp_path / "data")
    assert (done.returncode, "--scenarios says where" in done.stderr) == (2, True)
    assert not (tmp_path / "data").exists()
    done = forked("export", "--trajectories", run, "--to", "sft", "--max-length", "1", "--out", tmp_path / "data")
    assert (done.returncode, "not a row" in done.stderr) == (1, True)
    assert not (tmp_path / "data").exists()
