"""The explorer in real sandboxes: it ends every kind of scenario rightly, and guesses nothing."""

from __future__ import annotations

import asyncio
from functools import cache

import pytest

from sekft import sandboxes
from sekft.authors.procedural.author import compose
from sekft.operators.explorer import ExplorerOperator, script
from sekft.rollouts.record import record
from sekft.rollouts.rollout import rollout
from sekft.rollouts.verify import judge
from sekft.scenario import PlanStep, Scenario
from sekft.seeds import stream
from sekft.shell.chat_format import violations
from sekft.shell.grounding import ungrounded
from sekft.taxonomy import load
from sekft.trajectory import KEPT, Trajectory

SCENARIOS, SAMPLES = 21, 2
WANTED = {"work": "solved", "empty": "idle", "blocked": "rightly_blocked"}


def roll(slots: range, recovery_share: float, samples: int) -> list[tuple[Scenario, Trajectory]]:
    """Scenarios of these slots, each rolled out a few times."""
    taxonomy = load()
    drawn = [compose(taxonomy.cell(5, slot), slot) for slot in slots]
    rows = [(scenario, sample) for scenario in drawn for sample in range(samples)]
    return list(zip([scenario for scenario, _ in rows], acted(rows, recovery_share), strict=True))


@cache
def rolled() -> list[tuple[Scenario, Trajectory]]:
    return roll(range(SCENARIOS), 0.25, SAMPLES)


def test_every_rollout_ends_as_the_scenario_wants_and_is_kept() -> None:
    """Solved, idle or rightly blocked, by the state of the sandbox."""
    wrong = [
        (scenario.cell, trajectory.outcome, trajectory.keep_reasons)
        for scenario, trajectory in rolled()
        if trajectory.outcome != WANTED[scenario.expected.kind] or not trajectory.keep
    ]
    assert wrong == []
    assert {trajectory.outcome for _, trajectory in rolled()} == set(KEPT)


def test_every_action_is_grounded_and_every_record_is_deploy_form() -> None:
    """Nothing typed that was not shown or common; nothing recorded that would not be typed."""
    for _, trajectory in rolled():
        assert ungrounded(trajectory.turns) == {}
        assert violations(trajectory) == []


def test_samples_of_a_scenario_differ() -> None:
    """Two samples of one scenario have the same script in at most a tenth of the scenarios."""
    drawn = [compose(load().cell(5, slot), slot) for slot in range(100)]
    scripts = [
        [script(scenario, stream(sample, "explorer", scenario.id), 0.25) for sample in (0, 1)] for scenario in drawn
    ]
    assert sum(one == other for one, other in scripts) <= 10


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_of_mended_mistakes_is_an_option(share: float) -> None:
    """At 0 no command fails but for what blocks the work; at 1 every trajectory holds one that does."""
    rolls = roll(range(40, 46), share, samples=1)
    assert [_slipped(scenario, trajectory) for scenario, trajectory in rolls] == [share == 1.0] * len(rolls)
    assert all(trajectory.keep for _, trajectory in rolls)


def test_what_goes_wrong_with_a_tool_is_typed_and_mended() -> None:
    """Calls that the author knows to fail (no id, a placeholder as it stands) meet an error and are mended."""
    wrong = []
    for scenario, trajectory in roll(range(60, 72), 1.0, samples=1):
        assert trajectory.keep, trajectory.keep_reasons
        known = {command for step in scenario.plan for command in step.mistakes}
        right = {command for step in scenario.plan for way in step.ways for command in way}
        for at, turn in enumerate(trajectory.turns):
            if turn.role == "action" and turn.content in known - right:
                wrong.append(trajectory.turns[at + 1].status)
    assert len(wrong) >= 2
    assert all(wrong)


def _slipped(scenario: Scenario, trajectory: Trajectory) -> bool:
    """Whether a command failed that is no way of the plan, before it was seen what blocks the work."""
    turns = trajectory.turns
    if scenario.expected.kind == "blocked":
        turns = turns[: trajectory.mechanism.retrieved]
    planned = {command for step in scenario.plan for way in step.ways for command in way}
    return any(
        turn.status
        and turns[at - 1].content not in planned
        and not any(text in turn.content for text in scenario.needles.texts)
        for at, turn in enumerate(turns)
    )


