"""The main job, A to D, in real sandboxes with the real author and operators."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import sekft
from sekft import sandboxes
from sekft.authors import DrawingAuthor
from sekft.cli.running import Lines
from sekft.errors import InfraError, StoreError, UsageError
from sekft.folder import Layout, documents
from sekft.folder import load_scenarios as load
from sekft.protocols import SandboxSpec
from sekft.runs.generate import AuthorExhausted, GenerateConfig, generate
from sekft.runs.rollout import RolloutConfig, roll
from sekft.scenario import Cell, Scenario
from sekft.shell.chat_format import violations
from sekft.taxonomy import load as load_axes
from sekft.trajectory import KEPT, Trajectory, effects, load_trajectory
from tests import sets

N = sets.SCENARIOS
OPERATORS = ("explorer", "reference")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """One run folder with as many samples of each scripted operator, without the failing ones of the shared set."""
    layout = sets.filled(tmp_path_factory)
    for path in documents(layout.trajectories, "*/saboteur-*.json"):
        path.unlink()
    rolling = RolloutConfig(samples=sets.SAMPLES, operator="reference")
    assert asyncio.run(roll(rolling, load(layout.root), layout, Lines())) == 0
    return layout


def scenarios(layout: Layout) -> dict[str, Scenario]:
    return {scenario.id: scenario for scenario in load(layout.root)}


def trajectories(layout: Layout) -> list[Trajectory]:
    return [load_trajectory(path) for path in documents(layout.trajectories, "*/*.json")]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in documents(folder)}


def test_every_slot_is_filled_once(run: Layout) -> None:
    """Scenarios carry the slots 0 to n-1, each once, each proven in the sandbox."""
    made = scenarios(run).values()
    assert sorted(scenario.provenance.slot or 0 for scenario in made) == list(range(N))
    assert {scenario.gate.mode for scenario in made if scenario.gate} == {"sandbox"}


def test_every_rollout_ends_as_expected_and_is_kept(run: Layout) -> None:
    """Explorer and reference solve everything that the gate admitted, in the deploy form."""
    rolled = trajectories(run)
    assert len(rolled) == N * sets.SAMPLES * len(OPERATORS)
    for trajectory in rolled:
        expected = scenarios(run)[trajectory.scenario_id].expected
        assert trajectory.outcome in KEPT
        assert trajectory.ending.kind == expected.terminal
        assert trajectory.keep, trajectory.keep_reasons
        assert violations(trajectory) == []


def test_messages_are_the_deploy_form(run: Layout) -> None:
    """system, then user and assistant alternating up to the assistant's last word."""
    for trajectory in trajectories(run):
        roles = [message["role"] for message in trajectory.messages()]
        assert roles == ["system"] + ["user", "assistant"] * (len(roles) // 2)


def test_marks_stand_in_order_of_the_mechanism(run: Layout) -> None:
    """Seen before noticed, retrieved before the last change, all before the end."""
    for trajectory in trajectories(run):
        marks = trajectory.mechanism
        assert marks.seen is not None
        assert marks.noticed is not None
        assert marks.retrieved is not None
        assert marks.ended == len(trajectory.turns) - 1
        assert marks.seen < marks.noticed < marks.ended
        assert marks.retrieved < marks.ended
        if marks.executed is not None:
            assert marks.retrieved < marks.executed < marks.ended


async def test_a_stored_trajectory_replays_to_the_same_state(run: Layout) -> None:
    """Typing the recorded actions again into a fresh sandbox leaves the recorded effects."""
    sandbox = sandboxes.pick("auto")
    for trajectory in trajectories(run)[:12]:
        scenario = scenarios(run)[trajectory.scenario_id]
        spec = SandboxSpec.of(scenario)
        async with sandbox.open(spec) as session:
            before = await session.state()
            for turn in trajectory.turns:
                if turn.role == "action":
                    await session.exec(turn.content)
            await session.check("exit 0")
            assert effects(before, await session.state()) == trajectory.effects


async def test_gated_scenarios_are_the_same_bytes_again(run: Layout, tmp_path: Path) -> None:
    """The same seed in another folder, at another concurrency and a smaller n, gives equal files."""
    half = Layout.of_stage(tmp_path)
    await generate(GenerateConfig(n=N // 2, author="procedural", seed=sets.SEED, concurrency=1), half, Lines())
    assert contents(half.scenarios).items() < contents(run.scenarios).items()
    assert len(contents(half.scenarios)) == N // 2


async def test_nothing_is_done_twice(run: Layout) -> None:
    """The same job over a finished folder writes no file again."""
    times = {path: path.stat().st_mtime_ns for path in run.root.rglob("*.json") if ".sekft" not in path.parts}
    await generate(GenerateConfig(n=N, author="procedural", seed=sets.SEED), run, Lines())
    assert await roll(RolloutConfig(samples=sets.SAMPLES, operator="explorer"), load(run.root), run, Lines()) == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times


async def test_where_restricts_cells(tmp_path: Path) -> None:
    """The same axis twice means or, different axes mean and."""
    where = ("ending=empty", "ending=blocked", "userland=gnu")
    layout = Layout.of_stage(tmp_path)
    await generate(GenerateConfig(n=4, author="procedural", where=where, no_sandbox=True), layout, Lines())
    for scenario in load(tmp_path):
        assert scenario.cell["ending"] in ("empty", "blocked")
        assert scenario.cell["userland"] == "gnu"


class Hopeless(DrawingAuthor):
    """An author whose every draw lacks a checker."""

    name = "hopeless"

    async def draw(self, cell: Cell, seed: int, skin: int = 0) -> Scenario:
        from tests import bundles

        return bundles.sealed(bundles.work() | {"checker": " ", "seed": seed})


async def test_a_cell_that_never_passes_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 20 rejected draws the slot is given up by name, and every reject is stored."""
    from sekft import authors

    monkeypatch.setattr(authors, "make", lambda *_: Hopeless())
    layout = Layout.of_stage(tmp_path)
    with pytest.raises(AuthorExhausted, match=rf"slot 0 .*none of 20 draws passed.*in {layout.rejected}$"):
        await generate(GenerateConfig(n=1, author="hopeless", no_sandbox=True), layout, Lines())
    assert len(documents(layout.rejected)) == 20
    with pytest.raises(AuthorExhausted, match=r"none of 20 draws passed.*the last one: no_checker: "):
        _ = [scenario async for scenario in sekft.agenerate(n=1, author="hopeless", no_sandbox=True)]


class Patchy(Hopeless):
    """An author whose service is down whenever an empty queue is asked for."""

    async def draw(self, cell: Cell, seed: int, skin: int = 0) -> Scenario:
        from tests import bundles

        if isinstance(cell, dict) and cell["ending"] == "empty":
            raise InfraError("the service kept failing")
        return bundles.sealed(bundles.work() | {"seed": seed})


async def test_a_slot_that_breaks_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be drawn is drawn; the command then says how many slots are left, and the next run does only these."""
    from sekft import authors

    monkeypatch.setattr(authors, "make", lambda *_: Patchy())
    layout, plan = Layout.of_stage(tmp_path), GenerateConfig(n=12, author="patchy", no_sandbox=True)
    for _ in range(2):
        with pytest.raises(InfraError, match=r"of 12 slots are left, .*kept failing"):
            await generate(plan, layout, Lines())
    empty = [slot for slot in range(12) if load_axes().cell(0, slot)["ending"] == "empty"]
    assert empty
    assert len(documents(layout.scenarios)) == 12 - len(empty)


def test_defaults_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """SEKFT_MODEL means teacher, SEKFT_OP_MODEL means model; else the scripted ones."""
    for name in ("SEKFT_MODEL", "SEKFT_OP_MODEL"):
        monkeypatch.delenv(name, raising=False)
    assert (GenerateConfig().author_name, RolloutConfig().operator_name) == ("procedural", "explorer")
    monkeypatch.setenv("SEKFT_MODEL", "m")
    monkeypatch.setenv("SEKFT_OP_MODEL", "m")
    assert (GenerateConfig().author_name, RolloutConfig().operator_name) == ("teacher", "model")


async def test_another_recovery_share_is_refused_by_name(run: Layout) -> None:
    """The explorer's share of mended mistakes is part of what a folder is made with."""
    rolling = RolloutConfig(samples=sets.SAMPLES, operator="explorer", recovery_share=0.5)
    with pytest.raises(StoreError, match=r'operator\.recovery_share was "0\.25", now "0\.5"'):
        await roll(rolling, load(run.root), run, Lines())


async def test_an_unknown_operator_lists_the_known(run: Layout) -> None:
    """A name that is no kind is wrong usage."""
    with pytest.raises(UsageError, match="explorer"):
        await roll(RolloutConfig(samples=1, operator="wizard"), load(run.root), run, Lines())
