"""A list of commands in a sandbox: what it showed, what it left, and what the checker said of that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any

from sekft.errors import InfraError
from sekft.protocols import Sandbox, SandboxSpec, Session
from sekft.shell.evidence import Exchange
from sekft.trajectory import Check, Ending, State, closed

EVIDENCE_CHARACTERS = 2000
OUTPUT_CHARACTERS = 500
"""Of one output, where many trials are told at once."""
_JOB = re.compile(r"(?<![&<>])&(?!&)")


@dataclass(frozen=True, slots=True)
class TrialRun:
    """A list of commands in a sandbox: what was shown, what it left, what the checker said.

    outputs[i] answers commands[i], typed in the folder cwds[i], and statuses[i] is what `$?` held then.
    kept[i], where asked for, is a snapshot from before commands[i], and states[i] the state after it; where a snapshot
    would lose something, there is none.
    """

    login: str
    commands: tuple[str, ...]
    outputs: tuple[str, ...]
    cwds: tuple[str, ...]
    statuses: tuple[int, ...]
    ended: Ending | None
    broken: str | None
    before: State
    after: State
    kept: Mapping[int, Any]
    states: tuple[State, ...]
    check: Check
    checked: State
    digest: str

    def evidence(self) -> dict[str, str]:
        shown = {f"{at}: {text}": self.outputs[at] for at, text in enumerate(self.commands[: len(self.outputs)])}
        shown["checker"] = f"{self.check.verdict} (status {self.check.status}) {self.check.output}"
        return {name: text[-EVIDENCE_CHARACTERS:] for name, text in shown.items()}

    def excerpt(self, since: int = 0) -> str:
        """What was typed from there on, what it showed, and what the checker said of the end."""
        rows = zip(self.commands[since:], self.outputs[since:], strict=False)
        shown = [f"$ {text}\n{closed(output[-OUTPUT_CHARACTERS:])}" for text, output in rows]
        return "".join([*shown, f"checker: {self.check.verdict} (status {self.check.status}) {self.check.output}"])

    def exchanges(self) -> list[Exchange]:
        """The commands and their answers, less the command that ended the session: a panic prints its own reason."""
        answered = len(self.outputs) - (self.ended is not None)
        return [Exchange(*row) for row in zip(self.commands, self.outputs[:answered], self.cwds, strict=False)]

    def shared(self, commands: Sequence[str]) -> int:
        """How many of the first commands are this run's too, so that a snapshot of it stands behind them."""
        count = 0
        while count < len(commands) and count + 1 in self.kept and commands[count] == self.commands[count]:
            count += 1
        return count


@dataclass(frozen=True, slots=True)
class Point:
    """Where commands led from the untouched state, and what they showed. state: None where nobody looked."""

    snapshot: Any
    outputs: tuple[str, ...] = ()
    cwds: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    state: State | None = None

    @classmethod
    def of(cls, run: TrialRun, at: int, state: State | None = None) -> Point:
        """Of a run, before its command of that index."""
        return cls(run.kept[at], run.outputs[:at], run.cwds[:at], run.statuses[:at], state)


def _beginnings(commands: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(commands[:at]) for at in range(1, len(commands) + 1)]


