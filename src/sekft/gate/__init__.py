"""The gate: a scenario is admitted on what sandboxes show, or rejected with all that is wrong with it.

In order: the bundle's text, the reference twice (once under another date, host name and other
mtimes), the untouched state, the documentation, what was shown when, every other right solution, every wrong one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from sekft.gate.mutants import break_ins, mutants
from sekft.gate.solutions import OWN_MOST, solutions
from sekft.gate.static import Finding, findings
from sekft.gate.trials import TrialRun, Trials, run_in
from sekft.protocols import Limits, Sandbox, SandboxSpec
from sekft.rejection import Admitted, GateFault, Reason, Rejected
from sekft.scenario import Alternative, GateReport, Scenario
from sekft.scenario.bounds import WRITABLE_ROOTS
from sekft.shell import grounding, syntax
from sekft.shell.evidence import Exchange, Look, earned_at, retrieved_at
from sekft.trajectory import PathState, changes, covered, effects

__all__ = ["TrialRun", "Trials", "admit", "run_in"]

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
_SHORT_OPTION = re.compile(r"-\w{1,3}")
_BEFORE_PATH = re.compile(r".*[=:,@+()]")
_CLIMBS = re.compile(r"\A/(?:(?:\.{0,2}|~)/)*")


_UNBLOCKED = {
    "presence": '{ [ -e "$t" ] || [ -L "$t" ]; }',
    "access": '{ [ -e "$t" ] && [ -r "$t" ] && [ -w "$t" ]; } || { [ ! -e "$t" ] && [ -w "${t%/*}" ]; }',
    "program": 'command -v "$t" >/dev/null',
}
"""By aspect: sh that succeeds where the thing $t is no obstacle. What content and digest decide, the directive says."""

RUNNABLE = frozenset(
    (Reason.ORIENTATION, Reason.KIND_MISMATCH, Reason.REFERENCE_FORM, Reason.WRONG_ENDING, Reason.STORE_IN_REACH,
     Reason.PROTECTED_VOLATILE, Reason.ANNOUNCEMENT_GIVES_DIRECTIVE)
)  # fmt: skip
"""Faults on paper that leave a scenario to be run, so that what else is wrong is told with them."""
_STOPS = (Reason.REFERENCE_BREAKS, Reason.REFERENCE_ENDING, Reason.CHECKER_ERROR, Reason.CHECKER_WRITES)


class WrongSolution(NamedTuple):
    """reason: of the fault, where the checker accepts it."""

    reason: Reason
    kind: str
    commands: tuple[str, ...]


class _Stop(Exception):
    """What was found leaves nothing to be learnt from further trials."""


async def admit(scenario: Scenario, sandbox: Sandbox, limits: Limits = LIMITS) -> Admitted | Rejected:
    """Prove one scenario in fresh sandboxes, or list all that is wrong with it. Raises InfraError when one breaks."""
    on_paper = findings(scenario)
    if any(fault.reason not in RUNNABLE for fault in on_paper):
        return Rejected.of(on_paper)
    gate = _Gate(scenario if not on_paper else ended(scenario), sandbox, limits)
    with suppress(_Stop):
        await gate.prove()
    if faults := [*on_paper, *gate.faults]:
        return Rejected.of(faults, gate.evidence, gate.report if gate.report.right or gate.report.mutants else None)
    return Admitted(scenario.model_copy(update={"gate": gate.report}))


def ended(scenario: Scenario) -> Scenario:
    """The scenario with a reference that ends as it should: what else is wrong shows in spite of another ending."""
    terminal, reference = scenario.expected.terminal, scenario.reference
    if syntax.calls(reference[-1], terminal):
        return scenario
    others = reference[:-1] if any(syntax.calls(reference[-1], word) for word in ("exit", "panic")) else reference
    return scenario.sealed(reference=[*others, terminal])


class _Gate:
    """faults: all that was found so far. evidence: what the trial showed that found the first of them."""

    def __init__(self, scenario: Scenario, sandbox: Sandbox, limits: Limits) -> None:
        self.scenario, self.sandbox = scenario, sandbox
        self.spec = SandboxSpec.of(scenario, limits)
        self.faults: list[GateFault] = []
        self.evidence: dict[str, str] = {}
        self.report = GateReport(mode="sandbox", backend=sandbox.name)

    async def prove(self) -> None:
        """Try all there is to try. Raises _Stop where a fault makes the other trials meaningless."""
        async with Trials(self.sandbox, self.spec, self.scenario.checker) as trials:
            reference = await trials.reference(self.scenario.reference)
            self._told(self._judged(reference), reference)
            if not self.faults:
                await self._shifted(reference)
            self._untouched(await trials.run(()))
            await self._sealed(trials)
            await self._out_of_reach(trials)
            await self._blocked(trials)
            self._shown(reference)
            right, wrong = self._right(), self._wrong(reference)
            lists = [each.commands for each in right], [each.commands for each in wrong]
            trials.expect(chain([self.scenario.provider.help], *lists))
            self._documented(reference, await trials.unlike(reference, self.scenario.provider.help))
            await self._alternatives(trials, reference, right)
            await self._mutants(trials, reference, wrong)

    def _told(self, found: Iterable[Finding], run: TrialRun, since: int = 0) -> None:
        """Note what a trial showed. Raises _Stop where it stops the trials."""
        for reason, detail in found:
            self.evidence = self.evidence or run.evidence()
            self.faults.append(GateFault(reason, detail, run.excerpt(since)))
            if reason in _STOPS:
                raise _Stop

    def _judged(self, run: TrialRun) -> Iterator[Finding]:
        """What is wrong with a run of the reference."""
        terminal = self.scenario.expected.terminal
        if run.broken is not None:
            yield Reason.REFERENCE_BREAKS, run.broken
        if run.ended is None or run.ended.kind != terminal or len(run.outputs) < len(run.commands):
            seen = f"{run.ended.kind} after command {len(run.outputs) - 1}" if run.ended else "no ending"
            yield Reason.REFERENCE_ENDING, f"saw {seen}, want {terminal} at the last command"
        yield from _unsound(run)
        if not run.check.passed:
            yield Reason.REFERENCE_FAILS, "the checker fails after the reference, want pass"
        if harmed := self._harmed(run):
            yield Reason.REFERENCE_HARMS, f"the reference changes protected {harmed}"
        if self.scenario.expected.kind == "work":
            yield from self._failed_call(run)
            if not self._changed(run):
                yield Reason.WORK_WITHOUT_EFFECT, "the reference changes nothing outside volatile"

    def _failed_call(self, run: TrialRun) -> Iterator[Finding]:
        """Earlier calls may be refused, as where the documentation is out of date; the last one closes the work."""
        command, asks = self.scenario.provider.command, self.scenario.provider.help
        rows = list(zip(run.commands, run.statuses, strict=False))
        calls = [at for at, (text, _) in enumerate(rows) if text not in asks and syntax.only_calls(text, command)]
        if calls and (status := rows[calls[-1]][1]):
            text = rows[calls[-1]][0]
            yield Reason.CALL_FAILS, f"reference.{calls[-1]} ({text[:120]!r}) ends with status {status}, want 0"

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

    async def _shifted(self, reference: TrialRun) -> None:
        spec = replace(self.spec, hostname=SHIFTED_HOST, clock_offset_s=CLOCK_SHIFT_S, mtime_offset_s=MTIME_SHIFT_S)
        async with self.sandbox.open(spec) as session:
            again = await run_in(session, self.scenario.reference, self.scenario.checker)
        found = [detail for _, detail in self._judged(again)]
        here, elsewhere = self._fixed(reference), self._fixed(again)
        if found:
            detail = f"under another date, host name and mtimes: {found[0]}"
            self._told([(Reason.DEPENDS_ON_SURROUNDINGS, detail)], again)
        elif here != elsewhere:
            differing = sorted(dict(here.items() ^ elsewhere.items()))
            self._told([(Reason.NOT_DETERMINISTIC, f"two runs of the reference leave {differing} different")], again)

    def _untouched(self, run: TrialRun) -> None:
        self._told(_unsound(run), run)
        kind = self.scenario.expected.kind
        if kind == "work" and run.check.passed:
            self._told([(Reason.PASSES_UNTOUCHED, "the untouched sandbox passes its check, want fail")], run)
        if kind != "work" and not run.check.passed:
            self._told([(Reason.FAILS_UNTOUCHED, f"{kind}: the untouched sandbox fails its check, want pass")], run)

    async def _sealed(self, trials: Trials) -> None:
        """A file without permission bits stays shut: its user cannot get in by chmod, cp, mv or rm."""
        for file in self.scenario.files:
            if file.kind == "file" and file.mode == SEALED:
                run = await trials.run(break_ins(file))
                content = file.data.decode(errors="replace").strip()
                if effects(run.before, run.after) or (content and content in "".join(run.outputs)):
                    self._told([(Reason.NOT_SEALED, f"{file.path} has mode {SEALED} and yet gives way")], run)

    async def _out_of_reach(self, trials: Trials) -> None:
        """Nothing that the operator can open holds a directive: whoever has it has it from the provider."""
        lines = {directive.text.strip().split("\n")[0] for directive in self.scenario.directives} - {""}
        if not lines or not self.scenario.hidden:
            return
        patterns = " ".join(f"-e {shlex.quote(line)}" for line in sorted(lines))
        run = await trials.run([f"grep -rlF {patterns} {' '.join(WRITABLE_ROOTS)} 2>/dev/null"])
        if run.outputs[0].strip():
            detail = f"a directive can be read in {run.outputs[0].split()}: want that in provider.hidden"
            self._told([(Reason.STORE_IN_REACH, detail)], run)

    async def _blocked(self, trials: Trials) -> None:
        """Where a look at a path or a program decides, the operator really meets a block there."""
        inspections = self.scenario.needles.inspections if self.scenario.expected.kind == "blocked" else []
        asked = [(each, _UNBLOCKED[each.aspect]) for each in inspections if each.aspect in _UNBLOCKED]
        asked = [(each, test) for each, test in asked if ":" not in each.target]
        if not asked:
            return
        run = await trials.run([f"t={shlex.quote(each.target)}; {test} && echo open" for each, test in asked])
        for (each, _), shown in zip(asked, run.outputs, strict=False):
            if "open" in shown.split():
                detail = f"evidence: nothing blocks {each.target!r} ({each.aspect}): want what the operator cannot do"
                self._told([(Reason.BLOCK_UNTRUE, detail)], run)

    def _shown(self, run: TrialRun) -> None:
        """The announcement comes first, and only the provider's answers show the directives."""
        self._told(self._revealed(run), run)
        if self.scenario.expected.kind != "work":
            self._told(self._unearned(run), run)

    def _revealed(self, run: TrialRun) -> Iterator[Finding]:
        needles, command = self.scenario.needles, self.scenario.provider.command
        first = next(at for at, text in enumerate(run.commands) if syntax.calls(text, command))
        early = [run.login, *run.outputs[:first]]
        if not any(needles.announcement in text for text in early):
            detail = f"{needles.announcement!r} is shown neither at login nor before the provider is first run"
            yield Reason.ANNOUNCEMENT_HIDDEN, detail
        for needle in needles.secrets:
            if needle in run.login:
                yield Reason.ANNOUNCEMENT_GIVES_DIRECTIVE, f"login shows {needle!r}"
            elif any(needle in text for text in early):
                yield Reason.DIRECTIVE_LEAKS, f"{needle!r} is shown before the provider is first run"
        answers = [at for at, text in enumerate(run.commands[:-1]) if syntax.calls(text, command)]
        for needle in needles.directives:
            if not any(needle in run.outputs[at] for at in answers):
                yield Reason.DIRECTIVE_NOT_SHOWN, f"no answer of {command!r} shows {needle!r}"

    def _unearned(self, run: TrialRun) -> Iterator[Finding]:
        """The reference earns its ending, and whoever knows the directives alone has not looked yet."""
        scenario, exchanges = self.scenario, run.exchanges()
        if earned_at(scenario, exchanges) is None:
            detail = f"no output shows the evidence {scenario.needles.texts} once the directives are known"
            yield Reason.DIRECTIVE_NOT_SHOWN, f"{detail}, and no command inspects what decides"
            return
        known = retrieved_at(scenario, exchanges)
        if (
            scenario.needles.inspections
            and known is not None
            and earned_at(scenario, exchanges[: known + 1]) is not None
        ):
            detail = f"the directives themselves show one of the texts {scenario.needles.texts}: no look is needed"
            yield Reason.EVIDENCE_FREE, detail

    def _right(self) -> list[Alternative]:
        """Other right solutions; where the reference fails, those that are made of it would only say so again."""
        own = any(fault.reason == Reason.REFERENCE_FAILS for fault in self.faults)
        return self.scenario.alternatives[:OWN_MOST] if own else solutions(self.scenario)

    async def _alternatives(self, trials: Trials, reference: TrialRun, alternatives: list[Alternative]) -> None:
        """Try the other right solutions, and report those that are not accepted."""
        refused = []
        for alternative in alternatives:
            run = await trials.unlike(reference, alternative.commands)
            since = reference.shared(alternative.commands)
            self._told(_unsound(run), run, since)
            if (why := self._unaccepted(run)) is not None:
                self._told([(Reason.ALTERNATIVE_REFUSED, f"right solution {alternative.kind!r}: {why}")], run, since)
                refused.append(alternative.kind)
        self.report = self.report.model_copy(update={"right": len(alternatives), "refused": refused})

    def _unaccepted(self, run: TrialRun) -> str | None:
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
        needles, asks = self.scenario.needles, self.scenario.provider.help
        if not any(needles.documentation in text for text in manual.outputs):
            self._told([(Reason.DOCUMENTATION_SILENT, f"{asks} show {needles.documentation!r} nowhere")], manual)
        for needle in needles.secrets:
            if any(needle in text for text in manual.outputs):
                self._told([(Reason.DOCUMENTATION_GIVES_DIRECTIVE, f"the documentation shows {needle!r}")], manual)
        self._told(self._unread(run), run)
        self._told(self._undocumented(run, [run.login, *manual.outputs]), manual)

    def _unread(self, run: TrialRun) -> Iterator[Finding]:
        """Whoever learns from the reference learns to read before using."""
        shown = [at for at, text in enumerate(run.outputs) if self.scenario.needles.documentation in text]
        asks, command = self.scenario.provider.help, self.scenario.provider.command
        used = [at for at, text in enumerate(run.commands) if text not in asks and syntax.calls(text, command)]
        if used and (not shown or shown[0] > used[0]):
            yield (
                Reason.DOCUMENTATION_UNREAD,
                f"reference.{used[0]} uses {command!r} before its documentation was shown",
            )

    def _undocumented(self, run: TrialRun, known: list[str]) -> Iterator[Finding]:
        """Words passed to the provider that nothing had shown; a file that the operator wrote is its own. Each once."""
        command, told, own = self.scenario.provider.command, set[str](), set[str]()
        for at, text in enumerate(run.commands[: len(run.outputs)]):
            own |= self._written(run, at)
            for word in [] if text in self.scenario.provider.help else self._unknown(text, known):
                if _is_own(word, own):
                    continue
                if word not in told:
                    detail = f"reference.{at} ({text[:120]!r}) passes {word!r} to {command!r}, shown nowhere before"
                    yield Reason.UNDOCUMENTED, detail
                told.add(word)
            known.append(run.outputs[at])

    def _written(self, run: TrialRun, at: int) -> set[str]:
        """The paths that this command wrote, those that it removed again included, and none of the provider's own."""
        before = run.states[at - 1] if at else run.before
        written = {effect.path for effect in effects(before, run.states[at])}
        variables = {**self.scenario.login.env, "HOME": self.scenario.login.home}
        written |= Look.of(Exchange(run.commands[at], run.outputs[at], run.cwds[at]), variables).written
        return {path for path in written if not covered(path, self.scenario.hidden)}

    def _unknown(self, text: str, known: Sequence[str]) -> Iterator[str]:
        command = self.scenario.provider.command
        own = grounding.common_to([command])
        for words in syntax.calls(text, command):
            for word in syntax.arguments(words):
                if not (_is_known(word, known, own) or (own and _SHORT_OPTION.fullmatch(word))):
                    yield word

    def _wrong(self, reference: TrialRun) -> list[WrongSolution]:
        """The scenario's own, then generic ones."""
        own = [WrongSolution(Reason.PROBE_PASSES, probe.kind, tuple(probe.commands)) for probe in self.scenario.probes]
        generic = Reason.CHEAT_PASSES if self.scenario.expected.kind == "work" else Reason.CHANGE_UNNOTICED
        most = max(GENERIC_LEAST, TRIED - len(own))
        drawn = mutants(self.scenario, self._changed(reference), self._changing(reference), most)
        return own + [WrongSolution(generic, mutant.kind, mutant.commands) for mutant in drawn]

    async def _mutants(self, trials: Trials, reference: TrialRun, wrong: list[WrongSolution]) -> None:
        """Try every wrong solution, and report those that survive."""
        right = self._changed(reference)
        equivalent, survivors = 0, []
        for reason, kind, commands in wrong:
            run = await trials.unlike(reference, commands)
            if self._changed(run) == right:
                equivalent += 1
            elif run.check.verdict == "checker_error":
                detail = f"the checker ends with status {run.check.status} after {kind}, want a verdict"
                self._told([(Reason.CHECKER_ERROR, detail)], run, reference.shared(commands))
            elif run.check.passed:
                self._told([(reason, f"{kind}: the checker passes, want fail")], run, reference.shared(commands))
                survivors.append(kind)
        refutable = len(wrong) - equivalent
        told = {
            "userland_digest": reference.digest,
            "checks": CHECKS,
            "mutants": len(wrong),
            "equivalent": equivalent,
            "survivors": survivors,
            "kill_rate": 1 - len(survivors) / refutable if refutable else None,
        }
        self.report = self.report.model_copy(update=told)

    def _changing(self, run: TrialRun) -> list[int]:
        """Indexes of the commands that changed anything outside `volatile`."""
        states = [run.before, *run.states]
        return [at for at in range(len(run.states)) if changes(states[at], states[at + 1], self.scenario.volatile)]


