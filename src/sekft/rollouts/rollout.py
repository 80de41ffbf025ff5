"""Stage B: one session in one fresh sandbox, stepped by an operator or by hand until something ends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TypeVar

from sekft.errors import InfraError, ResourcesExhausted, SekftError, UsageError
from sekft.protocols import (
    CONTEXT_FULL,
    NOT_GROUNDED,
    REFUSED,
    Action,
    ExecResult,
    Limits,
    Operator,
    Sandbox,
    SandboxSpec,
    Session,
)
from sekft.scenario import Login, Scenario
from sekft.shell.chat_format import TURN_LIMIT_BYTES
from sekft.trajectory import (
    Check,
    Ending,
    Fault,
    OperatorInfo,
    SandboxInfo,
    State,
    Timing,
    Turn,
    Usage,
    changes,
    closed,
    messages,
)

T = TypeVar("T")
PROMPT_ROOM_BYTES = 1024
"""What a recorded turn of 32 KiB leaves for the prompt after the output."""
BY_HAND = OperatorInfo(kind="hand")
UNDER_WAY = Ending(kind="none", reason="under_way")
OUT_OF_TIME = "out of time"
RESOURCES = "resources"
"""The reason of an ending that the session's own processes, memory or files brought about."""
UNFINISHED = {CONTEXT_FULL: "tokens", OUT_OF_TIME: "time"}
"""Faults of an action that a limit explains, with the reason that the ending then gives; others are malformed."""
NOT_RUN = Check(verdict="not_run", passed=False)
_NOTHING_USED = Usage()


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


@dataclass(frozen=True, slots=True)
class RolloutResult:
    """What one rollout left behind, before anyone judged it.

    before, after: state at the first prompt and after the check.
    changing:      indexes of the action turns that changed anything outside `volatile`.
    cwds, calls:   for each action, the working folder before it, and how often the sandbox ran the provider for it.
    fault:         why an action could not be typed at all.
    failing:       the failure that the operator made on purpose.
    infra:         what broke that was not the policy's doing.
    alone:         it broke while a fresh sandbox worked: no sign that the machine is broken.
    exhausted:     what the session's own processes, memory or files kept the harness from.
    thoughts:      index of an action turn → what a model reasoned before it.
    """

    sample: int
    seed: int
    operator: OperatorInfo
    turns: tuple[Turn, ...]
    ending: Ending
    sandbox: SandboxInfo
    check: Check = NOT_RUN
    before: State = field(default_factory=dict)
    after: State = field(default_factory=dict)
    changing: tuple[int, ...] = ()
    cwds: tuple[str, ...] = ()
    calls: tuple[int, ...] = ()
    fault: str | None = None
    failing: Fault | None = None
    infra: str | None = None
    alone: bool = False
    exhausted: str | None = None
    thoughts: dict[int, str] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    timing: Timing = field(default_factory=Timing)