class Trials:
    """One sandbox that goes back to a snapshot for each trial; where its tree does not come back, a fresh one."""

    def __init__(self, sandbox: Sandbox, spec: SandboxSpec, checker: str) -> None:
        self._sandbox, self._spec, self._checker = sandbox, spec, checker
        self._open = AsyncExitStack()
        self._session: Session | None = None
        self._points: dict[tuple[str, ...], Point] = {}
        self._due: Counter[tuple[str, ...]] = Counter()

    async def __aenter__(self) -> Trials:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._open.aclose()

    async def reference(self, commands: Sequence[str]) -> TrialRun:
        """In a fresh sandbox, with the snapshots that later trials start from."""
        run = await run_in(await self._fresh(), commands, self._checker, keep=lambda at: at < len(commands), look=True)
        for at, state in enumerate((run.before, *run.states)):
            if at in run.kept:
                self._points[run.commands[:at]] = Point.of(run, at, state)
        return run

    async def run(self, commands: Sequence[str]) -> TrialRun:
        """From the untouched state."""
        start = self._points.get(())
        session = (await self._back_to(start) if start else None) or await self._fresh()
        return await run_in(session, commands, self._checker)

    def expect(self, trials: Iterable[Sequence[str]]) -> None:
        """Trials to come: where two of them part, the first one leaves a snapshot for the other."""
        for commands in trials:
            self._due.update(_beginnings(commands))

    async def unlike(self, reference: TrialRun, commands: Sequence[str]) -> TrialRun:
        """From the untouched state too; what an earlier trial shares with it is neither typed nor looked at again."""
        typed = tuple(commands)
        self._due.subtract(_beginnings(typed))
        begun = next((at for at in range(len(typed), 0, -1) if typed[:at] in self._points), 0)
        point = self._points.get(typed[:begun])
        session = await self._back_to(point) if point else None
        if point is None or session is None:
            begun, point, session = 0, Point(None, state=reference.before), await self._fresh()
        known = point.state or (await session.state() if begun == len(typed) else reference.before)
        run = await run_in(
            session, typed[begun:], self._checker, keep=lambda at: self._parts(typed, begun + at), known=known
        )
        run = replace(
            run,
            before=reference.before,
            commands=typed,
            outputs=point.outputs + run.outputs,
            cwds=point.cwds + run.cwds,
            statuses=point.statuses + run.statuses,
            kept={begun + at: snapshot for at, snapshot in run.kept.items()},
        )
        self._points |= {typed[:at]: Point.of(run, at) for at in run.kept}
        self._forget(typed, reference)
        return run

    def _parts(self, commands: tuple[str, ...], at: int) -> bool:
        """Whether a trial to come begins with that many of these commands and then goes on in another way."""
        onward = self._due[commands[: at + 1]] if at < len(commands) else 0
        return commands[:at] not in self._points and self._due[commands[:at]] > onward

    def _forget(self, commands: tuple[str, ...], reference: TrialRun) -> None:
        """Drop the snapshots that no trial to come starts from; the reference's stay."""
        for begun in _beginnings(commands):
            if self._due[begun] <= 0 and begun != reference.commands[: len(begun)]:
                self._points.pop(begun, None)

    async def _fresh(self) -> Session:
        await self._open.aclose()
        self._session = await self._open.enter_async_context(self._sandbox.open(self._spec))
        return self._session

    async def _back_to(self, point: Point) -> Session | None:
        if self._session is None:
            return None
        with suppress(InfraError):  # a FIFO was made, a bind carried off …
            await self._session.rewind(point.snapshot)
            return self._session
        return None


async def run_in(
    session: Session,
    commands: Sequence[str],
    checker: str,
    *,
    keep: Callable[[int], bool] = lambda at: False,
    look: bool = False,
    known: State | None = None,
) -> TrialRun:
    """Type the commands and check.

    keep:  whether to keep a snapshot from before the command of that index; the number of commands is their end.
    look:  note the state after each command.
    known: the state there is now, where only the end is of interest.
    """
    login = session.greeting + session.prompt()
    before = await session.state() if known is None else known
    outputs: list[str] = []
    cwds: list[str] = []
    statuses: list[int] = []
    kept: dict[int, Any] = {}
    states: list[State] = []
    ended, broken = None, None
    for at, text in enumerate(commands):
        if keep(at):
            await _snapshot(session, commands, at, kept)
        cwds.append(session.cwd())
        result = await session.exec(text)
        outputs.append(result.output)
        statuses.append(result.status)
        if look:
            states.append(await session.state())
        if result.malformed is not None or result.timed_out:
            broken = f"command {at} {result.malformed or 'runs out of time'}"
            break
        ended = result.ended
        if ended is not None:
            break
    if not broken and not ended and keep(len(commands)):
        await _snapshot(session, commands, len(commands), kept)
    after = (states[-1] if states else await session.state()) if commands else before
    check = await session.check(checker)
    return TrialRun(
        login=login,
        commands=tuple(commands),
        outputs=tuple(outputs),
        cwds=tuple(cwds),
        statuses=tuple(statuses),
        ended=ended,
        broken=broken,
        before=before,
        after=after,
        kept=kept,
        states=tuple(states),
        check=check,
        checked=await session.state() if known is None else after,
        digest=session.info.userland_digest,
    )


async def _snapshot(session: Session, commands: Sequence[str], at: int, kept: dict[int, Any]) -> None:
    """Keep one, unless it would lose something: a job in the background, a file beyond what a snapshot holds."""
    if not any(map(_JOB.search, commands[:at])):
        with suppress(InfraError):
            kept[at] = await session.snapshot()