def _unsound(run: TrialRun) -> Iterator[Finding]:
    """The checker must reach a verdict and leave the state alone."""
    if run.check.verdict == "checker_error":
        yield Reason.CHECKER_ERROR, f"the checker ends with status {run.check.status}"
    if written := effects(run.after, run.checked):
        yield Reason.CHECKER_WRITES, f"the checker changes {[effect.path for effect in written]}"


def _is_own(word: str, written: Iterable[str]) -> bool:
    """Whether the word, or what stands behind its last joint, names one of these paths, from whatever folder."""
    name = _CLIMBS.sub("/", "/" + _BEFORE_PATH.sub("", word))
    return any(path.endswith(name) for path in written)


def _is_known(word: str, known: Sequence[str], own: Collection[str]) -> bool:
    """Whether the word, or every piece of it between joints, was shown; free text is exempt.

    own: what anybody knows of the program.
    """
    if not word or any(char.isspace() for char in word) or "$" in word:
        return True
    if word in own or _occurs(word, known):
        return True
    pieces = [piece for piece in _JOINTS.split(word) if piece]
    return pieces not in ([], [word]) and all(piece in own or _occurs(piece, known) for piece in pieces)


def _occurs(word: str, known: Sequence[str]) -> bool:
    pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    return any(pattern.search(text) for text in known)
