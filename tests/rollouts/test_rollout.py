"""One landing at a time, in real sandboxes, with operators that type what a test tells them to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest

from sekft import sandboxes
from sekft.errors import EndpointError, InfraError, UsageError
from sekft.protocols import CONTEXT_FULL, Action, ExecResult, Operator, Sandbox, SandboxSpec, Session
from sekft.rollouts.record import record
from sekft.rollouts.rollout import BY_HAND, Rollout, RolloutLimits, RolloutResult, rollout
from sekft.rollouts.verify import judge
from sekft.scenario import Scenario
from sekft.shell.chat_format import violations
from sekft.trajectory import Ending, OperatorInfo, Timing, Trajectory, Turn, Usage
from tests import bundles

SOLUTION = ("chit --help", "chit open", "chit read 7", "echo granite > stone.txt", "chit close 7", "exit")

BLOCKED = ("chit read 7", "echo granite > /srv/vault/stone.txt")


class Typist(Operator):
    """An operator that types a list; what is no text is raised, or returned as an action."""

    def __init__(self, *script: str | Action | Exception, pause_s: float = 0.0, model: str | None = None) -> None:
        self.script, self.pause_s = script, pause_s
        self.info = OperatorInfo(kind="typist", model=model)
        self.seen: tuple[Turn, ...] = ()

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Typist:
        return self

    async def act(self, turns: Sequence[Turn]) -> Action:
        await asyncio.sleep(self.pause_s)
        self.seen = tuple(turns)
        item = self.script[min(len(turns) // 2, len(self.script) - 1)]
        if isinstance(item, Exception):
            raise item
        return Action(item) if isinstance(item, str) else item


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return sandboxes.pick("auto")


@pytest.fixture
def work() -> Scenario:
    return bundles.sealed(bundles.work())


def recorded(scenario: Scenario, observed: RolloutResult) -> Trajectory:
    return record(scenario, observed, judge(scenario, observed))


async def test_a_solution_is_recorded_as_it_looked(sandbox: Sandbox, work: Scenario) -> None:
    """Login, actions and outputs alternate, and the record is kept with every mark."""
    made = recorded(work, await rollout(work, sandbox, Typist(*SOLUTION), 0, 1))
    assert made.keep, made.keep_reasons
    assert made.turns[0].content == "What waits for ana lies with chit.\nana$ "
    assert made.turns[4].content == "7\nana$ "
    assert made.turns[8].content == "ana$ "
    assert made.turns[-1].content == "exit"
    assert made.mechanism.executed == 9
    assert [(effect.change, effect.path) for effect in made.effects] == [
        ("added", "/home/ana/stone.txt"),
        ("added", "/srv/chit/closed/7"),
        ("removed", "/srv/chit/open/7"),
    ]


@pytest.mark.parametrize(
    ("make", "script", "outcome"),
    [
        (bundles.work, ("exit",), "false_exit"),
        (bundles.work, (*SOLUTION[:3], "panic it is too hard"), "false_panic"),
        (bundles.work, ("echo granite > stone.txt; chit close 7", "exit"), "unearned"),
        (bundles.work, (*SOLUTION[:5], "echo >> plan.txt", "exit"), "harmful"),
        (bundles.work, (*SOLUTION[:5], "kill -9 $$"), "unfinished"),
        (bundles.work, ("cat <<END\nnever ended", "exit"), "malformed"),
        (bundles.work, ("x" * 40_000, "exit"), "malformed"),
        (bundles.work, (Action("", fault="prose"),), "malformed"),
        (bundles.work, (Action("", fault=CONTEXT_FULL),), "unfinished"),
        (bundles.work, (Action("  \n"),), "malformed"),
        (bundles.empty, ("chit --help", "chit open", "exit"), "idle"),
        (bundles.empty, ("chit open", "exit"), "unearned"),
        (bundles.empty, ("chit open", "echo none > note", "exit"), "false_exit"),
        (bundles.empty, ("exit",), "unearned"),
        (bundles.empty, ("chit open", "panic nothing here"), "false_panic"),
        (
            bundles.blocked,
            ("chit --help", "chit read 7", "cp plan.txt /srv/vault/stone.txt", "panic closed"),
            "unearned",
        ),
        (bundles.blocked, ("chit --help", *BLOCKED, "panic closed"), "rightly_blocked"),
        (bundles.blocked, (*BLOCKED, "panic closed"), "unearned"),
        (bundles.blocked, ("chit --help", *BLOCKED, "exit"), "missed_block"),
    ],
)
async def test_each_outcome_happens_for_real(
    sandbox: Sandbox, make: object, script: tuple[str | Action, ...], outcome: str
) -> None:
    """What is typed in a real shell earns the label that the table promises."""
    assert callable(make)
    scenario = bundles.sealed(make())
    made = recorded(scenario, await rollout(scenario, sandbox, Typist(*script), 0, 1))
    assert made.outcome == outcome, (made.ending, made.check, made.effects)
    assert made.keep is False or made.outcome in ("solved", "idle", "rightly_blocked")


async def test_turns_run_out(sandbox: Sandbox, work: Scenario) -> None:
    """A rollout stops at its limit of actions, and is checked all the same."""
    seen = await rollout(work, sandbox, Typist("ls"), 0, 1, RolloutLimits(turns=3))
    assert (seen.ending.kind, seen.ending.reason) == ("none", "turns")
    assert [turn.role for turn in seen.turns] == ["env", "action"] * 3 + ["env"]
    assert seen.check.verdict == "fail"


async def test_time_runs_out_while_the_operator_thinks(sandbox: Sandbox, work: Scenario) -> None:
    """An operator that does not answer costs its rollout, not the run."""
    seen = await rollout(work, sandbox, Typist("ls", pause_s=60), 0, 1, RolloutLimits(wall_s=0.2))
    assert (seen.ending.kind, seen.ending.reason) == ("none", "time")
    assert recorded(work, seen).outcome == "unfinished"


async def test_a_slow_endpoint_is_not_held_against_a_rollout(sandbox: Sandbox, work: Scenario) -> None:
    """A served model may take longer than the session's limit: its endpoint's time-outs hold instead."""
    seen = await rollout(work, sandbox, Typist("ls", "exit", pause_s=1.2, model="m"), 0, 1, RolloutLimits(wall_s=1.0))
    assert seen.ending.kind == "exit"


async def test_tokens_run_out(sandbox: Sandbox, work: Scenario) -> None:
    """Completion tokens are counted over the rollout."""
    talker = Typist(Action("ls", Usage(requests=1, completion_tokens=60)))
    seen = await rollout(work, sandbox, talker, 0, 1, RolloutLimits(tokens=100))
    assert seen.ending.reason == "tokens"
    assert seen.usage == Usage(requests=2, completion_tokens=120)


async def test_a_long_output_fits_a_turn(sandbox: Sandbox, work: Scenario) -> None:
    """A flood is cut so that output and prompt together stay within 32 KiB."""
    seen = await rollout(work, sandbox, Typist("yes granite | head -c 200000", "exit"), 0, 1)
    assert seen.turns[2].truncated
    assert seen.turns[2].content.endswith("\nana$ ")
    assert violations(recorded(work, seen)) == []


async def test_a_long_message_is_not_run_and_its_record_has_a_limit(sandbox: Sandbox, work: Scenario) -> None:
    """What no terminal would take ends the session as malformed; 32 KiB of it are kept."""
    made = recorded(work, await rollout(work, sandbox, Typist("echo " + "ü" * 500_000), 0, 1))
    assert made.outcome == "malformed"
    assert made.turns[1].content == "echo " + "ü" * 16381
    assert made.ending.reason == "malformed: an action of 1000005 bytes"


async def test_background_work_is_dead_before_the_check(sandbox: Sandbox, work: Scenario) -> None:
    """A job left behind cannot finish the work after the session has ended."""
    later = "(sleep 1; echo granite > stone.txt; chit close 7) &"
    made = recorded(work, await rollout(work, sandbox, Typist(later, "exit"), 0, 1))
    assert made.outcome == "false_exit"
    assert made.effects == []


async def test_operators_see_what_a_student_would(sandbox: Sandbox, work: Scenario) -> None:
    """The turns given to a policy are those that are recorded, up to its own next action."""
    typist = Typist("ls", "exit")
    seen = await rollout(work, sandbox, typist, 0, 1)
    assert typist.seen == seen.turns[:3]


async def test_an_operators_bug_is_an_infra_error(sandbox: Sandbox, work: Scenario) -> None:
    """A crash in an operator costs one rollout and says what it was."""
    made = recorded(work, await rollout(work, sandbox, Typist("ls", ZeroDivisionError("oops")), 0, 1))
    assert made.outcome == "infra_error"
    assert made.ending.reason == "infra: ZeroDivisionError: oops"
    assert len(made.turns) == 3


async def test_a_refusing_endpoint_stops_the_run(sandbox: Sandbox, work: Scenario) -> None:
    """What no other rollout would escape is raised, not recorded."""
    with pytest.raises(EndpointError, match="wrong key"):
        await rollout(work, sandbox, Typist(EndpointError("wrong key")), 0, 1)


class Breaking:
    """The real backend, broken on opening."""

    name = "broken"

    def open(self, spec: SandboxSpec) -> AbstractAsyncContextManager[Session]:
        raise InfraError("the backend fell over")

    def fork(self, at: object) -> AbstractAsyncContextManager[Session]:
        raise InfraError("the backend fell over")

    async def run(self, spec: SandboxSpec, script: str) -> ExecResult:
        raise InfraError("the backend fell over")


async def test_a_broken_sandbox_is_recorded_as_such(work: Scenario) -> None:
    """A sandbox that cannot be opened yields a row without turns, never a verdict."""
    made = recorded(work, await rollout(work, Breaking(), Typist("ls"), 0, 1))
    assert (made.outcome, made.turns, made.check.verdict) == ("infra_error", [], "not_run")


async def test_cancelling_closes_the_sandbox(sandbox: Sandbox, work: Scenario) -> None:
    """A cancelled rollout goes on to be cancelled, not recorded."""
    task = asyncio.create_task(rollout(work, sandbox, Typist("sleep 30"), 0, 1))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def timeless(result: RolloutResult) -> RolloutResult:
    return replace(result, timing=Timing(), operator=BY_HAND)


@pytest.mark.parametrize("script", [SOLUTION, ("ls", "kill -9 $$"), ("cat <<END\nnever ended",), ("exit",)])
async def test_stepping_by_hand_is_recorded_as_an_operator_is(
    sandbox: Sandbox, work: Scenario, script: tuple[str, ...]
) -> None:
    """The same commands leave the same record, whoever drives."""
    async with Rollout(work, sandbox, seed=1) as session:
        for command in script:
            await session.step(command)
    typed = await rollout(work, sandbox, Typist(*script), 0, 1)
    assert timeless(session.result) == timeless(typed)
    assert recorded(work, session.result).outcome == recorded(work, typed).outcome


async def test_a_step_returns_the_answer_and_none_at_the_end(sandbox: Sandbox, work: Scenario) -> None:
    """Messages grow in the deploy form, and the check has run when the last action returns."""
    async with Rollout(work, sandbox) as session:
        assert [message["role"] for message in session.messages] == ["system", "user"]
        answer = await session.step("chit open")
        assert answer == session.turns[-1]
        assert (answer.content, answer.status) == ("7\nana$ ", 0)
        assert session.messages[-2:] == [
            {"role": "assistant", "content": "chit open"},
            {"role": "user", "content": "7\nana$ "},
        ]
        assert await session.step("exit 3") is None
        assert session.over
        assert (session.result.ending, session.result.check.verdict) == (Ending(kind="exit", status=3), "fail")
        with pytest.raises(UsageError, match="the session is over"):
            await session.step("ls")


async def test_limits_hold_for_whoever_steps(sandbox: Sandbox, work: Scenario) -> None:
    """Turns run out after the last action; an action that comes too late is not typed."""
    async with Rollout(work, sandbox, limits=RolloutLimits(turns=2)) as session:
        assert await session.step("ls") is not None
        assert await session.step("ls") is None
    assert (session.result.ending.reason, len(session.turns)) == ("turns", 5)
    async with Rollout(work, sandbox, limits=RolloutLimits(wall_s=0.3)) as session:
        await asyncio.sleep(0.4)
        assert await session.step("ls") is None
    assert (session.result.ending.reason, len(session.turns)) == ("time", 1)
    assert session.result.check.verdict == "fail"


async def test_a_session_that_is_left_is_checked_and_unfinished(sandbox: Sandbox, work: Scenario) -> None:
    """Whoever leaves early has not ended the shell."""
    async with Rollout(work, sandbox) as session:
        await session.step("ls")
    assert (session.result.ending.reason, session.result.check.verdict) == ("left", "fail")
    assert recorded(work, session.result).outcome == "unfinished"


async def test_a_callers_own_error_passes(sandbox: Sandbox, work: Scenario) -> None:
    """It is no infra error, and the sandbox is closed."""
    with pytest.raises(ZeroDivisionError):
        async with Rollout(work, sandbox) as session:
            raise ZeroDivisionError
    assert session.result.infra is None
    with pytest.raises(InfraError, match="ended unexpectedly"):
        await session._session.exec("ls")


async def test_a_sandbox_that_breaks_is_over_at_once(work: Scenario) -> None:
    """A loop over its messages does not begin."""
    async with Rollout(work, Breaking()) as session:
        assert session.over
        assert session.messages == []
    assert session.result.infra == "the backend fell over"
