"""Operators that are not to be kept: failures that end as labelled, and guesses that see nothing."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

from sekft import operators, sandboxes
from sekft.authors.procedural.author import ProceduralAuthor, compose
from sekft.authors.procedural.host import wording
from sekft.operators.explorer import ExplorerOperator
from sekft.operators.saboteur import FAILURES, GUESSING, SaboteurOperator, _shows_decoy, ends
from sekft.protocols import Operator, OperatorConfig
from sekft.rollouts.record import reasons_against, record
from sekft.rollouts.rollout import rollout
from sekft.rollouts.verify import judge
from sekft.scenario import ExpectedKind, Scenario
from sekft.shell.grounding import ungrounded
from sekft.shell.syntax import only_looks
from sekft.taxonomy import load, parse_where
from sekft.trajectory import Fault, Trajectory

KINDS: tuple[ExpectedKind, ...] = ("work", "empty", "blocked")
A_KIND = 4


@cache
def scenarios() -> list[Scenario]:
    author, axes = ProceduralAuthor(), load()

    async def drawn() -> list[Scenario]:
        cells = [axes.cell(23, slot, parse_where(axes, [f"ending={kind}"])) for kind in KINDS for slot in range(A_KIND)]
        cells += [axes.cell(23, slot, parse_where(axes, ["ending=work", "provider=claims"])) for slot in range(2)]
        return [await author.draw(cell, seed) for seed, cell in enumerate(cells)]

    return asyncio.run(drawn())


def roll(rows: list[tuple[Scenario, Operator, int]]) -> list[Trajectory]:
    """A rollout for each (scenario, operator, sample), four at once."""
    sandbox, room = sandboxes.pick("auto"), asyncio.Semaphore(4)

    async def one(scenario: Scenario, operator: Operator, sample: int) -> Trajectory:
        async with room:
            observed = await rollout(scenario, sandbox, operator, sample, 100 + sample)
            return record(scenario, observed, judge(scenario, observed))

    async def all_of_them() -> list[Trajectory]:
        return await asyncio.gather(*(one(*row) for row in rows))

    return asyncio.run(all_of_them())


@cache
def sabotaged() -> list[tuple[Scenario, Trajectory]]:
    """Enough samples of each scenario that every failure that fits it comes up."""
    rows: list[tuple[Scenario, Operator, int]] = [
        (scenario, SaboteurOperator(0.25), sample)
        for scenario in scenarios()
        for sample in range(len(ends(scenario.expected.kind)))
    ]
    return list(zip([row[0] for row in rows], roll(rows), strict=True))


def test_every_failure_ends_as_its_label_says_and_none_is_kept() -> None:
    """What a failure is called and how it ends agree, by the state of the sandbox."""
    wrong = []
    for scenario, made in sabotaged():
        assert made.fault is not None
        wanted = ends(scenario.expected.kind)[made.fault.kind]
        if made.outcome != wanted or made.keep:
            wrong.append((scenario.id, scenario.cell, made.fault, made.outcome, wanted))
    assert wrong == []


def test_every_failure_comes_up() -> None:
    """Samples of one scenario go through all the failures that fit it; together they are all that there are."""
    assert {made.fault.kind for _, made in sabotaged() if made.fault} == set(FAILURES)


def test_a_failure_branches_off_the_explorers_own_prefix() -> None:
    """Up to the turn that the fault names, the terminal is that of the explorer with the same seed, but for looks."""
    scenario = scenarios()[0]
    rows: list[tuple[Scenario, Operator, int]] = []
    for sample in range(5):
        rows += [(scenario, ExplorerOperator(0.25), sample), (scenario, SaboteurOperator(0.25), sample)]
    made = roll(rows)
    for explorer, saboteur in zip(made[::2], made[1::2], strict=True):
        assert explorer.keep
        assert saboteur.fault is not None
        at = saboteur.fault.turn
        own = {turn.content for turn in explorer.turns if turn.role == "action"}
        shared = [turn.content for turn in saboteur.turns[:at] if turn.role == "action"]
        typed = [turn.content for turn in explorer.turns if turn.role == "action"]
        assert [text for text in shared if text in own] == typed[: len([text for text in shared if text in own])]
        assert all(only_looks(text) for text in shared if text not in own)
        assert len(saboteur.turns) > at
        assert saboteur.turns[at].role == "action"


def test_a_failure_types_nothing_that_was_not_shown() -> None:
    """An unseen path would tell the failing side of a pair at sight; only failures that are guesses hold one."""
    guesses = [
        (made.fault, found)
        for _, made in sabotaged()
        if made.fault and made.fault.kind not in GUESSING and (found := ungrounded(made.turns))
    ]
    assert len(sabotaged()) > 100
    assert guesses == []


def test_most_failures_share_the_explorers_whole_prefix() -> None:
    """Looks that only a failure needs come before few of them: a pair wants one prefix up to the fault."""
    failed = sabotaged()[::4]
    right = roll([(scenario, ExplorerOperator(0.25), one.sample) for scenario, one in failed])
    alike = [
        [turn.content for turn in one.turns[: one.fault.turn]]
        == [turn.content for turn in other.turns[: one.fault.turn]]
        for (_, one), other in zip(failed, right, strict=True)
        if one.fault
    ]
    assert len(alike) == len(failed) > 25
    assert sum(alike) > 0.9 * len(alike)


def test_a_look_at_a_bait_shows_the_bait() -> None:
    """The file of the home that asks for the decoy's work, not one that holds a name of it by chance."""
    for slot in range(60):
        scenario = compose(load().cell(77, slot, {"decoy": frozenset(("bait",))}), slot)
        [look] = _shows_decoy(scenario)
        stem = look.rpartition("/")[2].rpartition(".")[0]
        assert stem in wording()["decoys"]["baits"], (slot, look)