class Rollout:
    """One session in a scenario, an action at a time.

        async with Rollout(scenario, sandbox) as session:
            while not session.over:
                await session.step(act(session.messages))
        verdict = judge(scenario, session.result)

    The shell's own ending, a limit, or an action that cannot be typed ends the session, and the checker runs at once.
    What its own processes keep the harness from is tried once more when they are dead, and ends it as `resources`.
    A sandbox that breaks ends it without a check: that is data too, and `result.infra` says what broke. Every other
    SekftError (no sandbox …) is raised, since no other rollout would escape it.

    operator: who acts. One with a model's name is not held to wall_s while it answers.
    result:   what the session has left so far; complete once the context is closed.
    """

    _session: Session

    def __init__(
        self,
        scenario: Scenario,
        sandbox: Sandbox,
        operator: OperatorInfo = BY_HAND,
        sample: int = 0,
        seed: int = 0,
        limits: RolloutLimits = RolloutLimits(),
    ) -> None:
        info = SandboxInfo(backend=sandbox.name, userland=scenario.userland, userland_digest="")
        self.result = RolloutResult(sample, seed, operator, (), UNDER_WAY, info)
        self.over = False
        self._scenario, self._sandbox, self._limits = scenario, sandbox, limits
        self._open = AsyncExitStack()
        self._operator_s = self._sandbox_s = 0.0

    @property
    def turns(self) -> tuple[Turn, ...]:
        return self.result.turns

    @property
    def messages(self) -> list[dict[str, str]]:
        """The turns so far in the deploy form."""
        return messages(self.turns) if self.turns else []

    async def __aenter__(self) -> Rollout:
        self._started = time.monotonic()
        async with AsyncExitStack() as landing:  # closes what is open when landing is cut off
            landing.push_async_callback(self._open.aclose)
            async with self._held_to_account():
                spec = SandboxSpec.of(self._scenario, self._limits.session)
                self._session = await self._open.enter_async_context(self._sandbox.open(spec))
                self.result = replace(self.result, sandbox=self._session.info)
                state = await self._again(self._session.state)
                text = closed(self._session.greeting) + self._session.prompt()
                login = Turn(role="env", content=text, orientation=self._scenario.orientation)
                # what a profile had running was the bundle's, not the operator's
                self.result = replace(self.result, before=state, after=state, turns=(login,), exhausted=None)
                await self._check_limits()
            landing.pop_all()
        self._waiting_since = time.monotonic()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._held_to_account(), self._open:
            if error is None:
                await self._stop("left")
        timing = Timing(
            wall_s=round(time.monotonic() - self._started, 4),
            operator_s=round(self._operator_s, 4),
            sandbox_s=round(self._sandbox_s, 4),
        )
        self.result = replace(self.result, timing=timing)

    @contextmanager
    def infra_errors(self) -> Iterator[None]:
        """Whatever breaks in here, an operator's bug too, ends this session and no other, as an infra error."""
        try:
            yield
        except InfraError as error:
            self._break(str(error))
        except SekftError:
            raise
        except Exception as error:
            self._break(f"{type(error).__name__}: {error}")

    @asynccontextmanager
    async def _held_to_account(self) -> AsyncIterator[None]:
        """The same around the session's steps, whose failure may be the session's own doing."""
        try:
            yield
        except SekftError as error:
            if not isinstance(error, InfraError):
                raise
            await self._blame(error, str(error))
        except Exception as error:
            await self._blame(error, f"{type(error).__name__}: {error}")

    async def _blame(self, error: Exception, reason: str) -> None:
        """What the session had the means to stop, where a fresh sandbox on this machine works, is the session's fault.

        It is ended first, and with it whatever it has running. What merely broke stays an infra error.
        """
        self.over = True
        await self._open.aclose()
        works = await self._another_works()
        if works and self.turns and (self.result.exhausted or isinstance(error, ResourcesExhausted)):
            ending = Ending(kind="none", reason=RESOURCES)
            self.result = replace(self.result, ending=ending, exhausted=self.result.exhausted or reason)
        else:
            self._break(reason)
            self.result = replace(self.result, alone=works)

    async def _another_works(self) -> bool:
        """Whether a fresh sandbox does what this one had to, with nothing in it that is the scenario's."""
        login = self._scenario.login
        bare = Login(user=login.user, host=login.host, home=login.home)
        try:
            async with self._sandbox.open(SandboxSpec(self._scenario.userland, bare, ())) as fresh:
                await fresh.state()
                return (await fresh.check("true")).passed
        except SekftError:
            return False

    def _break(self, reason: str) -> None:
        self.over = True
        self.result = replace(self.result, infra=reason, ending=Ending(kind="none", reason=f"infra: {reason}"))

    @property
    def patience_s(self) -> float | None:
        """How long the next action may be waited for; None for a served model."""
        return None if self._is_served else self._remaining_s()

    @property
    def _is_served(self) -> bool:
        return self.result.operator.model is not None

    def _remaining_s(self) -> float:
        elapsed_s = time.monotonic() - self._started
        return self._limits.wall_s - elapsed_s + (self._operator_s if self._is_served else 0.0)

    async def step(self, action: Action | str) -> Turn | None:
        """Type one action; returns the answer, or None when that was the last one.

        An action that comes too late is not typed. Raises UsageError when the session is over.
        """
        if self.over:
            raise UsageError(f"step: the session is over ({self.result.ending.kind}, {self.result.ending.reason})")
        self._operator_s += time.monotonic() - self._waiting_since
        async with self._held_to_account():
            if self._remaining_s() <= 0:
                await self._stop("time")
            else:
                await self._type(Action(action) if isinstance(action, str) else action)
        self._waiting_since = time.monotonic()
        return None if self.over else self.turns[-1]

    async def _stop(self, reason: str) -> None:
        """End the session, unless it is over, by something else than what was typed."""
        if not self.over:
            await self._end(Ending(kind="none", reason=reason))

    async def _type(self, action: Action) -> None:
        self._note(action)
        text = action.text.rstrip("\n")
        if (reason := _unfinished(action.fault)) is not None:
            await self._stop(reason)
        elif action.fault is not None or not text.strip():
            await self._malformed(action.fault or "an empty action")
        else:
            recorded = text.encode()[:TURN_LIMIT_BYTES].decode(errors="ignore")
            self._add(Turn(role="action", content=recorded))
            await self._exec(text)

    async def _exec(self, text: str) -> None:
        if len(text.encode()) > self._limits.session.output_bytes:
            await self._malformed(f"an action of {len(text.encode())} bytes")
            return
        cwd = self._session.cwd()
        try:
            result = await self._timed(self._session.exec(text))
        except ResourcesExhausted as error:  # tried again it could do its work twice: the check tells what is left
            await self._exhausted(error)
            return
        cwds, calls = (*self.result.cwds, cwd), (*self.result.calls, result.calls)
        self.result = replace(self.result, cwds=cwds, calls=calls, sandbox=self._session.info)
        if result.malformed is not None:
            await self._malformed(result.malformed)
            return
        if result.ended is not None:
            await self._note_changes()
            await self._end(result.ended)
            return
        answer = _answer(result, self._session.prompt())
        await self._note_changes()
        self._add(answer)
        await self._check_limits()

    def _note(self, action: Action) -> None:
        """What an action carries beside its text, by the index of its turn."""
        if action.failing is None and not action.thoughts and action.usage == _NOTHING_USED:
            return
        at, failing, thoughts = len(self.turns), self.result.failing, self.result.thoughts
        if action.failing is not None and failing is None:
            failing = Fault(turn=at, kind=action.failing)
        if action.thoughts:
            thoughts = {**thoughts, at: action.thoughts}
        usage = self.result.usage + action.usage
        self.result = replace(self.result, usage=usage, failing=failing, thoughts=thoughts)

    def _add(self, turn: Turn) -> None:
        self.result = replace(self.result, turns=(*self.turns, turn))

    async def _note_changes(self) -> None:
        """Remember which action changed something; only work has an `executed` mark to find."""
        if self._scenario.expected.kind != "work":
            return
        state, changing = await self._again(self._session.state), self.result.changing
        if changes(self.result.after, state, self._scenario.volatile):
            changing = (*changing, len(self.turns) - 1)
        self.result = replace(self.result, after=state, changing=changing)

    async def _check_limits(self) -> None:
        """Before each action."""
        limits = self._limits
        if self.result.exhausted is not None:
            await self._stop(RESOURCES)
        elif len(self.turns) // 2 >= limits.turns:
            await self._stop("turns")
        elif self._remaining_s() <= 0:
            await self._stop("time")
        elif limits.tokens is not None and self.result.usage.completion_tokens >= limits.tokens:
            await self._stop("tokens")

    async def _malformed(self, fault: str) -> None:
        self.result = replace(self.result, fault=fault)
        await self._stop(f"malformed: {fault}")

    async def _end(self, ending: Ending) -> None:
        """Check the state that is left once every process is dead."""
        self.over = True
        self.result = replace(self.result, ending=ending)
        async with self._held_to_account():
            check = await self._again(lambda: self._session.check(self._scenario.checker))
            self.result = replace(self.result, check=check)
            self.result = replace(self.result, after=await self._again(self._session.state))

    async def _exhausted(self, error: ResourcesExhausted) -> None:
        self.result = replace(self.result, exhausted=str(error))
        await self._stop(RESOURCES)

    async def _again(self, step: Callable[[], Awaitable[T]]) -> T:
        """A step of the harness's own; once more, where time or memory was short for the first try.

        Where processes of the session had to die for it, that is noted, and the session ends before the next action.
        """
        try:
            return await self._timed(step())
        except ResourcesExhausted as error:
            if error.killed:
                self.result = replace(self.result, exhausted=str(error))
            try:
                return await self._timed(step())
            except InfraError as again:
                raise error from again

    async def _timed(self, work: Awaitable[T]) -> T:
        began = time.monotonic()
        try:
            return await work
        finally:
            self._sandbox_s += time.monotonic() - began


async def rollout(
    scenario: Scenario,
    sandbox: Sandbox,
    operator: Operator,
    sample: int,
    seed: int,
    limits: RolloutLimits = RolloutLimits(),
) -> RolloutResult:
    """Let one operator act in one sandbox until something ends the session; see Rollout for what is raised."""
    async with Rollout(scenario, sandbox, operator.info, sample, seed, limits) as session:
        with session.infra_errors():
            policy = operator.policy(scenario, sample, seed)
            while not session.over:
                try:
                    async with asyncio.timeout(session.patience_s):
                        action = await policy.act(session.turns)
                except TimeoutError:
                    action = Action("", fault=OUT_OF_TIME)
                await session.step(action)
    return session.result


def _unfinished(fault: str | None) -> str | None:
    """The reason of the ending that this fault leads to; None where it is malformed, or no fault."""
    if fault and fault.startswith((NOT_GROUNDED, REFUSED)):
        return fault
    return UNFINISHED.get(fault or "")


def _answer(result: ExecResult, prompt: str) -> Turn:
    return Turn(
        role="env",
        content=closed(result.output) + prompt,
        raw_sha256=result.raw_sha256,
        status=result.status,
        truncated=result.truncated,
        timed_out=result.timed_out,
    )
