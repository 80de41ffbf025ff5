"""One scenario held in a loop of one's own: by stepping it, or by giving a function that acts."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from inspect import isawaitable

from sekft import sandboxes
from sekft.errors import UsageError
from sekft.rollouts.record import record
from sekft.rollouts.rollout import Rollout, RolloutLimits
from sekft.rollouts.verify import judge
from sekft.runs.roll import forbidden
from sekft.scenario import Scenario
from sekft.trajectory import OperatorInfo, Trajectory

Messages = list[dict[str, str]]
Act = Callable[[Messages], str | Awaitable[str]]


class Shell:
    """A shell that the caller has landed in.

    messages: what a deployed model would see: `system`, `user` and `assistant` in turn, the last one the user's.
    over:     whether the session has ended: by `exit`, `panic`, a limit, or an action that cannot be typed.
    """

    def __init__(self, scenario: Scenario, rollout: Rollout) -> None:
        self._scenario, self._rollout = scenario, rollout

    @property
    def messages(self) -> Messages:
        return self._rollout.messages

    @property
    def over(self) -> bool:
        return self._rollout.over

    async def step(self, text: str) -> str | None:
        """Type one action; returns what the terminal shows then, or None when the session is over.

        Raises UsageError when it was over before.
        """
        turn = await self._rollout.step(text)
        return None if turn is None else turn.content

    @property
    def result(self) -> Trajectory:
        """The rollout, judged and recorded. Raises UsageError while the session goes on."""
        if not self.over:
            raise UsageError("shell.result: the session is not over; end it with exit or panic, or leave the block")
        left = self._rollout.result
        return record(self._scenario, left, judge(self._scenario, left), forbidden())


@asynccontextmanager
async def land(
    scenario: Scenario,
    sandbox: str = "auto",
    *,
    model: str | None = None,
    sample: int = 0,
    seed: int = 0,
    max_turns: int = 40,
) -> AsyncIterator[Shell]:
    """Land in a scenario and step it by hand. Leaving the block ends a session that still goes on, as unfinished.

    model: whose name the record bears. sample, seed: for the record. Raises UsageError and SandboxUnavailable;
    what breaks on the way is the result's outcome, `infra_error`.

        async with sekft.land(scenario) as shell:
            print(shell.messages[-1]["content"])
            print(await shell.step("ls"))
            await shell.step("exit")
        print(shell.result.outcome)
    """
    backend, operator = sandboxes.pick(sandbox), OperatorInfo(kind="hand", model=model)
    limits = RolloutLimits(turns=max_turns, wall_s=math.inf)  # nobody's thinking is hurried
    async with Rollout(scenario, backend, operator, sample, seed, limits) as rollout:
        yield Shell(scenario, rollout)


async def play(
    scenario: Scenario,
    act: Act,
    sandbox: str = "auto",
    *,
    model: str | None = None,
    sample: int = 0,
    seed: int = 0,
    max_turns: int = 40,
) -> Trajectory:
    """Let a function act in a scenario until the session ends; the rollout, judged and recorded.

    act: takes the messages so far and gives the text to type, or an awaitable of it. What it raises is raised here.
    The rest is as for land.

        def act(messages):
            return "ls" if len(messages) == 2 else "exit"

        trajectory = await sekft.play(scenario, act)
        print(trajectory.outcome)
    """
    options = {"sample": sample, "seed": seed, "max_turns": max_turns}
    async with land(scenario, sandbox, model=model, **options) as shell:
        while not shell.over:
            text = act(shell.messages)
            await shell.step(await text if isawaitable(text) else text)
    return shell.result
