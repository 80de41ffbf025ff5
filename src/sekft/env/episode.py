"""One scenario as an episode: pushed by a function (`play`) or pulled a step at a time (`land`), a reward at its end.

Both stand on `sekft.play` and `sekft.land`. Beside these, an episode raises where the infrastructure broke, judges in a
thread so that hundreds of others go on meanwhile, and tries a backend once a process, not once an episode.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from inspect import isawaitable
from typing import TypedDict, Unpack

from sekft import sandboxes
from sekft.env.reward import Reward, right
from sekft.errors import InfraError, UsageError
from sekft.protocols import Sandbox
from sekft.runs import library
from sekft.runs.library import Act, Messages
from sekft.scenario import Scenario
from sekft.trajectory import KEPT, Outcome, Trajectory


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one action came to. screen: what the terminal shows then, empty once the session is over."""

    screen: str
    done: bool


@dataclass(frozen=True, slots=True)
class EpisodeResult:
    """An episode's end. reward: by the episode's reward function. axes: the scenario's cell."""

    reward: float
    scenario_id: str
    axes: Mapping[str, str]
    marks: Mapping[str, bool]
    trajectory: Trajectory

    @classmethod
    def of(cls, scenario: Scenario, trajectory: Trajectory, reward: Reward = right) -> EpisodeResult:
        """Raises InfraError where the sandbox broke: such an episode is worth nothing, not zero."""
        if trajectory.outcome == "infra_error":
            check = trajectory.check
            why = trajectory.ending.reason if check.verdict in ("not_run", "pass", "fail") else check.output
            raise InfraError(
                f"scenario {scenario.id}: {why or check.verdict}: this episode has no reward; play it again"
            )
        marks = {
            mark: turn is not None
            for mark, turn in trajectory.mechanism
            if mark != "executed" or scenario.expected.kind == "work"
        }
        return cls(reward(scenario, trajectory), scenario.id, dict(scenario.cell), marks, trajectory)

    @property
    def outcome(self) -> Outcome:
        return self.trajectory.outcome

    @property
    def metrics(self) -> dict[str, float]:
        """Numbers for a harness: is the ending right, which of the scenario's marks were reached, how many actions."""
        marks = {mark: float(reached) for mark, reached in self.marks.items()}
        return {"right": float(self.outcome in KEPT), **marks, "actions": float(len(self.trajectory.actions))}


class Options(TypedDict, total=False):
    """Of sekft.land, whose defaults they have.

    model: whose name the record bears. sample, seed: for the record. max_turns: actions.
    wall_s: seconds, after which the session is unfinished. Time in which a named model answers does not count.
    """

    model: str | None
    sample: int
    seed: int
    max_turns: int
    wall_s: float | None


class EpisodeShell:
    """A shell that a policy has landed in. It shows the messages, and nothing of the bundle."""

    def __init__(self, scenario: Scenario, shell: library.Shell, reward: Reward) -> None:
        self._scenario, self._shell, self._reward = scenario, shell, reward
        self._result: EpisodeResult | None = None

    @property
    def messages(self) -> Messages:
        """The deploy form: `system`, then `user` and `assistant` in turn, the last one the user's while it goes on."""
        return self._shell.messages

    @property
    def over(self) -> bool:
        return self._shell.over

    async def step(self, text: str) -> StepResult:
        """Type one action. Raises UsageError when the session was over before, InfraError when the sandbox broke."""
        screen = await self._shell.step(text)
        await self._judge()
        return StepResult(screen or "", self.over)

    @property
    def result(self) -> EpisodeResult:
        """Raises UsageError while the session goes on."""
        if self._result is None:
            raise UsageError("shell.result: the session is not over; end it with exit or panic, or leave the block")
        return self._result

    async def _judge(self) -> None:
        """In a thread: what a hostile session typed takes seconds to read, in which the others must go on."""
        if self.over and self._result is None:
            self._result = await asyncio.to_thread(self._judged)

    def _judged(self) -> EpisodeResult:
        return EpisodeResult.of(self._scenario, self._shell.result, self._reward)


@asynccontextmanager
async def land(
    scenario: Scenario,
    sandbox: str | Sandbox = "auto",
    *,
    reward: Reward = right,
    **options: Unpack[Options],
) -> AsyncIterator[EpisodeShell]:
    """The pull form. Leaving the block ends a session that still goes on, as unfinished; then there is a result, too.

    reward: gives the result's. The rest is as for sekft.land, but InfraError is raised as soon as something breaks.

        async with env.land(scenario) as shell:
            while not shell.over:
                await shell.step(policy(shell.messages))
        print(shell.result.reward)
    """
    async with library.land(scenario, backend(sandbox), **options) as hand:
        shell = EpisodeShell(scenario, hand, reward)
        await shell._judge()
        yield shell
    await shell._judge()


async def play(
    scenario: Scenario,
    act: Act,
    sandbox: str | Sandbox = "auto",
    *,
    reward: Reward = right,
    **options: Unpack[Options],
) -> EpisodeResult:
    """The push form: a function acts until the session ends.

    act: takes the messages so far and gives the text to type, or an awaitable of it, which is waited for until wall_s
    is over. What it raises is raised here. The other parameters are those of land.

        result = await env.play(scenario, lambda messages: "exit")
        print(result.reward, result.outcome, result.marks)
    """
    loop = asyncio.get_running_loop()
    wall_s = options.get("wall_s")
    until = None if wall_s is None else loop.time() + wall_s
    async with land(scenario, sandbox, reward=reward, **options) as shell:
        while not shell.over:
            text = await _answered(act, shell.messages, until)
            if text is None:
                break
            await shell.step(text)
    return shell.result


async def _answered(act: Act, messages: Messages, until: float | None) -> str | None:
    """None when the policy's time is up. A TimeoutError of its own is raised."""
    try:
        async with asyncio.timeout_at(until) as limit:
            text = act(messages)
            return library.typed(await text if isawaitable(text) else text, "act")
    except TimeoutError:
        if limit.expired():
            return None
        raise


def backend(sandbox: str | Sandbox) -> Sandbox:
    """The backend of that name, tried once in each process. Raises UsageError and SandboxUnavailable."""
    return _picked(sandbox, os.getpid()) if isinstance(sandbox, str) else sandbox


@cache
def _picked(name: str, process: int) -> Sandbox:
    """process: a fork has threads and sockets of its own."""
    return sandboxes.pick(name)
