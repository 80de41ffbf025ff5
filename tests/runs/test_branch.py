"""Branches of stored rollouts: where they begin, what they find, and what a second run does."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from sekft import operators, sandboxes
from sekft.cli.running import Lines
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.dataset.pair import Pair, read
from sekft.errors import UsageError
from sekft.folder import ROLLOUTS, Folder, Layout, documents
from sekft.folder.stored import stored
from sekft.operators.explorer import ExplorerOperator, resumed
from sekft.protocols import Action, Operator, OperatorConfig, Policy
from sekft.rollouts.record import record
from sekft.rollouts.rollout import rollout
from sekft.rollouts.verify import judge
from sekft.runs.branch import BranchConfig, branch, known
from sekft.scenario import Scenario
from sekft.seeds import stream
from sekft.trajectory import OperatorInfo, Trajectory, Turn, load_trajectory
from tests import bundles, sets
from tests.commands import forked

SCENARIO = bundles.sealed(bundles.work())
SLIP = 4
"""The action that decides, counted from 0."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return sets.filled(tmp_path_factory)


@pytest.fixture
def run(filled: Layout, tmp_path: Path) -> Layout:
    """Half of the scenarios, with their rollouts."""
    layout = Layout.of_run(shutil.copytree(filled.root, tmp_path / "run"))
    for bundle in documents(layout.scenarios)[1::2]:
        bundle.unlink()
        shutil.rmtree(layout.trajectories / bundle.stem)
    return layout


def grown(run: Layout, operator: Operator, branches: int) -> list[Trajectory]:
    config = BranchConfig(branches=branches)
    assert asyncio.run(branch(config, run, None, run, Lines(), operator)) == 0
    return [load_trajectory(path) for path in documents(run.root / "pairs" / "branches", "*/*.json")]


class Fickle(Operator):
    """Looks one way or another, which decides nothing; then writes the right word or a wrong one, which does."""

    def __init__(self) -> None:
        self.info = OperatorInfo(kind="fickle", model="a model by its behaviour")
        self.asked = 0

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return _Fickle(self, seed)


