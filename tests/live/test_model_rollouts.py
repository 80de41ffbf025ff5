"""A real model in real sandboxes: it rarely succeeds, and every record of it is sound all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sekft.operators.model import default_scaffold, echoes
from sekft.trajectory import Trajectory, load_trajectory
from tests.live.conftest import KEY, MODEL

pytestmark = pytest.mark.live

SCENARIOS, SAMPLES, TURNS, TOKENS = 6, 2, 8, 48


def sekft(*arguments: object, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("sekft")), *(str(argument) for argument in arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def scenarios(model_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live") / "scenarios"
    made = sekft("generate", "--n", SCENARIOS, "--seed", 11, "--out", folder, env=model_environment)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def rolled(model_environment: dict[str, str], scenarios: Path) -> Path:
    folder = scenarios.with_name("trajectories")
    options = ("--samples", SAMPLES, "--max-turns", TURNS, "--max-tokens", TOKENS, "--concurrency", 2)
    done = sekft(
        "rollout", "--scenarios", scenarios, "--out", folder, "--operator", "model", *options, env=model_environment
    )
    assert done.returncode == 0, done.stderr
    print(done.stderr)
    return folder


@pytest.fixture(scope="module")
def trajectories(rolled: Path) -> list[Trajectory]:
    return [load_trajectory(path) for path in sorted(rolled.glob("*/model-*.json"))]


def test_every_sample_has_a_verdict_and_an_outcome(trajectories: list[Trajectory]) -> None:
    """Every scenario × sample is recorded, and none met a broken sandbox or endpoint."""
    assert len(trajectories) == SCENARIOS * SAMPLES
    for trajectory in trajectories:
        assert trajectory.outcome != "infra_error"
        assert trajectory.check.verdict in ("pass", "fail", "not_run"), trajectory.check


def test_the_model_did_act(trajectories: list[Trajectory]) -> None:
    """The run is no row of empty records: every rollout asked the model, and its tokens were counted.

    So small a model may answer in prose alone, which types nothing.
    """
    assert all(trajectory.usage.requests > 0 for trajectory in trajectories)
    assert all(trajectory.operator.model == MODEL for trajectory in trajectories)
    assert all(trajectory.usage.completion_tokens > 0 for trajectory in trajectories)


def test_turns_stay_within_the_limit(trajectories: list[Trajectory]) -> None:
    """--max-turns bounds the actions of every rollout."""
    assert max(sum(turn.role == "action" for turn in trajectory.turns) for trajectory in trajectories) <= TURNS


def test_actions_hold_nothing_but_commands(trajectories: list[Trajectory]) -> None:
    """No action holds scaffold text, a fence, a think block or a template token."""
    scaffold = default_scaffold()
    for trajectory in trajectories:
        for action in (turn.content for turn in trajectory.turns if turn.role == "action"):
            assert not echoes(action, scaffold), action
            assert not any(mark in action for mark in ("```", "~~~", "<think", "</think", "<|")), action


def test_the_key_is_in_no_file(rolled: Path) -> None:
    """Nothing under the run folder holds the endpoint's key."""
    assert not [path for path in rolled.parent.rglob("*") if path.is_file() and KEY in path.read_text()]


def test_a_wrong_key_is_refused_in_words(model_environment: dict[str, str], scenarios: Path, tmp_path: Path) -> None:
    """The server's refusal ends the run with status 1 and names the variable to mend, not the key."""
    env = {**model_environment, "SEKFT_OP_KEY": "sk-wrong-1234"}
    done = sekft(
        "rollout", "--scenarios", scenarios, "--out", tmp_path / "t", "--operator", "model", "--samples", 1, env=env
    )
    assert done.returncode == 1
    assert "wants another key" in done.stderr
    assert "SEKFT_OP_KEY" in done.stderr
    assert "sk-wrong" not in done.stderr


def test_a_service_that_is_down_is_asked_about(
    model_environment: dict[str, str], scenarios: Path, tmp_path: Path
) -> None:
    """With nothing listening, the run ends with status 1 and asks whether the service is running."""
    env = {**model_environment, "SEKFT_OP_URL": "http://127.0.0.1:9/v1"}
    done = sekft(
        "rollout", "--scenarios", scenarios, "--out", tmp_path / "t", "--operator", "model", "--samples", 1, env=env
    )
    assert done.returncode == 1
    assert "is it running" in done.stderr
