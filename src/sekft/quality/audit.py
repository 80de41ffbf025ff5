"""What a set is worth: every measure's figures, judged by the thresholds of audit.toml."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby, islice
from os.path import relpath
from typing import Any, Literal

from sekft import taxonomy
from sekft.errors import UsageError
from sekft.folder import ROLLOUTS, Layout, settings
from sekft.folder.entries import Entry, entries
from sekft.folder.notes import Note, read_notes
from sekft.folder.stored import read_group
from sekft.folder.workers import mapped
from sekft.quality.facts import PackedFacts, ScenarioFacts, StoredFacts
from sekft.quality.holdings import TEXTS_AT_MOST, Holdings, Proofs, Rolled
from sekft.quality.measures import Figure, measure_all
from sekft.rejection import Rejection
from sekft.report import Cell, Report, Styled, Table, facts
from sekft.scenario import Frozen, GateReport
from sekft.taxonomy import splits

Verdict = Literal["ok", "short", "broken", "told"]
FILES_SHOWN = 5
SCENARIO_WEIGHT = 4
"""What a bundle takes to read, in rollouts."""
MARKS: Mapping[Verdict, Cell] = {
    "ok": Styled("ok", "good"),
    "told": "",
    "short": Styled("SHORT", "bad"),
    "broken": Styled("BROKEN", "bad"),
}


class AuditFinding(Frozen):
    """A figure and its verdict. told: no threshold, or too few cases for it; broken: a set must not have this.

    of: how many cases it rests on. want: the threshold, spelt out.
    """

    name: str
    part: str
    says: str
    value: float | int
    of: int
    detail: str
    want: str
    verdict: Verdict
    files: list[str]

    @property
    def label(self) -> str:
        return self.says + (f" ({self.part})" if self.part else "")


class Audit(Report):
    """A folder's figures, each with its verdict."""

    folder: str
    scenarios: int
    rollouts: int
    kept: int
    findings: list[AuditFinding]

    @property
    def broken(self) -> list[AuditFinding]:
        return [finding for finding in self.findings if finding.verdict == "broken"]

    @property
    def tables(self) -> list[Table]:
        head: list[tuple[str, Cell]] = [
            ("folder", self.folder),
            ("scenarios", self.scenarios),
            ("rollouts", self.rollouts),
            ("kept", self.kept),
        ]
        topics = groupby(self.findings, key=lambda finding: finding.name.partition(".")[0])
        verdict = Styled(f"{len(self.broken)} broken", "bad") if self.broken else Styled("nothing broken", "good")
        return [
            facts(head),
            *(_table(topic, list(findings)) for topic, findings in topics),
            facts([("verdict", verdict)]),
        ]


def _table(topic: str, findings: Sequence[AuditFinding]) -> Table:
    """The figures of a topic, each with its detail and the files of what falls short in further lines of its cell."""
    rows = []
    for finding in findings:
        files = finding.files if finding.verdict in ("short", "broken") else []
        more = len(files) - FILES_SHOWN
        lines = [finding.label, finding.detail, *files[:FILES_SHOWN]]
        lines += [f"… and {more} more (--json lists them)"] if more > 0 else []
        rows.append((MARKS[finding.verdict], _spelt(finding.value), finding.want, "\n".join(filter(None, lines))))
    return Table(("", "value", "want", topic), rows)


@dataclass(frozen=True, slots=True)
class Threshold:
    says: str
    at_least: float | None = None
    at_most: float | None = None
    least_cases: int = 0
    must: bool = False

    def verdict(self, figure: Figure) -> Verdict:
        if (self.at_least is None and self.at_most is None) or figure.of < self.least_cases:
            return "told"
        low = self.at_least is not None and figure.value < self.at_least
        high = self.at_most is not None and figure.value > self.at_most
        return ("broken" if self.must else "short") if low or high else "ok"

    def want(self) -> str:
        bounds = [f">= {_spelt(self.at_least)}"] if self.at_least is not None else []
        bounds += [f"<= {_spelt(self.at_most)}"] if self.at_most is not None else []
        return " and ".join(bounds) + (f" from {self.least_cases}" if bounds and self.least_cases else "")


def audit(layout: Layout, workers: int | None = None) -> Audit:
    """Measure what a folder holds. Raises UsageError when it has no scenarios, BundleError when a file is broken.

    workers: processes that read beside this one, None for one a core; the result is the same.
    """
    return judged(holdings(layout, workers=workers), str(layout.root))


def judged(held: Holdings, folder: str) -> Audit:
    """Judge each figure by its threshold."""
    limits = thresholds()
    order = list(limits)
    figures = list(measure_all(held))
    if unknown := {figure.name for figure in figures} - limits.keys():
        raise LookupError(f"audit.toml: no table [{min(unknown)}]; every figure wants one, with `says`")
    figures.sort(key=lambda figure: order.index(figure.name))
    return Audit(
        folder=folder,
        scenarios=len(held.scenarios),
        rollouts=held.rolled.rollouts,
        kept=held.rolled.kept,
        findings=[_finding(figure, limits) for figure in figures],
    )