def test_what_cannot_be_grounded_leaves_the_rollout_unfinished_and_is_named() -> None:
    """A plan whose command nothing shows is not typed: no infra error, and the ending says what was missing."""
    scenario = compose(load().cell(5, 2), 1)
    guess = scenario.model_copy(update={"plan": [PlanStep(goal="execute", ways=[["zorbix --secret"]])]})
    (trajectory,) = acted([(guess, 0)])
    assert (trajectory.outcome, trajectory.keep) == ("unfinished", False)
    assert "zorbix" in (trajectory.ending.reason or "")
    assert not any("zorbix" in turn.content for turn in trajectory.turns)
    assert ungrounded(trajectory.turns) == {}


@pytest.mark.parametrize("told", [True, False])
def test_a_scenario_without_a_plan_is_done_by_its_reference(told: bool) -> None:
    """It looks, asks the tool for help, and types the reference, whether or not that holds the looks and the help."""
    taxonomy = load()
    scenarios = [compose(taxonomy.cell(5, slot), slot) for slot in range(30, 44)]
    bare = [scenario.model_copy(update={"plan": [], "reference": _short(scenario, told)}) for scenario in scenarios]
    for scenario, trajectory in zip(bare, acted([(one, 0) for one in bare]), strict=True):
        assert trajectory.outcome == WANTED[scenario.expected.kind], (scenario.cell, trajectory.ending)
        assert trajectory.keep
        assert ungrounded(trajectory.turns) == {}


def _short(scenario: Scenario, told: bool) -> list[str]:
    left_out = [] if told else [text for step in scenario.plan[:2] for text in step.ways[0]]
    return [text for text in scenario.reference if text not in left_out]


def test_before_it_gives_up_it_looks_at_what_blocks_the_work() -> None:
    """A third or more of the sessions that something blocks go on with looks of their own, and say what they showed."""
    cells = [load().cell(9, slot, {"ending": frozenset(("blocked",))}) for slot in range(60)]
    scenarios = [compose(cell, slot) for slot, cell in enumerate(cells)]
    seen = [scenario for scenario in scenarios if any(step.goal == "execute" for step in scenario.plan)]
    made = acted([(scenario, 0) for scenario in seen])
    planned = [{command for step in one.plan for way in step.ways for command in way} for one in seen]
    more = [
        [turn.content for turn in one.turns[7:-1] if turn.role == "action" and turn.content not in known]
        for one, known in zip(made, planned, strict=True)
    ]
    assert sum(map(bool, more)) > 0.3 * len(seen)
    assert max(map(len, more)) <= 8
    assert {one.outcome for one in made} == {"rightly_blocked"}
    assert all(one.keep and ungrounded(one.turns) == {} for one in made)
    assert any("find shows none" in (one.ending.reason or "") for one in made)


def test_the_panic_of_a_refused_call_names_its_exit_status() -> None:
    """Where the tool refuses, `echo $?` and what the help says of that status come before some panics."""
    cells = [load().cell(9, slot, {"ending": frozenset(("blocked",))}) for slot in range(40)]
    sealed = [scenario for slot, cell in enumerate(cells) if not (scenario := compose(cell, slot)).directives]
    made = acted([(scenario, 0) for scenario in sealed])
    typed = [turn.content for one in made for turn in one.turns if turn.role == "action"]
    assert "echo $?" in typed
    assert any(text.endswith("| grep -i status") for text in typed)
    assert any("exit status" in (one.ending.reason or "") for one in made)


