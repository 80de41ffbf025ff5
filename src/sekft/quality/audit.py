"""What a set is worth: every measure's figures, judged by the thresholds of audit.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from os.path import relpath
from typing import Any, Literal

from sekft import taxonomy
from sekft.errors import UsageError
from sekft.folder import Layout, documents, settings
from sekft.quality.measures import Figure, Holdings, measure_all
from sekft.rejection import Rejection
from sekft.scenario import Frozen, Scenario, load_noun, load_scenario
from sekft.taxonomy import splits
from sekft.trajectory import StoredRollout, load_trajectory

Verdict = Literal["ok", "short", "broken", "told"]
FILES_SHOWN = 5


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


class Audit(Frozen):
    folder: str
    scenarios: int
    rollouts: int
    kept: int
    findings: list[AuditFinding]

    @property
    def broken(self) -> list[AuditFinding]:
        return [finding for finding in self.findings if finding.verdict == "broken"]


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


def audit(layout: Layout) -> Audit:
    """Measure what a folder holds. Raises UsageError when it has no scenarios, BundleError when a file is broken."""
    return judged(holdings(layout), str(layout.root))


def judged(held: Holdings, folder: str) -> Audit:
    wanted = thresholds()
    order = list(wanted)
    figures = sorted(measure_all(held), key=lambda figure: order.index(figure.name))
    findings = [_finding(figure, wanted) for figure in figures]
    return Audit(
        folder=folder,
        scenarios=len(held.scenarios),
        rollouts=len(held.rollouts),
        kept=len(held.kept),
        findings=findings,
    )


def holdings(layout: Layout, most: int | None = None) -> Holdings:
    """What a folder holds; with `most`, its first so many scenarios and their rollouts alone."""
    scenarios = {one.id: one for one in map(load_scenario, documents(layout.scenarios)[:most])}
    if not scenarios:
        raise UsageError(f"{layout.root}: holds no scenarios; want a folder of `sekft generate` or `sekft run`")
    axes, made = taxonomy.load(), settings(layout.root, "generate")
    return Holdings(
        taxonomy=axes,
        where=taxonomy.parse_where(axes, _terms(made, "where")),
        held=splits.held_out(axes, _terms(made, "holdout") or ([splits.NONE] if made else [])),
        scenarios=scenarios,
        rejections=tuple(load_noun(Rejection, path) for path in documents(layout.rejected)),
        rollouts=tuple(_rollouts(layout, scenarios)),
        broken=tuple(relpath(path, layout.root) for path in documents(layout.errors, "*/*-*.json")),
        folder=relpath(layout.scenarios, layout.root),
    )


def _terms(made: Mapping[str, Any], name: str) -> list[str]:
    terms = made.get(name, [])
    return [str(term) for term in terms] if isinstance(terms, list) else []


def _rollouts(layout: Layout, scenarios: Mapping[str, Scenario]) -> Iterator[StoredRollout]:
    for name, paths in layout.grouped():
        for path in paths if name in scenarios else ():
            yield StoredRollout(relpath(path, layout.root), load_trajectory(path), scenarios[name])


def thresholds() -> Mapping[str, Threshold]:
    """By figure, `measure.figure`; one of a part of it as `measure.figure.part`."""
    found = {}
    for measure, figures in tomllib.loads(files("sekft.quality").joinpath("audit.toml").read_text("utf-8")).items():
        for name, body in figures.items():
            for part, own in {
                "": body,
                **{key: value for key, value in body.items() if isinstance(value, dict)},
            }.items():
                bounds = {key: own[key] for key in ("at_least", "at_most", "must") if key in own}
                key = f"{measure}.{name}" + (f".{part}" if part else "")
                found[key] = Threshold(body["says"], least_cases=own.get("from", 0), **bounds)
    return found


def _finding(figure: Figure, wanted: Mapping[str, Threshold]) -> AuditFinding:
    threshold = wanted.get(f"{figure.name}.{figure.part}") or wanted[figure.name]
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


def render(found: Audit) -> str:
    """The audit as a page of text: what is broken or short is marked in the margin."""
    lines = [f"{found.folder}: {found.scenarios} scenarios, {found.rollouts} rollouts, {found.kept} kept"]
    topic = ""
    for finding in found.findings:
        measure = finding.name.partition(".")[0]
        if measure != topic:
            lines += ["", measure]
            topic = measure
        lines += _lines(finding)
    count = len(found.broken)
    return "\n".join([*lines, "", f"{count} broken" if count else "nothing broken"]) + "\n"


def _lines(finding: AuditFinding) -> Iterator[str]:
    mark = {"ok": "ok", "told": "", "short": "SHORT", "broken": "BROKEN"}[finding.verdict]
    part = f" ({finding.part})" if finding.part else ""
    want = f"   want {finding.want}" if finding.want else ""
    yield f"  {mark:<6} {_spelt(finding.value):>8}  {finding.says}{part}{want}"
    if finding.detail:
        yield f"  {'':<6} {'':>8}    {finding.detail}"
    if finding.verdict in ("short", "broken"):
        yield from (f"  {'':<6} {'':>8}    {path}" for path in finding.files[:FILES_SHOWN])
        if len(finding.files) > FILES_SHOWN:
            yield f"  {'':<6} {'':>8}    … and {len(finding.files) - FILES_SHOWN} more (--json lists them)"


def _spelt(value: float | None) -> str:
    return f"{value:g}" if isinstance(value, int) or value is None else f"{value:.4g}"
