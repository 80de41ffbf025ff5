"""The procedural author: every kind of every axis composes into a sound bundle."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from sekft.authors.procedural.author import ProceduralAuthor, compose
from sekft.authors.procedural.provider.real import REAL
from sekft.authors.procedural.provider.syntaxes import SYNTAXES
from sekft.gate.static import examine
from sekft.scenario import Scenario
from sekft.taxonomy import load

N = 400


@pytest.fixture(scope="module")
def scenarios() -> list[Scenario]:
    taxonomy = load()
    return [compose(taxonomy.cell(11, slot), slot) for slot in range(N)]


def test_a_draw_depends_on_cell_and_seed_alone() -> None:
    """The same cell and seed give the same bytes; the next seed gives another scenario."""
    cell = load().cell(3, 5)
    author = ProceduralAuthor()
    first, again, other = (asyncio.run(author.draw(cell, seed)) for seed in (9, 9, 10))
    assert first.to_json() == again.to_json()
    assert first.id != other.id


def test_every_scenario_is_structurally_sound(scenarios: list[Scenario]) -> None:
    """The gate's dry run finds nothing in any cell."""
    assert [(scenario.cell, found) for scenario in scenarios if (found := examine(scenario))] == []


def test_ids_never_repeat_and_survive_a_round_trip(scenarios: list[Scenario]) -> None:
    """A content hash: equal after JSON and back, different for every draw."""
    assert len({scenario.id for scenario in scenarios}) == N
    for scenario in scenarios[:20]:
        again = Scenario.model_validate_json(scenario.to_json())
        assert again.content_id == scenario.id


def test_nearly_every_interface_is_new(scenarios: list[Scenario]) -> None:
    """The drawn parts together hardly ever repeat, and every call syntax appears."""
    drawn = {tuple(sorted(scenario.provider.interface.items())) for scenario in scenarios}
    assert len(drawn) == N
    assert {scenario.cell["syntax"] for scenario in scenarios} == {*SYNTAXES, "native"}


def test_no_name_of_one_scenario_hides_in_another_tool_name(scenarios: list[Scenario]) -> None:
    """No two scenarios share an invented tool, and none of a setting's is common."""
    own = [one for one in scenarios if one.cell["provider"] not in REAL]
    tools = {
        dial: [one.provider.command for one in own if (one.cell["names"] == "plain") == dial] for dial in (True, False)
    }
    assert len(set(tools[False])) >= 0.99 * len(tools[False])
    assert max(Counter(tools[True]).values()) <= 0.02 * N


def test_the_login_never_holds_an_imperative_or_a_directive(scenarios: list[Scenario]) -> None:
    """The announcement says where directives are, and no more."""
    for scenario in scenarios:
        login = scenario.login.motd + scenario.login.banner + " ".join(scenario.login.env.values())
        assert not any(needle in login for needle in scenario.needles.directives)
        assert "[" not in scenario.needles.announcement
        assert "<" not in scenario.needles.announcement


def test_nothing_at_login_depends_on_the_ending() -> None:
    """The same seed under another ending greets in the same words, with the same orientation and documentation."""
    for slot in range(40):
        cell = {**load().cell(3, slot), "decoy": "none", "difficulty": "busy"}
        first, *others = (compose(cell | {"ending": ending}, slot) for ending in ("work", "empty", "blocked"))
        for other in others:
            assert (other.login, other.orientation) == (first.login, first.orientation)


def test_a_twin_differs_by_its_obstacle_alone() -> None:
    """Of the same seed, both versions share the tool, its documentation and what else lies about."""
    for slot in range(60):
        cell = {**load().cell(4, slot), "difficulty": "busy"}
        solvable, blocked = (compose(cell | {"ending": ending}, slot) for ending in ("work", "blocked"))
        assert solvable.family == blocked.family
        assert solvable.provider == blocked.provider
        here, there = ({file.path: file for file in twin.files} for twin in (solvable, blocked))
        differing = [path for path in {**here, **there} if here.get(path) != there.get(path)]
        tops = [path for path in differing if not any(path.startswith(f"{other}/") for other in differing)]
        assert len(tops) <= 8, (cell, tops)


def test_a_reskin_keeps_the_work_and_nothing_of_the_surface() -> None:
    """Another skin of the same seed: the same cell, other names, other words, other texts."""
    for slot in range(60):
        cell = load().cell(5, slot) | {"names": "invented"}
        first, second = (compose(cell, slot, skin) for skin in (0, 1))
        assert (first.cell, first.family) == (second.cell, second.family)
        assert first.provider.help != second.provider.help
        assert first.needles.announcement != second.needles.announcement
        assert not {file.path for file in first.files if first.login.user in file.path} & {f.path for f in second.files}
        assert [step.goal for step in first.plan] == [step.goal for step in second.plan]


def test_a_panic_names_the_entry_wherever_its_id_was_shown(scenarios: list[Scenario]) -> None:
    """Only a sheet without ids, or a refused call, leaves a reason without one; two that contradict are both named."""
    named = 0
    for scenario in scenarios:
        refused = scenario.expected.kind != "blocked" or not scenario.needles.directives
        facts = scenario.provider.interface
        if refused or (facts.get("head") == "plain" and "read" not in facts["roles"].split()):
            continue
        ids = [directive.id for directive in scenario.directives]
        for way in scenario.plan[-1].ways:
            assert all(id_ in way[0] for id_ in ids), (ids, way)
            named += bool(ids)
    assert named > 50


def test_a_refused_call_is_told_in_many_ways_none_of_them_stilted(scenarios: list[Scenario]) -> None:
    """Each names what was called and what it said."""
    sealed = [scenario for scenario in scenarios if any(file.path.endswith("/sealed") for file in scenario.files)]
    assert len(sealed) > 10
    for scenario in sealed:
        said = next(file.content or "" for file in scenario.files if file.path.endswith("/sealed"))
        reasons = [way[0] for way in scenario.plan[-1].ways]
        assert len(set(reasons)) > 4
        assert all(said.strip().removeprefix("refused: ") in reason for reason in reasons)
        assert all(scenario.provider.command in reason for reason in reasons)
        assert not any("gives out nothing" in reason for reason in reasons)


def test_shelves_are_read_in_the_order_in_which_they_are_listed(scenarios: list[Scenario]) -> None:
    """No plan goes back to a shelf or a board that comes before one that it has read."""
    grouped = 0
    for scenario in scenarios:
        names = next((file.content or "" for file in scenario.files if file.path.endswith("/groups")), "").split()
        calls = [call for call in scenario.reference if scenario.provider.command in call]
        read = [name for call in calls for name in names if name in call.replace("=", " ").split()]
        grouped += len(set(read)) > 1
        assert read == sorted(read), scenario.reference
    assert grouped > 5