def holdings(layout: Layout, most: int | None = None, workers: int | None = None) -> Holdings:
    """What a folder holds; with `most`, its first so many scenarios and their rollouts alone.

    workers: see folder.workers; the result is the same. Raises UsageError and BundleError.
    """
    notes, axes, generated = read_notes(layout.root), taxonomy.load(), settings(layout.root, "generate")
    scenarios, proofs, rolled = _scenarios(layout, most, notes, workers)
    if not scenarios:
        raise UsageError(f"{layout.root}: holds no scenarios; want a folder of `sekft generate` or `sekft run`")
    return Holdings(
        taxonomy=axes,
        where=taxonomy.parse_where(axes, _terms(generated, "where")),
        notes=notes,
        held=splits.held_out(axes, _terms(generated, "holdout") or ([splits.NONE] if generated else [])),
        scenarios=scenarios,
        rejected=_rejected(layout, proofs, workers),
        proofs=proofs,
        rolled=rolled,
        broken=tuple(entry.below(layout.root) for entry in entries(layout.errors, ROLLOUTS)),
        folder=relpath(str(layout.scenarios), str(layout.root)),
    )


def _terms(recorded: Mapping[str, Any], name: str) -> list[str]:
    terms = recorded.get(name, [])
    return [str(term) for term in terms] if isinstance(terms, list) else []


def _rejected(layout: Layout, proofs: Proofs, workers: int | None) -> Counter[str]:
    """Reason → draws; what their gates proved is added to the proofs."""
    rejected = Counter[str]()
    with mapped(_refused, entries(layout.rejected), workers=workers) as parts:
        for reason, report in parts:
            rejected[reason] += 1
            if report:
                proofs.add(report)
    return rejected


def _refused(entry: Entry) -> tuple[str, GateReport | None]:
    rejection = entry.load(Rejection)
    return rejection.reason, rejection.gate


def _scenarios(
    layout: Layout, most: int | None, notes: Mapping[str, Note], workers: int | None
) -> tuple[StoredFacts, Proofs, Rolled]:
    """Their facts, what the gates of those that were admitted proved, and the sums over their rollouts."""
    scenarios, proofs, rolled = StoredFacts(), Proofs(), Rolled()
    read, strays = _Read(layout, notes), dict[str, Entry]()
    with mapped(read, _joined(layout, most), weigh=_weight, workers=workers) as parts:
        for bundle, one, report, own in parts:
            scenarios.add(one)
            rolled.add(own)
            if report:
                proofs.add(report)
            if bundle.stem != one.id:
                strays[one.id] = bundle
    for name, group in layout.grouped() if strays else ():
        if name in strays:
            rolled.add(read((False, strays[name], group))[-1])
    return scenarios, proofs, rolled


_Item = tuple[bool, Entry, list[Entry]]
"""Whether the scenario's texts are held, its bundle, its rollouts."""


def _joined(layout: Layout, most: int | None) -> Iterator[_Item]:
    """Each scenario with its rollouts, by name: ids sort alike with and without `.json`."""
    groups = layout.grouped()
    name, own = next(groups, ("", []))
    for number, bundle in enumerate(islice(layout.bundles(), most)):
        while name and name < bundle.stem:
            name, own = next(groups, ("", []))
        yield number < TEXTS_AT_MOST, bundle, own if name == bundle.stem else []


def _weight(item: _Item) -> int:
    return SCENARIO_WEIGHT + len(item[2])


@dataclass(frozen=True)
class _Read:
    """Reads a scenario and its rollouts."""

    layout: Layout
    notes: Mapping[str, Note]

    def __call__(self, item: _Item) -> tuple[Entry, PackedFacts, GateReport | None, Rolled]:
        with_texts, bundle, own = item
        scenario = bundle.scenario()
        one, rollouts = ScenarioFacts.of(scenario, with_texts), read_group(self.layout, scenario, own)
        return bundle, PackedFacts.of(one), scenario.gate if one.proven else None, Rolled.of(rollouts, self.notes)


def thresholds() -> Mapping[str, Threshold]:
    """By figure, `measure.figure`; one of a part of it as `measure.figure.part`."""
    limits = {}
    for measure, figures in tomllib.loads(files("sekft.quality").joinpath("audit.toml").read_text("utf-8")).items():
        for name, body in figures.items():
            own = {"": body, **{part: limit for part, limit in body.items() if isinstance(limit, dict)}}
            for part, limit in own.items():
                bounds = {key: limit[key] for key in ("at_least", "at_most", "must") if key in limit}
                key = f"{measure}.{name}" + (f".{part}" if part else "")
                limits[key] = Threshold(body["says"], least_cases=limit.get("from", 0), **bounds)
    return limits


def _finding(figure: Figure, limits: Mapping[str, Threshold]) -> AuditFinding:
    threshold = limits.get(f"{figure.name}.{figure.part}") or limits[figure.name]
    return AuditFinding(
        name=figure.name,
        part=figure.part,
        says=threshold.says,
        value=figure.value if isinstance(figure.value, int) else round(figure.value, 6),
        of=figure.of,
        detail=figure.detail,
        want=threshold.want(),
        verdict=threshold.verdict(figure),
        files=list(figure.files),
    )


def _spelt(value: float | None) -> str:
    return f"{value:g}" if isinstance(value, int) or value is None else f"{value:.4g}"