class _Fickle:
    def __init__(self, operator: Fickle, seed: int) -> None:
        rng = stream(seed, "fickle")
        look, word = rng.choice(("ls", "pwd")), rng.choice(("granite", "gravel"))
        *before, _, close, end = SCENARIO.reference
        self._script = [look, *before, f"echo {word} > stone.txt", close, end]
        self._operator = operator

    async def act(self, turns: Sequence[Turn]) -> Action:
        self._operator.asked += 1
        return Action(self._script[len(turns) // 2])


@pytest.fixture(scope="module")
def fickle(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Rollouts of one scenario that end right or wrong by one word."""
    layout = Layout.of_run(tmp_path_factory.mktemp("fickle"))
    folder = Folder(layout.root)
    folder.write(layout.scenarios / f"{SCENARIO.id}.json", SCENARIO.to_json())

    async def roll() -> None:
        for sample in range(5):
            seen = await rollout(SCENARIO, sandboxes.pick("auto"), Fickle(), sample, sample)
            made = record(SCENARIO, seen, judge(SCENARIO, seen))
            folder.write(layout.trajectories / SCENARIO.id / f"fickle-{sample}.json", made.to_json())

    asyncio.run(roll())
    outcomes = {load_trajectory(path).outcome for path in documents(layout.trajectories, ROLLOUTS)}
    assert outcomes == {"solved", "false_exit"}
    return layout


def paired(run: Layout) -> list[Pair]:
    pair(run, None, run, PairConfig(per_scenario=100), Lines())
    return list(read(run.root / "pairs" / "pairs.jsonl"))


def test_a_branch_begins_as_its_trajectory_did(run: Layout) -> None:
    """What was typed before the failure is typed again and answered alike; then the branch goes its own, right way."""
    sources = {made.id: (made, actions) for group in stored(run) for made, actions in known(group)}
    branches = grown(run, ExplorerOperator(), 2)
    assert len(branches) == 2 * len(sources)
    for made in branches:
        source, actions = sources[made.operator.settings["branch_of"]]
        assert (
            made.operator.settings["actions"] == str(actions) == str(source.fault.turn // 2 if source.fault else None)
        )
        assert [turn.content for turn in made.turns[: 2 * actions + 1]] == [
            turn.content for turn in source.turns[: 2 * actions + 1]
        ]
        assert made.keep
        assert made.actions[actions:] != source.actions[actions:]


def test_branches_before_a_failure_make_more_pairs(run: Layout) -> None:
    """Another right way, and another wrong one, from the same prefix stand against what was there."""
    before = {(pair.chosen[0].content, pair.rejected[0].content) for pair in paired(run)}
    grown(run, ExplorerOperator(), 3)
    right = paired(run)
    grown(run, operators.make("saboteur", OperatorConfig()), 3)
    both = paired(run)
    assert len(before) < len(right) < len(both)
    assert any(len({pair.chosen[0].content for pair in right if pair.prompt == one.prompt}) > 1 for one in right)


def test_halving_finds_the_action_that_decided(fickle: Layout) -> None:
    """Of six actions the one with the wrong word is the rejected side, against the right word at the same prompt."""
    grown(fickle, Fickle(), 4)
    pairs = paired(fickle)
    assert {(pair.turn, pair.chosen[0].content, pair.rejected[0].content) for pair in pairs} == {
        (2 * SLIP + 1, "echo granite > stone.txt", "echo gravel > stone.txt")
    }
    assert {(pair.source, pair.cause, pair.outcome, pair.margin) for pair in pairs} == {
        ("branch", None, "false_exit", 1.0)
    }


def test_what_is_grown_is_not_grown_again(fickle: Layout) -> None:
    """A second run asks nothing; with more branches it asks for these alone."""
    first = grown(fickle, Fickle(), 4)
    again = Fickle()
    assert grown(fickle, again, 4) == first
    assert again.asked == 0
    more = grown(fickle, again, 5)
    assert again.asked > 0
    assert {made.id for made in first} < {made.id for made in more}


def test_the_rest_of_a_plan_is_what_was_not_typed() -> None:
    """After a way of a step the step is done, whoever took it; one typed in a chain counts, too."""
    plan = [
        {"goal": "look", "ways": [["cat plan.txt"], ["ls"]]},
        {"goal": "learn", "ways": [["chit --help"]]},
        {"goal": "execute", "ways": [["cd /srv", "touch a"], ["touch /srv/a"]]},
        {"goal": "confirm", "ways": [["ls /srv"]]},
        {"goal": "end", "ways": [["exit"]]},
    ]
    scenario = bundles.sealed(bundles.work() | {"plan": plan})

    def rest(*commands: str) -> list[str]:
        return [beat.command for beat in resumed(scenario, commands, stream(1, "x"))]

    assert rest("ls", "chit --help", "touch /srv/a") == ["ls /srv", "exit"]
    assert rest("cat plan.txt", "chit --help", "touch /srv/a && ls /srv") == ["exit"]
    assert rest("pwd")[-2:] == ["ls /srv", "exit"]
    assert len(rest("pwd")) in (5, 6)


def test_the_command_grows_branches_first(run: Layout) -> None:
    """With --branches the pairs are made of what is grown as well; the model that is missing is named."""
    command = ("pairs", "--trajectories", run.root, "--per-scenario", "9", "--json")
    plain = forked(*command)
    done = forked(*command, "--branches", "2", "--operator", "explorer")
    assert (plain.returncode, done.returncode) == (0, 0), done.stderr
    assert json.loads(done.stdout)["pairs"] > json.loads(plain.stdout)["pairs"]
    lame = forked("pairs", "--trajectories", run.root, "--branches", "2", "--operator", "model")
    assert lame.returncode == 2
    assert "SEKFT_OP_MODEL" in lame.stderr


def test_a_model_that_is_named_goes_on(run: Layout) -> None:
    """--model alone lets a student act, known by the names that `sekft rollout` knows; no other operator takes one."""
    done = forked("pairs", "--trajectories", run.root, "--branches", "1", "--model", "nowhere")
    assert done.returncode == 2
    assert "want smollm2, or a folder" in done.stderr
    with pytest.raises(UsageError, match="is for --operator student"):
        _ = BranchConfig(branches=1, operator="explorer", model="nowhere").operator_name
