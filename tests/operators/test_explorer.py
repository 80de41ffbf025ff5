"""The explorer in real sandboxes: it ends every kind of scenario rightly, and guesses nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import cache

import pytest

from sekft import sandboxes
from sekft.authors.procedural.author import compose
from sekft.operators.explorer import ExplorerOperator, NotGrounded
from sekft.rollouts.record import record
from sekft.rollouts.rollout import rollout
from sekft.rollouts.verify import judge
from sekft.scenario import PlanStep, Scenario
from sekft.shell.chat_format import violations
from sekft.shell.grounding import Seen, ungrounded
from sekft.taxonomy import load
from sekft.trajectory import KEPT, Trajectory, Turn

SCENARIOS, SAMPLES = 21, 2
WANTED = {"work": "solved", "empty": "idle", "blocked": "rightly_blocked"}


def roll(slots: range, recovery_share: float, samples: int) -> list[tuple[Scenario, Trajectory]]:
    """Scenarios of these slots, each rolled out a few times, four at once."""
    operator, sandbox, taxonomy = ExplorerOperator(recovery_share), sandboxes.pick("auto"), load()
    room = asyncio.Semaphore(4)

    async def one(scenario: Scenario, sample: int) -> tuple[Scenario, Trajectory]:
        async with room:
            observed = await rollout(scenario, sandbox, operator, sample, sample * 1000 + 5)
            return scenario, record(scenario, observed, judge(scenario, observed))

    async def all_of_them() -> list[tuple[Scenario, Trajectory]]:
        drawn = [compose(taxonomy.cell(5, slot), slot) for slot in slots]
        return await asyncio.gather(*(one(scenario, sample) for scenario in drawn for sample in range(samples)))

    return asyncio.run(all_of_them())


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
    """No two samples of one scenario type the same commands in more than a tenth of the scenarios."""
    typed: dict[str, Counter[tuple[str, ...]]] = {}
    for scenario, trajectory in rolled():
        actions = tuple(turn.content for turn in trajectory.turns if turn.role == "action")
        typed.setdefault(scenario.id, Counter())[actions] += 1
    alike = [scenario for scenario, counts in typed.items() if max(counts.values()) > 1]
    assert len(alike) <= 0.1 * len(typed)


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
    """Whether a command failed that is no way of the plan, other than by showing the notice."""
    notice, turns = scenario.needles.notice, trajectory.turns
    planned = {command for step in scenario.plan for way in step.ways for command in way}
    return any(
        turn.status and turns[at - 1].content not in planned and not (notice and notice in turn.content)
        for at, turn in enumerate(turns)
    )


async def test_an_explorer_that_would_have_to_guess_says_so() -> None:
    """A plan whose command nothing has shown is refused, not typed."""
    scenario = compose(load().cell(5, 2), 1)
    guess = scenario.model_copy(update={"plan": [PlanStep(goal="execute", ways=[["zorbix --secret"]])]})
    policy = ExplorerOperator(0.0).policy(guess, 0, 3)
    seen = Seen()
    turns = [Turn(role="env", content="$ ", orientation="exit, panic")]

    async def land() -> None:
        for _ in range(10):
            text = (await policy.act(turns)).text
            assert seen.missing(text) == []
            turns.extend([Turn(role="action", content=text), Turn(role="env", content="$ ")])

    with pytest.raises(NotGrounded, match="zorbix"):
        await land()