def test_a_wrong_verb_is_tried_where_a_terse_help_leaves_it_open() -> None:
    """It harms and acknowledges nothing, comes after the help, and the right call follows."""
    cells = [load().cell(9, slot, {"documentation": frozenset(("terse",))}) for slot in range(80)]
    scenarios = [compose(cell, slot) for slot, cell in enumerate(cells)]
    tempting = [scenario for scenario in scenarios if _wrong_verbs(scenario)]
    assert len(tempting) > 5
    made = list(zip(tempting * 6, acted([(one, sample) for sample in range(6) for one in tempting], 1.0), strict=True))
    tried = 0
    for scenario, trajectory in made:
        typed = [turn.content for turn in trajectory.turns if turn.role == "action"]
        right = {command for step in scenario.plan for way in step.ways for command in way}
        if wrong := (_wrong_verbs(scenario) - right) & set(typed):
            tried += 1
            assert any(
                typed.index(text) < min(map(typed.index, wrong)) for text in typed if "help" in text or "-h" in text
            )
        assert trajectory.keep, trajectory.keep_reasons
    assert tried > 3


def _wrong_verbs(scenario: Scenario) -> set[str]:
    """Calls of the plan's mistakes that the program answers."""
    verbs = dict(pair.split("=") for pair in scenario.provider.interface["verbs"].split())
    first = next(step for step in scenario.plan if step.goal == "retrieve")
    calls = {command for command in first.mistakes if command not in scenario.reference}
    names = {verbs[role] for role in ("tally", "past") if role in verbs}
    return {call for call in calls if any(name in call.replace("'", " ") for name in names)}


def acted(rows: list[tuple[Scenario, int]], recovery_share: float = 0.0) -> list[Trajectory]:
    """A rollout of each (scenario, sample)."""
    operator, sandbox, room = ExplorerOperator(recovery_share), sandboxes.pick("auto"), asyncio.Semaphore(4)

    async def one(scenario: Scenario, sample: int) -> Trajectory:
        async with room:
            observed = await rollout(scenario, sandbox, operator, sample, sample * 1000 + 5)
            return record(scenario, observed, judge(scenario, observed))

    async def all_of_them() -> list[Trajectory]:
        return await asyncio.gather(*(one(*row) for row in rows))

    return asyncio.run(all_of_them())


def test_an_outage_is_tried_again_and_the_panic_names_the_tool() -> None:
    """Where a store refuses its first call, most sessions make another call, and the panic says which tool it is."""
    cells = [load().cell(9, slot, {"ending": frozenset(("blocked",))}) for slot in range(60)]
    drawn = [compose(cell, slot) for slot, cell in enumerate(cells)]
    sealed = [scenario for scenario in drawn if any(step.goal == "confirm" for step in scenario.plan)]
    made = acted([(scenario, 0) for scenario in sealed])
    assert len(sealed) > 8
    calls = [[turn.content for turn in one.turns if turn.role == "action"] for one in made]
    again = [any(text.endswith("; echo $?") for text in typed) for typed in calls]
    assert sum(again) > len(again) / 2
    for scenario, one in zip(sealed, made, strict=True):
        assert scenario.provider.command in (one.ending.reason or "")


def test_work_of_one_kind_is_done_in_one_way_throughout_a_session() -> None:
    """Two directives of the same kind are carried out by the same program."""
    asked = {"task": frozenset(("sorted",)), "ending": frozenset(("work",))}
    compared = 0
    for slot in range(60):
        scenario = compose(load().cell(9, slot, asked), slot)
        for sample in range(3):
            beats = script(scenario, stream(sample, "explorer"), 0.0)
            work = [beat.command.split()[0] for beat in beats if beat.goal == "execute"]
            programs = [program for program in work if program in ("sort", "awk")]
            compared += len(programs) > 1
            assert len(set(programs)) <= 1, work
    assert compared > 10


@pytest.mark.parametrize("userland", ["busybox", "gnu"])
def test_a_diff_is_applied_with_patch(userland: str) -> None:
    """The reference types `patch`, which either userland has."""
    asked = {"task": ("patch",), "userland": (userland,), "ending": ("work",)}
    scenario = compose(load().cell(9, 3, {axis: frozenset(values) for axis, values in asked.items()}), 3)
    assert any(command.startswith("patch ") for command in scenario.reference)
    assert acted([(scenario, 0)])[0].outcome == "solved"
