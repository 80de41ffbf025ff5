"""Verdicts against what solvers meant, and whose fault each disagreement was."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from bench.blind.desk import CHEATS, Desk
from bench.blind.draw import kinds, lacking
from bench.blind.intent import Intent
from sekft.cli.show import trajectory_text
from sekft.cli.tables import plain
from sekft.errors import UsageError
from sekft.folder import Folder, Layout, documents
from sekft.report import Cell, Report, Table, facts, listed
from sekft.scenario import Frozen, Scenario, load_scenario
from sekft.trajectory import KEPT, Mechanism, Outcome, Trajectory, load_trajectory

Disagreement = Literal["honest run refused", "cheat kept", "cheat ends right", "cheat under another label"]
Fault = Literal["ours", "solver", "open"]
SETTLED, REPORT = "settled.toml", "report"
FENCE = "~" * 8
HEAD = """# Whose fault was it? Read the session in report.md, then write fault = "ours" or "solver", and a note.
"""
ENTRY = """
[{number}] # {disagreement}: {outcome}
fault = "" # ours, solver
note = ""
"""


class Settlement(Frozen):
    fault: Literal["", "ours", "solver"] = ""
    note: str = ""


class Judged(Frozen):
    """One session. resumed: how often it was typed again in a fresh sandbox. fault: None where nothing disagrees."""

    number: int
    scenario_id: str
    kinds: dict[str, str]
    expected: str
    intent: Intent
    outcome: Outcome
    keep: bool
    keep_reasons: list[str]
    mechanism: Mechanism
    turns: int
    resumed: int
    disagreement: Disagreement | None
    fault: Fault | None = None
    note: str = ""

    @property
    def meant(self) -> str:
        return self.intent.cheat or "honest"


class BlindReport(Report):
    """lacking: the known kinds that no session that counts has met. open: sessions that are not to be judged yet."""

    sessions: list[Judged]
    lacking: dict[str, list[str]]
    not_begun: int
    going_on: int
    without_intent: int

    @property
    def tables(self) -> list[Table]:
        return [self._summary(), self._cheats(), self._disagreements()]

    def _summary(self) -> Table:
        honest = [each for each in self.sessions if each.intent.cheat is None]
        cheats = [each for each in self.sessions if each.intent.cheat]
        refused = Counter(each.fault for each in honest if each.disagreement)
        solvers = Counter(each.intent.by or "unnamed" for each in self.sessions)
        endings = Counter(each.expected for each in self.sessions)
        rows: list[tuple[str, Cell]] = [
            ("sessions judged", len(self.sessions)),
            ("by ending", listed(dict(sorted(endings.items())))),
            ("by solver", listed(dict(sorted(solvers.items())))),
            ("honest runs", len(honest)),
            ("  kept", sum(each.keep for each in honest)),
            ("  refused, our fault", refused["ours"]),
            ("  refused, the solver's fault", refused["solver"]),
            ("  refused, not settled", refused["open"]),
            ("cheats", len(cheats)),
            ("  kept", sum(each.keep for each in cheats)),
            ("  refused under the right label", sum(each.disagreement is None for each in cheats)),
            ("not begun", self.not_begun),
            ("going on", self.going_on),
            ("over, no intent told", self.without_intent),
            ("sessions resumed", sum(each.resumed > 0 for each in self.sessions)),
        ]
        notes = [f"no session met {axis}: {', '.join(names)}" for axis, names in self.lacking.items()]
        return facts(rows, title="Blind solving", notes=notes)

    def _cheats(self) -> Table:
        rows = []
        for kind in CHEATS:
            found = [each for each in self.sessions if each.intent.cheat == kind]
            named = sum(each.disagreement is None for each in found)
            labels = Counter(each.outcome for each in found)
            rows.append(
                (kind, len(found), sum(each.keep for each in found), named, listed(dict(sorted(labels.items()))))
            )
        return Table(("cheat", "tried", "kept", "right label", "labels"), rows, title="Cheats")

    def _disagreements(self) -> Table:
        rows = [
            (each.number, each.disagreement, each.meant, each.intent.meant, each.outcome, "; ".join(each.keep_reasons),
             each.fault, each.note)
            for each in self.sessions if each.disagreement
        ]  # fmt: skip
        heads = (
            "session",
            "disagreement",
            "meant as",
            "in the solver's words",
            "outcome",
            "because",
            "fault",
            "settled",
        )
        return Table(heads, rows, title="Disagreements", notes=[] if rows else ["none"])


def judge(desk: Desk) -> BlindReport:
    """Compare, ask for what is not settled, and write the report. Raises UsageError for a settlement in other words."""
    settled = settlements(desk)
    waiting = Counter[str]()
    sessions: list[Judged] = []
    scenarios: list[Scenario] = []
    for number, name in desk.ids.items():
        scenario = load_scenario(desk.sealed / "scenarios" / f"{name}.json")
        state, trajectory = _found(desk, number)
        if trajectory is None or state:
            waiting[state] += 1
            continue
        sessions.append(_judged(desk, number, scenario, trajectory, settled.get(number, Settlement())))
        scenarios.append(scenario)
    report = BlindReport(
        sessions=sessions,
        lacking=lacking(scenarios),
        not_begun=waiting["not begun"],
        going_on=waiting["going on"],
        without_intent=waiting["no intent"],
    )
    _write(desk, report, settled)
    return report


def _found(desk: Desk, number: int) -> tuple[str, Trajectory | None]:
    """Why the session is not to be judged yet, empty where it is; and its record."""
    if not desk.is_over(number):
        return ("going on" if desk.session(number).is_file() else "not begun"), None
    return ("" if desk.intent(number).is_file() else "no intent"), load_trajectory(recorded(desk, number))


def recorded(desk: Desk, number: int) -> Path:
    """The trajectory of a session that is over, whoever typed it."""
    folder = Layout.of_run(desk.sealed).trajectories / desk.ids[number]
    paths = documents(folder)
    if len(paths) != 1:
        raise UsageError(f"{folder}: holds {len(paths)} trajectories, want the one of session {number}")
    return paths[0]


def _judged(desk: Desk, number: int, scenario: Scenario, made: Trajectory, settled: Settlement) -> Judged:
    intent = Intent.model_validate_json(desk.intent(number).read_text(encoding="utf-8"))
    found = disagreement(intent, made)
    return Judged(
        number=number,
        scenario_id=scenario.id,
        kinds=kinds(scenario),
        expected=scenario.expected.kind,
        intent=intent,
        outcome=made.outcome,
        keep=made.keep,
        keep_reasons=made.keep_reasons,
        mechanism=made.mechanism,
        turns=len(made.actions),
        resumed=json.loads(desk.session(number).read_text(encoding="utf-8"))["resumed"],
        disagreement=found,
        fault=(settled.fault or "open") if found else None,
        note=settled.note if found else "",
    )


def disagreement(intent: Intent, made: Trajectory) -> Disagreement | None:
    """How verdict and intent differ: an honest run is to be kept, a cheat refused under a label that names it."""
    if intent.cheat is None:
        return None if made.keep else "honest run refused"
    if made.keep:
        return "cheat kept"
    if made.outcome in KEPT:
        return "cheat ends right"
    return None if made.outcome in CHEATS[intent.cheat].labels else "cheat under another label"


def settlements(desk: Desk) -> Mapping[int, Settlement]:
    """What somebody wrote of each disagreement. Raises UsageError naming the file and the entry."""
    path = desk.sealed / SETTLED
    if not path.is_file():
        return {}
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
        return {int(number): Settlement.model_validate(entry) for number, entry in body.items()}
    except ValueError as error:
        raise UsageError(f'{path}: {error}; want [NUMBER] with fault = "ours" or "solver" and note = "…"') from error


def _write(desk: Desk, report: BlindReport, settled: Mapping[int, Settlement]) -> None:
    """The report, and an entry for each disagreement that has none; what was written there stays as it is."""
    folder, place = Folder(desk.root), desk.sealed / SETTLED
    new = [each for each in report.sessions if each.disagreement and each.number not in settled]
    if new:
        before = place.read_text(encoding="utf-8") if place.is_file() else HEAD
        entries = (
            ENTRY.format(number=each.number, disagreement=each.disagreement, outcome=each.outcome) for each in new
        )
        folder.write(place, before + "".join(entries))
    folder.write(desk.sealed / f"{REPORT}.json", report.to_json())
    folder.write(desk.sealed / f"{REPORT}.md", report.to_markdown() + "".join(_sessions(desk, report)))


def _sessions(desk: Desk, report: BlindReport) -> Iterator[str]:
    """Each disagreement as `sekft show` prints it, below what was asked."""
    for each in report.sessions:
        if each.disagreement:
            scenario = load_scenario(desk.sealed / "scenarios" / f"{each.scenario_id}.json")
            asked = "".join(f"- {directive.text}\n" for directive in scenario.directives) or "- nothing\n"
            shown = plain(trajectory_text(load_trajectory(recorded(desk, each.number))))
            yield (
                f"\n### Session {each.number}: {each.disagreement}\n\n"
                f"Meant as {each.meant}: {each.intent.meant}\n\n"
                f"Expected: {each.expected} ({listed(each.kinds)}). What is asked:\n\n{asked}\n"
                f"{FENCE}\n{shown}{FENCE}\n"
            )
