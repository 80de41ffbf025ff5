"""Stage B: one operator lands in one fresh sandbox and acts until something ends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from sekft.errors import InfraError, SekftError
from sekft.protocols import CONTEXT_FULL, ExecResult, Limits, Operator, Policy, Sandbox, SandboxSpec, Session
from sekft.rollouts.observed import Observed
from sekft.scenario import Scenario
from sekft.trajectory import Check, Ending, Fault, SandboxInfo, State, Timing, Turn, Usage, changes

T = TypeVar("T")
PROMPT_ROOM_BYTES = 1024
"""What a recorded turn of 32 KiB leaves for the prompt after the output."""


@dataclass(frozen=True, slots=True)
class RolloutLimits:
    """When a rollout stops by itself.

    turns:  actions.
    wall_s: checked before each action; a running command may overstay by its own time limit. A served model's
            answers do not count: its endpoint has time-outs of its own, and no rollout is judged by them.
    tokens: completion tokens over the whole rollout; None sets no limit.
    """

    turns: int = 40
    wall_s: float = 900.0
    tokens: int | None = None
    session: Limits = field(default_factory=lambda: Limits(output_bytes=32 * 1024 - PROMPT_ROOM_BYTES))


async def rollout(
    scenario: Scenario,
    sandbox: Sandbox,
    operator: Operator,
    sample: int,
    seed: int,
    limits: RolloutLimits = RolloutLimits(),
) -> Observed:
    """Roll once and check the final state.

    A sandbox or endpoint that breaks on the way is data too: `infra` says what broke.
    Raises every other SekftError (wrong key, no sandbox …), which no other rollout would escape.
    """
    landing = _Landing(scenario, operator, sample, seed, limits)
    spec = SandboxSpec.of(scenario, limits.session)
    try:
        async with sandbox.open(spec) as session:
            await landing.run(session)
            await landing.check(session)
    except InfraError as error:
        landing.infra = str(error)
    except SekftError:
        raise
    except Exception as error:  # an operator's bug must cost its own rollout only
        landing.infra = f"{type(error).__name__}: {error}"
    return landing.observed(sandbox.name)


class _Landing:
    """The rollout under way: what has been seen so far."""

    def __init__(self, scenario: Scenario, operator: Operator, sample: int, seed: int, limits: RolloutLimits) -> None:
        self.scenario, self.operator, self.sample, self.seed, self.limits = scenario, operator, sample, seed, limits
        self.turns: list[Turn] = []
        self.ending = Ending(kind="none", reason="not_started")
        self.verdict = Check(verdict="not_run", passed=False)
        self.before: State = {}
        self.after: State = {}
        self.changing: list[int] = []
        self.thoughts: dict[int, str] = {}
        self.fault: str | None = None
        self.failing: Fault | None = None
        self.infra: str | None = None
        self.info: SandboxInfo | None = None
        self.usage = Usage()
        self.operator_s = self.sandbox_s = 0.0
        self.started = time.monotonic()

    async def run(self, session: Session) -> None:
        self.info = session.info
        self.before = self.after = await self._in_sandbox(session.state())
        greeting = _closed(session.greeting) + session.prompt()
        self.turns.append(Turn(role="env", content=greeting, orientation=self.scenario.orientation))
        policy = self.operator.policy(self.scenario, self.sample, self.seed)
        for _ in range(self.limits.turns):
            if (ending := await self._turn(session, policy)) is not None:
                self.ending = ending
                return
        self.ending = Ending(kind="none", reason="turns")

    async def _turn(self, session: Session, policy: Policy) -> Ending | None:
        """One action and its answer; the ending, if this was it."""
        text, stopped = await self._act(policy)
        if stopped is not None:
            return stopped
        self.turns.append(Turn(role="action", content=text))
        if len(text.encode()) > self.limits.session.output_bytes:
            return self._malformed(f"an action of {len(text.encode())} bytes")
        result = await self._in_sandbox(session.exec(text))
        if result.malformed is not None:
            return self._malformed(result.malformed)
        await self._note_changes(session)
        if result.ended is not None:
            return Ending(kind=result.ended.kind, status=result.ended.status, reason=result.ended.reason)
        self.turns.append(_answer(result, session.prompt()))
        return None

    async def _act(self, policy: Policy) -> tuple[str, Ending | None]:
        served = self.operator.info.model is not None
        remaining_s = self.limits.wall_s - (time.monotonic() - self.started) + (self.operator_s if served else 0.0)
        if remaining_s <= 0:
            return "", Ending(kind="none", reason="time")
        if self.limits.tokens is not None and self.usage.completion_tokens >= self.limits.tokens:
            return "", Ending(kind="none", reason="tokens")
        began = time.monotonic()
        try:
            action = await asyncio.wait_for(policy.act(tuple(self.turns)), None if served else remaining_s)
        except TimeoutError:
            return "", Ending(kind="none", reason="time")
        finally:
            self.operator_s += time.monotonic() - began
        self.usage += action.usage
        if action.thoughts:
            self.thoughts[len(self.turns)] = action.thoughts
        if action.failing is not None and self.failing is None:
            self.failing = Fault(turn=len(self.turns), kind=action.failing)
        if action.fault == CONTEXT_FULL:
            return "", Ending(kind="none", reason="tokens")
        text = action.text.rstrip("\n")
        if action.fault is not None or not text.strip():
            return "", self._malformed(action.fault or "an empty action")
        return text, None

    def _malformed(self, fault: str) -> Ending:
        self.fault = fault
        return Ending(kind="none", reason=f"malformed: {fault}")

    async def _note_changes(self, session: Session) -> None:
        """Remember which action changed something; only work has an `executed` mark to find."""
        if self.scenario.expected.kind != "work":
            return
        now = await self._in_sandbox(session.state())
        if changes(self.after, now, self.scenario.volatile):
            self.changing.append(len(self.turns) - 1)
        self.after = now

    async def check(self, session: Session) -> None:
        """Judge the state that is left once every process is dead."""
        self.verdict = await self._in_sandbox(session.check(self.scenario.checker))
        self.after = await self._in_sandbox(session.state())

    async def _in_sandbox(self, work: Awaitable[T]) -> T:
        began = time.monotonic()
        try:
            return await work
        finally:
            self.sandbox_s += time.monotonic() - began

    def observed(self, backend: str) -> Observed:
        info = self.info or SandboxInfo(backend=backend, userland=self.scenario.userland, userland_digest="")
        return Observed(
            sample=self.sample,
            seed=self.seed,
            operator=self.operator.info,
            turns=tuple(self.turns),
            ending=Ending(kind="none", reason=f"infra: {self.infra}") if self.infra else self.ending,
            sandbox=info,
            check=self.verdict,
            before=self.before,
            after=self.after,
            changing=tuple(self.changing),
            fault=self.fault,
            failing=self.failing,
            infra=self.infra,
            thoughts=self.thoughts,
            usage=self.usage,
            timing=Timing(
                wall_s=round(time.monotonic() - self.started, 4),
                operator_s=round(self.operator_s, 4),
                sandbox_s=round(self.sandbox_s, 4),
            ),
        )


def _answer(result: ExecResult, prompt: str) -> Turn:
    return Turn(
        role="env",
        content=_closed(result.output) + prompt,
        raw_sha256=result.raw_sha256,
        status=result.status,
        truncated=result.truncated,
        timed_out=result.timed_out,
    )


def _closed(text: str) -> str:
    """The text with the line end that puts the next prompt on its own line."""
    return text if not text or text.endswith("\n") else text + "\n"
