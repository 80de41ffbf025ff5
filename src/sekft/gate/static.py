"""What the gate can tell from a bundle's text alone. It proves consistency, never solvability."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sekft.rejection import Admitted, GateFault, Reason, Rejected
from sekft.scenario import BUNDLE_LIMIT_BYTES, GateReport, Scenario, hidden_programs
from sekft.shell import syntax
from sekft.shell.chat_format import ACTION_LIMIT, action_faults
from sekft.trajectory import covered

CHECKS = ["structure"]
_IMPERATIVE = re.compile(
    r"(?:^|[.!?:;]\s+|\n)\s*(?:Please|Run|Use|Type|Read|Find|Look|Check|Do|Execute|Complete|Follow|Try|Start|Begin|"
    r"Remember|Make sure|Solve|Finish)\b|\byou (?:must|should|need to|have to)\b|\byour (?:task|job|goal) is\b"
)

Finding = tuple[Reason, str]


def gate_structure(scenario: Scenario) -> Admitted | Rejected:
    """The dry run: admit on consistency alone, and stamp the bundle so."""
    refused = examine(scenario)
    report = GateReport(mode="structural", checks=CHECKS)
    return refused or Admitted(scenario.model_copy(update={"gate": report}))


def findings(scenario: Scenario) -> list[GateFault]:
    """Every inconsistency, in the order of the proofs."""
    return [GateFault(reason, detail) for proof in _PROOFS for reason, detail in proof(scenario)]


def examine(scenario: Scenario) -> Rejected | None:
    """All that is inconsistent, the first thing as the reason; None where nothing is."""
    found = findings(scenario)
    return Rejected.of(found) if found else None


def _size(scenario: Scenario) -> Iterator[Finding]:
    size = len(scenario.to_json().encode())
    if size > BUNDLE_LIMIT_BYTES:
        yield Reason.TOO_LARGE, f"saw {size} bytes, want at most {BUNDLE_LIMIT_BYTES}"


def _identity(scenario: Scenario) -> Iterator[Finding]:
    if scenario.id != scenario.content_id:
        yield Reason.ID_MISMATCH, f"id: saw {scenario.id!r}, want {scenario.content_id!r}"


def _orientation(scenario: Scenario) -> Iterator[Finding]:
    text = scenario.orientation
    for ending in ("exit", "panic"):
        if not syntax.mentions(text, ending):
            yield Reason.ORIENTATION, f"orientation does not name {ending}"
    if syntax.mentions(text, scenario.provider.command) or scenario.needles.announcement in text:
        yield Reason.ORIENTATION, "orientation names the provider or the announcement, want it found in the session"
    if match := _IMPERATIVE.search(text):
        yield Reason.ORIENTATION, f"orientation asks for something ({match.group().strip()!r}), want description only"


def _needles(scenario: Scenario) -> Iterator[Finding]:
    needles = scenario.needles
    texts = {"announcement": needles.announcement, "documentation": needles.documentation}
    texts |= {f"directives.{at}": text for at, text in enumerate(needles.directives)}
    texts |= {f"evidence.{at}": text for at, text in enumerate(needles.evidence) if isinstance(text, str)}
    for name, text in texts.items():
        if not text.strip():
            yield Reason.EMPTY_NEEDLE, f"needles.{name} is blank: every output would hold it"
        elif "\n" in text:
            yield Reason.EMPTY_NEEDLE, f"needles.{name} spans lines, want a part of one line"


def _kind(scenario: Scenario) -> Iterator[Finding]:
    kind, needles = scenario.expected.kind, scenario.needles
    if kind == "work" and not (scenario.directives and needles.directives):
        yield Reason.KIND_MISMATCH, "work has no directives or no directive needles, want both"
    if kind == "work" and needles.evidence:
        yield Reason.KIND_MISMATCH, f"work has evidence of no work ({needles.evidence[0]!r}), want none"
    if kind != "work" and not needles.evidence:
        yield Reason.KIND_MISMATCH, f"{kind} has no evidence, want the texts and inspections that show it"
    answered = any(inspection.aspect == "answer" for inspection in needles.inspections)
    if kind != "work" and not needles.directives and not needles.texts and not answered:
        yield Reason.KIND_MISMATCH, f"{kind} has no directive and no text of evidence, want what the provider says"
    if kind == "empty" and (scenario.directives or needles.directives):
        yield Reason.KIND_MISMATCH, "empty has directives, want none"


def _parts(scenario: Scenario) -> Iterator[Finding]:
    if not scenario.checker.strip():
        yield Reason.NO_CHECKER, "checker is blank"
    if not any(command.strip() for command in scenario.provider.help):
        yield Reason.NO_DOCUMENTATION, "provider.help lists no command"
    command = scenario.provider.command
    if not any(syntax.calls(text, command) for text in scenario.reference):
        yield Reason.PROVIDER_UNUSED, f"the reference never runs {command!r}"


def _reference(scenario: Scenario) -> Iterator[Finding]:
    if len(scenario.reference) > ACTION_LIMIT:
        yield Reason.REFERENCE_TOO_LONG, f"saw {len(scenario.reference)} commands, want at most {ACTION_LIMIT}"
    for at, text in enumerate(scenario.reference):
        for fault in action_faults(text):
            yield Reason.REFERENCE_FORM, f"reference.{at} holds {fault}: {_offending(text, fault)!r}"
    terminal = scenario.expected.terminal
    last = scenario.reference[-1] if scenario.reference else ""
    if not syntax.calls(last, terminal):
        yield Reason.WRONG_ENDING, f"the reference's last command is {last[:80]!r}, want one that ends in {terminal}"
    if last.strip() == "panic":
        yield Reason.REFERENCE_FORM, "the reference's panic gives no reason, want one that says what is in the way"


def _offending(text: str, fault: str) -> str:
    """The line of a command that is at fault, else its beginning."""
    lines = [line for line in text.splitlines() if fault in action_faults(line)]
    return (syntax.comments(text) if fault == "a comment" else lines or [text])[0][:120]


def _hidden(scenario: Scenario) -> Iterator[Finding]:
    """The provider's programs are behind the door, and nothing there is the operator's."""
    known = {file.path for file in scenario.files}
    for path in hidden_programs(scenario):
        if not covered(path, scenario.hidden):
            yield Reason.STORE_IN_REACH, f"provider.hidden lacks the program {path}"
    for path in scenario.hidden:
        if not any(covered(other, [path]) for other in known):
            yield Reason.STORE_IN_REACH, f"provider.hidden names {path}, want a fixture"
        if covered(scenario.login.home, [path]):
            yield Reason.STORE_IN_REACH, f"provider.hidden names {path}, which holds the home"


def _paths(scenario: Scenario) -> Iterator[Finding]:
    for path in scenario.protected:
        if covered(path, scenario.volatile):
            yield Reason.PROTECTED_VOLATILE, f"{path} is protected and volatile, want one of them"
    for path in scenario.loose:
        if covered(path, scenario.hidden):
            yield Reason.STORE_IN_REACH, f"loose names {path}, which the provider keeps: its state is part of the work"


def _announcement(scenario: Scenario) -> Iterator[Finding]:
    login = scenario.login
    shown = {"motd": login.motd, "banner": login.banner, "prompt": login.prompt}
    shown |= {f"env.{name}": value for name, value in login.env.items()}
    for name, text in shown.items():
        for needle in scenario.needles.secrets:
            if needle in text:
                detail = f"login.{name} holds {needle!r}, want it told by the provider"
                yield Reason.ANNOUNCEMENT_GIVES_DIRECTIVE, detail


_PROOFS: tuple[Callable[[Scenario], Iterator[Finding]], ...] = (
    _size, _identity, _needles, _orientation, _kind, _parts, _reference, _hidden, _paths, _announcement,
)  # fmt: skip
