"""The gate: a scenario is admitted on what sandboxes show, or rejected with one reason.

In order: the bundle's text, the reference twice (once under another date, host name and other
mtimes), the untouched state, the documentation, what was shown when, every other right solution, every wrong one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any

from sekft.bounds import WRITABLE_ROOTS
from sekft.errors import InfraError
from sekft.gate.mutants import break_ins, mutants
from sekft.gate.solutions import solutions
from sekft.gate.static import examine
from sekft.protocols import Limits, Sandbox, SandboxSpec, Session
from sekft.rejection import Admitted, Reason, Rejected
from sekft.scenario import GateReport, Scenario
from sekft.shell import syntax
from sekft.shell.evidence import Exchange, earned_at, retrieved_at
from sekft.trajectory import Check, Ending, PathState, State, changes, covered, effects

EVIDENCE_CHARACTERS = 2000
_JOB = re.compile(r"(?<![&<>])&(?!&)")


@dataclass(frozen=True, slots=True)
class TrialRun:
    """A list of commands in a sandbox: what was shown, what it left, what the checker said.

    outputs[i] answers commands[i], typed in the folder cwds[i].
    kept[i], where asked for, is a snapshot from before commands[i], and states[i] the state after it; kept ends early
    where a snapshot would lose something.
    """

    login: str
    commands: tuple[str, ...]
    outputs: tuple[str, ...]
    cwds: tuple[str, ...]
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
        outputs, cwds = reference.outputs[:count] + run.outputs, reference.cwds[:count] + run.cwds
        return replace(run, before=reference.before, commands=tuple(commands), outputs=outputs, cwds=cwds)

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


CLOCK_SHIFT_S = 34_567_890
MTIME_SHIFT_S = -3_210_987
SHIFTED_HOST = "elsewhere"
LIMITS = Limits()
SEALED = "0000"
TRIED = 18
"""Wrong solutions a scenario, its own probes included; most of a gate's time goes into them."""
GENERIC_LEAST = 9
CHECKS = [
    "structure", "reference", "shifted", "untouched", "sealed", "hidden", "shown", "documented", "alternatives",
    "probes", "mutants",
]  # fmt: skip
_JOINTS = re.compile(r"[=:,/@+()]")


class _Refused(Exception):
    def __init__(self, reason: Reason, detail: str, run: TrialRun, report: GateReport | None = None) -> None:
        super().__init__(detail)
        self.rejected = Rejected(reason, detail, run.evidence(), report)


async def admit(scenario: Scenario, sandbox: Sandbox, limits: Limits = LIMITS) -> Admitted | Rejected:
    """Prove one scenario in fresh sandboxes. Raises InfraError when a sandbox breaks."""
    if (refused := examine(scenario)) is not None:
        return refused
    try:
        return Admitted(await _Gate(scenario, sandbox, limits).proven())
    except _Refused as refusal:
        return refusal.rejected


