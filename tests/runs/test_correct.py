"""Corrections: where an expert takes over, what it makes of it, and what of that is learnt."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from sekft import sandboxes
from sekft.cli.running import Lines
from sekft.dataset.export import ExportConfig, Sources, export
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.dataset.rows import metadata
from sekft.errors import UsageError
from sekft.evaluation.metrics import first_wrong
from sekft.folder import Layout, documents
from sekft.folder.stored import stored
from sekft.models.texts import EstimatedTokens
from sekft.operators.replayed import ScriptedPolicy
from sekft.protocols import Operator, Policy
from sekft.rollouts.record import record
from sekft.rollouts.rollout import rollout
from sekft.rollouts.verify import judge
from sekft.runs.correct import CorrectConfig, correct, takeovers
from sekft.scenario import Scenario
from sekft.trajectory import OperatorInfo, StoredRollout, load_trajectory
from tests import bundles, sets

SCENARIO = bundles.sealed(bundles.work())


class Typing(Operator):
    """Types these texts, and then nothing that could be typed."""

    info = OperatorInfo(kind="student")

    def __init__(self, *texts: str) -> None:
        self._texts = texts

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return ScriptedPolicy(self._texts)


def acted(*texts: str, scenario: Scenario = SCENARIO) -> StoredRollout:
    observed = asyncio.run(rollout(scenario, sandboxes.pick("auto"), Typing(*texts), 0, 1))
    return StoredRollout("student-0.json", record(scenario, observed, judge(scenario, observed)), scenario)


@pytest.mark.parametrize(
    ("texts", "wrong"),
    [
        (["ls", "exit"], 3),  # ends with the work undone
        (["ls", "panic 'no way'"], 3),
        (["ls", "cat nowhere", "ls -a", "exit"], 3),  # a command that fails
        (["ls", "pwd", "ls", "pwd", "exit"], 5),  # the same again, answered as before
        (["grep -c nothing /etc/passwd", "exit"], 3),  # a status that is an answer
        (["ls"], 3),  # then an answer that is no command
    ],
)
def test_the_first_wrong_action_is_named(texts: list[str], wrong: int) -> None:
    """By turn, whatever comes after it."""
    assert first_wrong(acted(*texts)) == wrong


def test_a_right_rollout_has_none() -> None:
    """What ended right is nowhere wrong."""
    assert first_wrong(acted(*SCENARIO.reference)) is None


def test_an_expert_takes_over_before_the_wrong_action_and_after_it_unless_it_ended_the_session() -> None:
    """With how many actions each takeover keeps, and its number."""
    assert [(each.actions, each.number) for each in takeovers(acted("ls", "cat nowhere", "ls", "exit"))] == [
        (1, 0),
        (2, 1),
    ]
    assert [each.actions for each in takeovers(acted("ls", "exit"))] == [1]


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Layout, Layout]:
    run = sets.filled(tmp_path_factory)
    out = Layout.found(tmp_path_factory.mktemp("corrected"))
    assert asyncio.run(correct(CorrectConfig(), run, None, out, Lines())) == 0
    return run, out


def test_what_failed_comes_to_a_right_end(corrected: tuple[Layout, Layout]) -> None:
    """The failed rollout's actions are typed again, and most sessions are kept."""
    run, out = corrected
    failed = {one.trajectory.id: one for group in stored(run) for one in group if first_wrong(one)}
    made = [load_trajectory(path) for path in documents(out.trajectories, "*/*.json")]
    assert made
    for each in made:
        source = failed[each.operator.settings["branch_of"]].trajectory
        assert each.actions[: each.given] == source.actions[: each.given]
    # The explorer cannot undo what a saboteur has broken; where nothing is, it ends right.
    kept = [each for each in made if each.keep]
    assert len(kept) >= len(made) / 2


def test_only_the_expert_is_learnt_from(corrected: tuple[Layout, Layout], tmp_path: Path) -> None:
    """Rows name all that was taken over as mistakes, and never the whole session."""
    run, out = corrected
    config = ExportConfig(to=("sft",), format="jsonl", no_card=True)
    export(config, Sources(out, run.scenarios), tmp_path / "rows", EstimatedTokens(), Lines())
    rows = [json.loads(line) for file in (tmp_path / "rows").rglob("*.jsonl") for line in file.read_text().splitlines()]
    assert rows
    made = {each.id: each for each in map(load_trajectory, documents(out.trajectories, "*/*.json"))}
    for row in rows:
        told = json.loads(row["metadata"])
        trajectory = made[told["trajectory_id"]]
        given, typed = range(1, 2 * trajectory.given, 2), range(1, len(trajectory.turns), 2)
        assert set(given) <= set(told["mistakes"]) < set(typed)


def test_a_second_run_does_nothing(corrected: tuple[Layout, Layout]) -> None:
    """Corrections on disk stay as they are."""
    run, out = corrected
    before = {path: path.stat().st_mtime_ns for path in documents(out.trajectories, "*/*.json")}
    assert asyncio.run(correct(CorrectConfig(), run, None, out, Lines())) == 0
    assert {path: path.stat().st_mtime_ns for path in documents(out.trajectories, "*/*.json")} == before


def test_corrections_lie_beside_the_rollouts_and_make_pairs(tmp_path: Path, corrected: tuple[Layout, Layout]) -> None:
    """None takes another's name, none is corrected itself, and each is set against the student's action."""
    run = Layout.of_run(Path(shutil.copytree(corrected[0].root, tmp_path / "run")))
    for path in documents(run.trajectories, "*/saboteur-*.json"):
        path.unlink()
    scenario = next(stored(run))[0].scenario
    failed = acted("ls", "cat nowhere", "ls", "exit", scenario=scenario).trajectory
    (run.trajectories / scenario.id / "student-0.json").write_text(failed.to_json(), encoding="utf-8")
    rollouts = len(list(run.rollouts()))
    for _ in range(2):
        assert asyncio.run(correct(CorrectConfig(), run, None, run, Lines())) == 0
        assert len(list(run.rollouts())) == rollouts + 2
    assert pair(run, None, run, PairConfig(), Lines()).sources == {"correction": 1}
    (line,) = run.pairs.joinpath("pairs.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["rejected"] == [{"role": "assistant", "content": "cat nowhere"}]


def test_a_folder_without_failures_is_refused(tmp_path: Path, corrected: tuple[Layout, Layout]) -> None:
    """The message names the folder and what is wanted."""
    run, _ = corrected
    for path in documents(run.trajectories, "*/saboteur-*.json"):
        path.unlink()
    with pytest.raises(UsageError, match="saw none"):
        asyncio.run(correct(CorrectConfig(), run, None, Layout.found(tmp_path), Lines()))


def test_metadata_of_an_ordinary_rollout_name_no_given_turns() -> None:
    """A rollout that took over nothing has no such turns."""
    assert json.loads(metadata(acted(*SCENARIO.reference)))["mistakes"] == []