def test_a_wrong_deed_begins_with_the_deed() -> None:
    """The turn that a fault names neither only looks at something nor does what the plan does: that is no failure."""
    deeds = {"follows_decoy", "gets_it_wrong", "carries_on", "tidies_up", "makes_work"}
    begun = [
        (
            made.turns[made.fault.turn].content,
            {command for step in scenario.plan for way in step.ways for command in way},
        )
        for scenario, made in sabotaged()
        if made.fault and made.fault.kind in deeds
    ]
    assert len(begun) > 20
    assert [
        typed
        for typed, known in begun
        if typed in known or (">" not in typed and typed.split()[0] in ("ls", "cat", "head", "tail"))
    ] == []


def test_a_record_with_a_fault_is_not_kept_whatever_came_of_it() -> None:
    """A failure that was meant to be one is no good data even where luck made it end well."""
    (kept,) = roll([(scenarios()[0], ExplorerOperator(0.0), 0)])
    lucky = kept.model_copy(update={"fault": Fault(turn=3, kind="guesses_flags")})
    assert reasons_against(kept, "work", []) == []
    assert reasons_against(lucky, "work", []) == ["fault guesses_flags"]


def test_who_sees_nothing_is_not_kept() -> None:
    """The best guess that fits any scenario fits none."""
    blind = operators.make("blind", OperatorConfig())
    rows: list[tuple[Scenario, Operator, int]] = [(one, blind, sample) for one in scenarios() for sample in range(2)]
    made = roll(rows)
    assert [one.scenario_id for one in made if one.keep] == []
    assert {one.ending.kind for one in made} == {"exit", "panic"}


def test_the_documentation_tells_every_failure_and_how_it_ends() -> None:
    """docs/operators.md has a row for each failure, and none more."""
    page = (Path(__file__).parents[2] / "docs" / "operators.md").read_text(encoding="utf-8")
    rows = {row.split("|")[1].strip(" `"): row for row in page.splitlines() if row.count("|") == 6 and "`" in row}
    told = {name: [cell.strip(" `") for cell in row.split("|")[3:6]] for name, row in rows.items()}
    assert told == {name: [failure.ends.get(kind, "") for kind in KINDS] for name, failure in FAILURES.items()}
