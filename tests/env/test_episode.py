"""An episode ends in a reward that only a right end with a complete mechanism earns, or it raises."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from sekft import env
from sekft.errors import InfraError, UsageError
from sekft.protocols import SandboxSpec, Session
from sekft.runs.library import Act, Messages
from sekft.sandboxes import pick
from sekft.scenario import Scenario
from tests import bundles

WORK, EMPTY, BLOCKED = (bundles.sealed(body()) for body in (bundles.work, bundles.empty, bundles.blocked))


def typing(commands: list[str]) -> Act:
    """A policy that types these, one after the other."""
    left = iter(commands)
    return lambda messages: next(left)


def blind(messages: Messages) -> str:
    return "exit"


@pytest.mark.parametrize("scenario", [WORK, EMPTY, BLOCKED], ids=["work", "empty", "blocked"])
async def test_the_reference_earns_all(scenario: Scenario) -> None:
    """The right end by the whole mechanism is worth 1, in the push form and in the pull form, with every mark."""
    pushed = await env.play(scenario, typing(scenario.reference))
    async with env.land(scenario) as shell:
        for command in scenario.reference:
            step = await shell.step(command)
    assert step == env.StepResult("", done=True)
    assert pushed.reward == shell.result.reward == 1.0
    assert pushed.trajectory.id == shell.result.trajectory.id
    assert all(pushed.marks.values())
    assert ("executed" in pushed.marks) == (scenario is WORK)
    assert pushed.metrics == {"right": 1.0, **dict.fromkeys(pushed.marks, 1.0), "actions": len(scenario.reference)}


@pytest.mark.parametrize("scenario", [WORK, EMPTY, BLOCKED], ids=["work", "empty", "blocked"])
async def test_a_blind_exit_earns_nothing(scenario: Scenario) -> None:
    """`exit` at once is worth 0 even where exit is the right ending, and by a shaped reward as well."""
    for reward in (env.right, env.Shaped()):
        assert (await env.play(scenario, blind, reward=reward)).reward == 0.0


async def test_a_shaped_reward_pays_for_the_way() -> None:
    """Each mark adds its weight, a wrong ending stays below a right one, and harm is worth nothing."""
    commands = ["chit --help", "chit read 7", "exit"]
    shaped = env.Shaped()
    rewards = [(await env.play(WORK, typing([*commands[:cut], "exit"]), reward=shaped)).reward for cut in range(3)]
    assert rewards == [0.0, 0.25, 0.5]
    assert (await env.play(WORK, typing(WORK.reference), reward=shaped)).reward == 1.0
    harm = ["chit --help", "chit read 7", "rm plan.txt", "exit"]
    assert (await env.play(WORK, typing(harm), reward=shaped)).outcome == "harmful"
    assert (await env.play(WORK, typing(harm), reward=shaped)).reward == 0.0


@pytest.mark.parametrize("weights", [{"learned": 0.1}, {"learnt": -0.1}, {"learnt": 0.5, "retrieved": 0.5}])
def test_weights_that_would_pay_for_a_wrong_ending_are_refused(weights: dict[str, float]) -> None:
    """An unknown mark, a negative weight and a sum of 1 or more are told."""
    with pytest.raises(UsageError, match="Shaped"):
        env.Shaped(weights)


@pytest.mark.parametrize("text", ["", "   ", "cat <<END\nhello"])
async def test_what_cannot_be_typed_is_malformed(text: str) -> None:
    """An empty action and an open here-document end the session without a reward."""
    async with env.land(WORK) as shell:
        assert (await shell.step(text)).done
    assert (shell.result.outcome, shell.result.reward) == ("malformed", 0.0)
    with pytest.raises(UsageError, match="over"):
        await shell.step("ls")


async def test_a_policy_that_does_not_answer_in_time_is_unfinished() -> None:
    """wall_s ends the wait for an answer, and a time-out that the policy itself raises is no such end."""

    async def asleep(messages: Messages) -> str:
        await asyncio.sleep(60)
        return "ls"

    async def failing(messages: Messages) -> str:
        raise TimeoutError("the model's server")

    result = await env.play(WORK, asleep, wall_s=0.3)
    assert (result.outcome, result.reward, result.trajectory.ending.reason) == ("unfinished", 0.0, "left")
    with pytest.raises(TimeoutError, match="the model's server"):
        await env.play(WORK, failing, wall_s=30)


async def test_turns_run_out() -> None:
    """After max_turns actions the session is over, as unfinished."""
    result = await env.play(WORK, lambda messages: "ls", max_turns=3)
    assert (result.outcome, result.reward, result.metrics["actions"]) == ("unfinished", 0.0, 3.0)


async def test_leaving_the_block_is_unfinished() -> None:
    """Who leaves without an ending has a result, and none before."""
    async with env.land(WORK) as shell:
        assert "stone" not in (await shell.step("ls")).screen
        with pytest.raises(UsageError, match="not over"):
            _ = shell.result
    assert (shell.result.outcome, shell.result.reward) == ("unfinished", 0.0)


class Breaking:
    """The real backend, whose sessions break after that many commands, and of which no fresh one works then."""

    name = "breaking"

    def __init__(self, after: int) -> None:
        self._sandbox, self._left = pick(), after

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Session]:
        async with self._sandbox.open(spec) as session:
            if self._left <= 0:
                raise InfraError("the machine is on fire")
            run = session.exec

            async def exec_or_break(command: str, timeout_s: float | None = None) -> object:
                self._left -= 1
                if self._left <= 0:
                    raise InfraError("the machine is on fire")
                return await run(command, timeout_s)

            session.exec = exec_or_break  # type: ignore[method-assign, assignment]
            yield session

    fork = run = None


@pytest.mark.parametrize("after", [0, 2])
async def test_a_broken_sandbox_raises(after: int) -> None:
    """Infrastructure trouble is an exception, in landing or later, and never a zero."""
    with pytest.raises(InfraError, match=r"on fire.*no reward"):
        await env.play(WORK, typing(WORK.reference), Breaking(after))  # type: ignore[arg-type]


async def test_what_a_policy_raises_is_raised() -> None:
    """A policy's own error ends the episode and reaches the caller as it is."""

    def broken(messages: Messages) -> str:
        raise ZeroDivisionError("the policy's")

    with pytest.raises(ZeroDivisionError, match="the policy's"):
        await env.play(WORK, broken)


