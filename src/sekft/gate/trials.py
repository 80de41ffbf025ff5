"""A list of commands in a sandbox: what it showed, what it left, and what the checker said of that."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    kept[i], where asked for, is a snapshot from before commands[i], and states[i] the state after it; kept ends early
    where a snapshot would lose something.
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
    kept: tuple[Any, ...]
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
        while count < len(commands) and count + 1 < len(self.kept) and commands[count] == self.commands[count]:
            count += 1
        return count


class Trials:
    """One sandbox that goes back to a snapshot for each trial; where its tree does not come back, a fresh one."""

    def __init__(self, sandbox: Sandbox, spec: SandboxSpec, checker: str) -> None:
        self._sandbox, self._spec, self._checker = sandbox, spec, checker
        self._open = AsyncExitStack()
        self._session: Session | None = None
        self._start: Any = None

    async def __aenter__(self) -> Trials:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._open.aclose()

    async def reference(self, commands: Sequence[str]) -> TrialRun:
        """In a fresh sandbox, with the snapshots that later trials start from."""
        run = await run_in(await self._fresh(), commands, self._checker, keep=True)
        self._start = run.kept[0] if run.kept else None
        return run

    async def run(self, commands: Sequence[str]) -> TrialRun:
        """From the untouched state."""
        session = await self._back_to(self._start) or await self._fresh()
        return await run_in(session, commands, self._checker)

    async def unlike(self, reference: TrialRun, commands: Sequence[str]) -> TrialRun:
        """From the untouched state too; what the reference shares with it is neither typed nor looked at again."""
        count, known = reference.shared(commands), reference.before
        session = await self._back_to(reference.kept[count]) if reference.kept else None
        if session is None:
            count, session = 0, await self._fresh()
        if count:
            known = reference.states[count - 1]
        run = await run_in(session, commands[count:], self._checker, known=known)
        return replace(
            run,
            before=reference.before,
            commands=tuple(commands),
            outputs=reference.outputs[:count] + run.outputs,
            cwds=reference.cwds[:count] + run.cwds,
            statuses=reference.statuses[:count] + run.statuses,
        )

    async def _fresh(self) -> Session:
        await self._open.aclose()
        self._session = await self._open.enter_async_context(self._sandbox.open(self._spec))
        return self._session

    async def _back_to(self, snapshot: Any) -> Session | None:
        if self._session is None or snapshot is None:
            return None
        with suppress(InfraError):  # a FIFO was made, a bind carried off …
            await self._session.rewind(snapshot)
            return self._session
        return None


async def run_in(
    session: Session, commands: Sequence[str], checker: str, *, keep: bool = False, known: State | None = None
) -> TrialRun:
    """Type the commands and check. known: the state there is now, where only the end is of interest."""
    login = session.greeting + session.prompt()
    before = await session.state() if known is None else known
    outputs: list[str] = []
    cwds: list[str] = []
    statuses: list[int] = []
    kept: list[Any] = []
    states: list[State] = []
    ended, broken = None, None
    for at, text in enumerate(commands):
        if keep and len(kept) == at and not (at and _JOB.search(commands[at - 1])):
            with suppress(InfraError):  # a file beyond what a snapshot holds
                kept.append(await session.snapshot())
        cwds.append(session.cwd())
        result = await session.exec(text)
        outputs.append(result.output)
        statuses.append(result.status)
        if keep:
            states.append(await session.state())
        if result.malformed is not None or result.timed_out:
            broken = f"command {at} {result.malformed or 'runs out of time'}"
            break
        ended = result.ended
        if ended is not None:
            break
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
        kept=tuple(kept),
        states=tuple(states),
        check=check,
        checked=await session.state() if known is None else after,
        digest=session.info.userland_digest,
    )