class _Gate:
    def __init__(self, scenario: Scenario, sandbox: Sandbox, limits: Limits) -> None:
        self.scenario, self.sandbox = scenario, sandbox
        self.spec = SandboxSpec.of(scenario, limits)

    async def proven(self) -> Scenario:
        """The scenario with the report of every proof. Raises _Refused at the first that fails."""
        async with Trials(self.sandbox, self.spec, self.scenario.checker) as trials:
            reference = self._referred(await trials.reference(self.scenario.reference))
            await self._shifted(reference)
            self._untouched(await trials.run(()))
            await self._sealed(trials)
            await self._out_of_reach(trials)
            self._shown(reference)
            self._documented(reference, await trials.unlike(reference, self.scenario.provider.help))
            right = await self._alternatives(trials, reference)
            report = (await self._mutants(trials, reference)).model_copy(update={"right": right})
        return self.scenario.model_copy(update={"gate": report})

    def _referred(self, run: TrialRun) -> TrialRun:
        terminal = self.scenario.expected.terminal
        if run.broken is not None:
            raise _Refused(Reason.REFERENCE_BREAKS, run.broken, run)
        if run.ended is None or run.ended.kind != terminal or len(run.outputs) < len(run.commands):
            seen = f"{run.ended.kind} after command {len(run.outputs) - 1}" if run.ended else "no ending"
            raise _Refused(Reason.REFERENCE_ENDING, f"saw {seen}, want {terminal} at the last command", run)
        self._sound(run)
        if not run.check.passed:
            raise _Refused(Reason.REFERENCE_FAILS, "the checker fails after the reference, want pass", run)
        if harmed := self._harmed(run):
            raise _Refused(Reason.REFERENCE_HARMS, f"the reference changes protected {harmed}", run)
        if self.scenario.expected.kind == "work" and not self._changed(run):
            raise _Refused(Reason.WORK_WITHOUT_EFFECT, "the reference changes nothing outside volatile", run)
        return run

    def _harmed(self, run: TrialRun) -> list[str]:
        touched = (effect.path for effect in effects(run.before, run.after))
        return [path for path in touched if covered(path, self.scenario.protected)]

    def _changed(self, run: TrialRun) -> dict[str, PathState | None]:
        return changes(run.before, run.after, self.scenario.volatile)

    def _fixed(self, run: TrialRun) -> dict[str, PathState | None]:
        """What was changed, less the bytes that may differ between two right runs."""
        changed = self._changed(run)
        loose = {path: replace(entry, digest=None) for path in self.scenario.loose if (entry := changed.get(path))}
        return {**changed, **loose}

    def _sound(self, run: TrialRun) -> None:
        """The checker must reach a verdict and leave the state alone."""
        if run.check.verdict == "checker_error":
            raise _Refused(Reason.CHECKER_ERROR, f"the checker ends with status {run.check.status}", run)
        if written := effects(run.after, run.checked):
            raise _Refused(Reason.CHECKER_WRITES, f"the checker changes {[effect.path for effect in written]}", run)

    async def _shifted(self, reference: TrialRun) -> None:
        spec = replace(self.spec, hostname=SHIFTED_HOST, clock_offset_s=CLOCK_SHIFT_S, mtime_offset_s=MTIME_SHIFT_S)
        try:
            async with self.sandbox.open(spec) as session:
                again = self._referred(await run_in(session, self.scenario.reference, self.scenario.checker))
        except _Refused as refusal:
            detail = f"under another date, host name and mtimes: {refusal.rejected.detail}"
            refusal.rejected = replace(refusal.rejected, reason=Reason.DEPENDS_ON_SURROUNDINGS, detail=detail)
            raise
        here, elsewhere = self._fixed(reference), self._fixed(again)
        if here != elsewhere:
            differing = sorted(dict(here.items() ^ elsewhere.items()))
            raise _Refused(Reason.NOT_DETERMINISTIC, f"two runs of the reference leave {differing} different", again)

    def _untouched(self, run: TrialRun) -> None:
        self._sound(run)
        kind = self.scenario.expected.kind
        if kind == "work" and run.check.passed:
            raise _Refused(Reason.PASSES_UNTOUCHED, "the untouched sandbox passes its check, want fail", run)
        if kind != "work" and not run.check.passed:
            raise _Refused(Reason.FAILS_UNTOUCHED, f"{kind}: the untouched sandbox fails its check, want pass", run)

    async def _sealed(self, trials: Trials) -> None:
        """A file without permission bits stays shut: its user cannot get in by chmod, cp, mv or rm."""
        for file in self.scenario.files:
            if file.kind == "file" and file.mode == SEALED:
                run = await trials.run(break_ins(file))
                content = file.data.decode(errors="replace").strip()
                if effects(run.before, run.after) or (content and content in "".join(run.outputs)):
                    raise _Refused(Reason.NOT_SEALED, f"{file.path} has mode {SEALED} and yet gives way", run)

    async def _out_of_reach(self, trials: Trials) -> None:
        """Nothing that the operator can open holds a directive: whoever has it has it from the provider."""
        lines = {directive.text.strip().split("\n")[0] for directive in self.scenario.directives} - {""}
        if not lines or not self.scenario.hidden:
            return
        patterns = " ".join(f"-e {shlex.quote(line)}" for line in sorted(lines))
        run = await trials.run([f"grep -rlF {patterns} {' '.join(WRITABLE_ROOTS)} 2>/dev/null"])
        if run.outputs[0].strip():
            detail = f"a directive can be read in {run.outputs[0].split()}: want that in provider.hidden"
            raise _Refused(Reason.STORE_IN_REACH, detail, run)

    def _shown(self, run: TrialRun) -> None:
        """The announcement comes first, and only the provider's answers show the directives."""
        needles, command = self.scenario.needles, self.scenario.provider.command
        first = next(at for at, text in enumerate(run.commands) if syntax.calls(text, command))
        early = [run.login, *run.outputs[:first]]
        if not any(needles.announcement in text for text in early):
            detail = f"{needles.announcement!r} is shown neither at login nor before the provider is first run"
            raise _Refused(Reason.ANNOUNCEMENT_HIDDEN, detail, run)
        for needle in needles.secrets:
            if needle in run.login:
                raise _Refused(Reason.ANNOUNCEMENT_GIVES_DIRECTIVE, f"login shows {needle!r}", run)
            if any(needle in text for text in early):
                raise _Refused(Reason.DIRECTIVE_LEAKS, f"{needle!r} is shown before the provider is first run", run)
        answers = [at for at, text in enumerate(run.commands[:-1]) if syntax.calls(text, command)]
        for needle in needles.directives:
            if not any(needle in run.outputs[at] for at in answers):
                raise _Refused(Reason.DIRECTIVE_NOT_SHOWN, f"no answer of {command!r} shows {needle!r}", run)
        if self.scenario.expected.kind != "work":
            self._earned(run)

    def _earned(self, run: TrialRun) -> None:
        """The reference earns its ending, and whoever knows the directives alone has not looked yet."""
        scenario, exchanges = self.scenario, run.exchanges()
        if earned_at(scenario, exchanges) is None:
            detail = f"no output shows the evidence {scenario.needles.texts} once the directives are known"
            raise _Refused(Reason.DIRECTIVE_NOT_SHOWN, f"{detail}, and no command inspects what decides", run)
        known = retrieved_at(scenario, exchanges)
        if (
            scenario.needles.inspections
            and known is not None
            and earned_at(scenario, exchanges[: known + 1]) is not None
        ):
            detail = f"the directives themselves show one of the texts {scenario.needles.texts}: no look is needed"
            raise _Refused(Reason.EVIDENCE_FREE, detail, run)

    async def _alternatives(self, trials: Trials, reference: TrialRun) -> int:
        """How many other right solutions there are. Raises _Refused with the report when one is not accepted."""
        alternatives = solutions(self.scenario)
        refused: list[tuple[str, str, TrialRun]] = []
        for alternative in alternatives:
            run = await trials.unlike(reference, alternative.commands)
            self._sound(run)
            if (fault := self._fault(run)) is not None:
                refused.append((alternative.kind, fault, run))
        if refused:
            kind, fault, run = refused[0]
            kinds = [kind for kind, *_ in refused]
            report = GateReport(mode="sandbox", backend=self.sandbox.name, right=len(alternatives), refused=kinds)
            more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
            raise _Refused(Reason.ALTERNATIVE_REFUSED, f"right solution {kind!r}: {fault}{more}", run, report)
        return len(alternatives)

    def _fault(self, run: TrialRun) -> str | None:
        """What keeps a right solution from being accepted: the checker, or that it does not earn its ending."""
        if run.broken is not None:
            return run.broken
        if not run.check.passed:
            return "the checker fails, want pass"
        if harmed := self._harmed(run):
            return f"it changes protected {harmed}"
        if self.scenario.expected.kind == "work":
            return None
        if changed := sorted(self._changed(run)):
            return f"it changes {changed}, where nothing is to be done"
        earned = earned_at(self.scenario, run.exchanges()) is not None
        return (
            None
            if earned
            else f"it does not earn the ending: no text or inspection of {self.scenario.needles.evidence}"
        )

    def _documented(self, run: TrialRun, manual: TrialRun) -> None:
        needles = self.scenario.needles
        if not any(needles.documentation in text for text in manual.outputs):
            detail = f"{self.scenario.provider.help} show {needles.documentation!r} nowhere"
            raise _Refused(Reason.DOCUMENTATION_SILENT, detail, manual)
        for needle in needles.secrets:
            if any(needle in text for text in manual.outputs):
                raise _Refused(Reason.DOCUMENTATION_GIVES_DIRECTIVE, f"the documentation shows {needle!r}", manual)
        self._read_first(run)
        known, command = [run.login, *manual.outputs], self.scenario.provider.command
        for at, text in enumerate(run.commands):
            unknown = None if text in self.scenario.provider.help else next(self._unknown(text, known), None)
            if unknown is not None:
                detail = f"reference.{at} passes {unknown!r} to {command!r}, shown nowhere before"
                raise _Refused(Reason.UNDOCUMENTED, detail, run)
            known.append(run.outputs[at])

    def _read_first(self, run: TrialRun) -> None:
        """Whoever learns from the reference learns to read before using."""
        shown = [at for at, text in enumerate(run.outputs) if self.scenario.needles.documentation in text]
        asks, command = self.scenario.provider.help, self.scenario.provider.command
        used = [at for at, text in enumerate(run.commands) if text not in asks and syntax.calls(text, command)]
        if used and (not shown or shown[0] > used[0]):
            detail = f"reference.{used[0]} uses {command!r} before its documentation was shown"
            raise _Refused(Reason.DOCUMENTATION_UNREAD, detail, run)

    def _unknown(self, text: str, known: Sequence[str]) -> Iterator[str]:
        for words in syntax.calls(text, self.scenario.provider.command):
            for word in syntax.arguments(words):
                if not _is_known(word, known):
                    yield word

    async def _mutants(self, trials: Trials, reference: TrialRun) -> GateReport:
        """Try every wrong solution. Raises _Refused with the report when one survives."""
        right = self._changed(reference)
        work = self.scenario.expected.kind == "work"
        wrong = [(Reason.PROBE_PASSES, probe.kind, tuple(probe.commands)) for probe in self.scenario.probes]
        generic = Reason.CHEAT_PASSES if work else Reason.CHANGE_UNNOTICED
        most = max(GENERIC_LEAST, TRIED - len(wrong))
        drawn = mutants(self.scenario, right, self._changing(reference), most)
        wrong += [(generic, mutant.kind, mutant.commands) for mutant in drawn]
        equivalent, survivors = 0, []
        for reason, kind, commands in wrong:
            run = await trials.unlike(reference, commands)
            if self._changed(run) == right:
                equivalent += 1
            elif run.check.verdict == "checker_error":
                detail = f"the checker ends with status {run.check.status} after {kind}, want a verdict"
                raise _Refused(Reason.CHECKER_ERROR, detail, run)
            elif run.check.passed:
                survivors.append((reason, kind, run))
        refutable = len(wrong) - equivalent
        report = GateReport(
            mode="sandbox",
            backend=self.sandbox.name,
            userland_digest=reference.digest,
            checks=CHECKS,
            mutants=len(wrong),
            equivalent=equivalent,
            survivors=[kind for _, kind, _ in survivors],
            kill_rate=1 - len(survivors) / refutable if refutable else None,
        )
        if survivors:
            reason, kind, run = survivors[0]
            more = f" (and {len(survivors) - 1} more)" if len(survivors) > 1 else ""
            raise _Refused(reason, f"{kind}: the checker passes, want fail{more}", run, report)
        return report

    def _changing(self, run: TrialRun) -> list[int]:
        """Indexes of the commands that changed anything outside `volatile`."""
        states = [run.before, *run.states]
        return [at for at in range(len(run.states)) if changes(states[at], states[at + 1], self.scenario.volatile)]


def _is_known(word: str, known: Sequence[str]) -> bool:
    """Whether the word, or every piece of it between joints, was shown; free text is exempt."""
    if not word or any(char.isspace() for char in word) or "$" in word:
        return True
    if _occurs(word, known):
        return True
    pieces = [piece for piece in _JOINTS.split(word) if piece]
    return len(pieces) > 1 and all(_occurs(piece, known) for piece in pieces)


def _occurs(word: str, known: Sequence[str]) -> bool:
    pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    return any(pattern.search(text) for text in known)