async def test_a_policy_never_sees_the_solution() -> None:
    """The first messages are the orientation and the login, and the shell offers no way to the bundle."""
    async with env.land(WORK) as shell:
        assert {name for name in dir(shell) if name[0] != "_"} == {"messages", "over", "result", "step"}
        seen = json.dumps(shell.messages)
    assert shell.messages[0] == {"role": "system", "content": WORK.orientation}
    for secret in (WORK.checker, WORK.id, WORK.reference[3], *WORK.needles.directives):
        assert secret not in seen


def test_event_loops_share_a_process() -> None:
    """Loops in threads of one process play at once, and a loop that comes after them, too."""

    def plays(_: int) -> float:
        return asyncio.run(env.play(WORK, typing(WORK.reference))).reward

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(plays, range(8))) == [1.0] * 8
    assert plays(0) == 1.0


def played(_: int) -> float:
    return asyncio.run(env.play(WORK, typing(WORK.reference))).reward


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.live)])
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_processes_play_on_their_own(method: str) -> None:
    """Workers that were forked off a process that has played, and spawned ones, play as it does."""
    assert played(0) == 1.0
    with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as workers:
        assert list(workers.map(played, range(3))) == [1.0] * 3


async def test_many_sessions_are_open_at_once() -> None:
    """Sixteen sessions of one process are all landed before the first goes on, and all earn their reward."""
    landed = asyncio.Barrier(16)

    async def episode() -> float:
        async with env.land(WORK) as shell:
            await landed.wait()
            for command in WORK.reference:
                await shell.step(command)
        return shell.result.reward

    assert await asyncio.gather(*(episode() for _ in range(16))) == [1.0] * 16
