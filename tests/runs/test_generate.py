"""Stage A by families: twins, re-skins and the split, with an author whose draws need no sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sekft import authors
from sekft.authors import DrawingAuthor
from sekft.cli.running import Lines
from sekft.errors import UsageError
from sekft.folder import Layout, documents
from sekft.folder import load_scenarios as load
from sekft.rejection import Rejection
from sekft.runs import generate as drawing
from sekft.runs.generate import GenerateConfig, family, generate
from sekft.scenario import Cell, Scenario, load_noun
from sekft.taxonomy import Axis, Taxonomy, Value, splits
from sekft.taxonomy import load as taxonomy
from tests import bundles

N = 12
PAIRED = ("difficulty=plain", "difficulty=busy", "ending=work", "ending=blocked")
"""Cells that have twins: neither several directives nor an empty queue can be blocked."""


class Weaver(DrawingAuthor):
    """An author whose bundles differ by cell, seed and skin, as far as structure goes."""

    name = "weaver"

    async def draw(self, cell: Cell, seed: int, skin: int = 0) -> Scenario:
        body = {"work": bundles.work, "empty": bundles.empty, "blocked": bundles.blocked}[cell["ending"]]()
        login = body["login"] | {"motd": f"{body['login']['motd']}Skin {skin} of {seed}.\n"}
        return bundles.sealed(body | {"cell": dict(cell), "seed": seed, "login": login, "family": f"{seed:x}"})


@pytest.fixture(autouse=True)
def weaver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authors, "make", lambda *_: Weaver())


async def made(folder: Path, where: tuple[str, ...] = (), **families: Any) -> list[Scenario]:
    plan = GenerateConfig(n=N, author="weaver", where=where, no_sandbox=True, **families)
    await generate(plan, Layout.of_stage(folder), Lines())
    return load(folder)


async def test_a_slot_holds_its_base_its_twin_and_its_reskins(tmp_path: Path) -> None:
    """n counts slots; each member names the base, and all share family, seed and part."""
    scenarios = {scenario.id: scenario for scenario in await made(tmp_path, PAIRED, twins=True, reskins=2)}
    assert len(scenarios) == 4 * N
    for scenario in scenarios.values():
        base = scenarios[scenario.twin_of or scenario.reskin_of or scenario.id]
        assert (base.family, base.seed, base.split) == (scenario.family, scenario.seed, scenario.split)
        assert (base.twin_of, base.reskin_of) == (None, None)
        assert (scenario.expected.kind != base.expected.kind) == (scenario.twin_of is not None)


async def test_twins_hold_a_solvable_and_a_blocked_version(tmp_path: Path) -> None:
    """A base that can be done has a twin that cannot, and the other way round."""
    scenarios = await made(tmp_path, PAIRED, twins=True)
    for slot in range(N):
        pair = [scenario.expected.kind for scenario in scenarios if scenario.provenance.slot == slot]
        assert sorted(pair) == ["blocked", "work"]


@pytest.mark.parametrize(
    ("ending", "barred", "twins"),
    [("work", "empty", ["blocked"]), ("blocked", "empty", ["work"]), ("work", "blocked", []), ("empty", "blocked", [])],
)
def test_only_what_can_be_blocked_has_a_twin(ending: str, barred: str, twins: list[str]) -> None:
    """Work and blocked are each other's twins, where no value excludes the other; an empty queue has none."""
    kinds = {name: Value(name, 1, name, {}) for name in ("work", "empty", "blocked")}
    bait = {"bait": Value("bait", 1, "bait", {"ending": frozenset([barred])})}
    axes = Taxonomy({"decoy": Axis("decoy", "decoy", bait), "ending": Axis("ending", "ending", kinds)})
    _, *found = family(axes, {"decoy": "bait", "ending": ending}, twins=True, reskins=0)
    assert [twin.cell["ending"] for twin in found] == twins


async def test_a_broken_off_family_is_completed(tmp_path: Path) -> None:
    """A slot that lacks a member is drawn again, to the same bytes."""
    await made(tmp_path, twins=True, reskins=1)
    before = {path.name: path.read_bytes() for path in documents(tmp_path)}
    for path in documents(tmp_path)[::3]:
        path.unlink()
    await made(tmp_path, twins=True, reskins=1)
    assert {path.name: path.read_bytes() for path in documents(tmp_path)} == before


async def test_a_held_out_value_takes_its_whole_family_along(tmp_path: Path) -> None:
    """One member with a held-out value is enough: a family is never split."""
    scenarios = await made(tmp_path, twins=True, holdout=("ending=blocked",))
    for scenario in scenarios:
        members = [other for other in scenarios if other.family == scenario.family]
        held = any(member.cell["ending"] == "blocked" for member in members)
        assert scenario.split == (splits.HELD_OUT if held else splits.TRAIN)
    assert {scenario.split for scenario in scenarios} == {splits.HELD_OUT, splits.TRAIN}


async def test_the_default_split_holds_out_whole_values(tmp_path: Path) -> None:
    """No scenario of the training part has a value that splits.toml names."""
    held = splits.held_out(taxonomy())
    assert held
    for scenario in await made(tmp_path):
        named = any(scenario.cell[axis] in values for axis, values in held.items())
        assert (scenario.split == splits.HELD_OUT) == named


async def test_none_holds_nothing_out(tmp_path: Path) -> None:
    """`--holdout none` makes everything training data."""
    assert {scenario.split for scenario in await made(tmp_path, holdout=("none",))} == {splits.TRAIN}


def test_an_unknown_held_out_value_is_wrong_usage() -> None:
    """The message names the option and lists the known."""
    with pytest.raises(UsageError, match=r"--holdout 'ending=odd'.*blocked"):
        splits.held_out(taxonomy(), ["ending=odd"])


class Sleeper(Weaver):
    """An author whose reference takes its time."""

    async def draw(self, cell: Cell, seed: int, skin: int = 0) -> Scenario:
        body = bundles.work()
        return bundles.sealed(body | {"seed": seed, "reference": ["sleep 5", *body["reference"]]})


async def test_a_gate_that_takes_too_long_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would keep a machine busy for hours is a rejected draw."""
    monkeypatch.setattr(authors, "make", lambda *_: Sleeper())
    monkeypatch.setattr(drawing, "ATTEMPTS", 1)
    monkeypatch.setattr(drawing, "GATE_S", 2.0)
    with pytest.raises(drawing.AuthorExhausted):
        await generate(GenerateConfig(n=1, author="sleeper"), Layout.of_stage(tmp_path), Lines())
    (file,) = documents(Layout.of_stage(tmp_path).rejected)
    assert load_noun(Rejection, file).reason == "too_slow"
