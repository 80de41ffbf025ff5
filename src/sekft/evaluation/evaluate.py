"""What an operator can do: rates over its rollouts, in all and for each value of each axis."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sekft.evaluation import metrics
from sekft.evaluation.difficulty import KS, band, mean_pass_at
from sekft.evaluation.metrics import CHAIN, MEASURES
from sekft.evaluation.statistics import Rate, interval
from sekft.report import Cell, Report, Styled, Table, facts, listed
from sekft.scenario import Frozen, Scenario
from sekft.trajectory import OperatorInfo, StoredRollout

ENDS_RIGHT = ("right", "kept", "solved", "idle", "rightly_blocked", "false_panic")
TOPICS = {
    "Ends right, in %": ENDS_RIGHT,
    "How far it gets: each mark and all before it, in %": CHAIN,
    "Habits and failures, in %": tuple(name for name in MEASURES if name not in {*ENDS_RIGHT, *CHAIN}),
}
SHOWN_BY_VALUE = {
    "noticed": "notices", "learnt": "learns", "retrieved": "retrieves", "executed": "executes",
    "rightly_blocked": "timely panic", "false_panic": "false panic",
}  # fmt: skip
"""Measure → heading, beside how often it ends right."""
FEW = 10
"""Rollouts below which the line of an axis value says so."""


class Figures(Frozen):
    """rates: by the names of MEASURES. length: actions of what ends right, in actions of the reference; the median."""

    scenarios: int
    rollouts: int
    rates: dict[str, Rate]
    length: float | None


class AxisValueFigures(Frozen):
    axis: str
    value: str
    figures: Figures


class ScenarioRow(Frozen):
    """One scenario: what a comparison needs.

    met: by measure, of how many rollouts it holds, and of how many it could; measures that do not apply are left out.
    """

    scenario: str
    family: str
    cell: dict[str, str]
    rollouts: int
    right: int
    met: dict[str, tuple[int, int]]


class Evaluation(Report):
    """An operator's rollouts in figures.

    pass_at:  k → chance that one of k rollouts ends right, also for the requested number of samples.
    bands:    of difficulty → scenarios.
    distinct: different command sequences per right rollout, the mean over scenarios with several right rollouts.
    reskins:  families with several surfaces of one task, by whether every rollout, some or none ends right.
    missing:  rollouts that met an infra error.
    """

    operator: OperatorInfo
    samples: int
    missing: int
    all: Figures
    parts: list[AxisValueFigures]
    pass_at: dict[int, float]
    bands: dict[str, int]
    distinct: float | None
    reskins: dict[str, int]
    rows: list[ScenarioRow]

    @property
    def tables(self) -> list[Table]:
        operator, rates = self.operator, self.all.rates
        head: list[tuple[str, Cell]] = [
            ("operator", f"{operator.kind} {operator.model or ''}".strip()),
            ("settings", listed(operator.settings)),
            ("scenarios", self.all.scenarios),
            ("rollouts", self.all.rollouts),
            ("WARNING", Styled(f"{self.missing} rollouts are missing", "bad") if self.missing else None),
        ]
        topics = [
            Table(("", "%", "95 %", "of"), [(MEASURES[name].says, *_cells(rates[name])) for name in names], title)
            for title, names in TOPICS.items()
        ]
        tables = [facts(head), *topics, facts(list(self._difficulty()), "Difficulty"), *self._axes()]
        return [table for table in tables if table.rows]

    def _difficulty(self) -> Iterator[tuple[str, Cell]]:
        if self.all.length is not None:
            yield "actions, right sessions against the reference (median)", f"{self.all.length:.2f}"
        if self.samples > 1:
            yield f"over {self.samples} samples", ", ".join(f"pass@{k} {p:.1%}" for k, p in self.pass_at.items())
            yield "scenarios ending right", listed(self.bands)
            if self.distinct is not None:
                yield "right sessions of a scenario that type something of their own", f"{self.distinct:.0%}"
        if self.reskins:
            families = f"{listed(self.reskins)}, of {sum(self.reskins.values())} families"
            yield "one task under several surfaces, every rollout right", families

    def _axes(self) -> Iterator[Table]:
        for axis, values in groupby(self.parts, key=lambda part: part.axis):
            rows: list[list[Cell]] = []
            for part in values:
                rates = part.figures.rates
                share, spread, of = _cells(rates["right"])
                few = f"{of}, few" if rates["right"].of < FEW else of
                rows.append([part.value, few, share, spread, *(_cells(rates[name])[0] for name in SHOWN_BY_VALUE)])
            yield Table((axis, "rollouts", "right", "95 %", *SHOWN_BY_VALUE.values()), rows)


def _cells(rate: Rate) -> tuple[Cell, Cell, Cell]:
    """The share, its interval and the number of cases; dashes where there is no case."""
    if rate.value is None or rate.low is None or rate.high is None:
        return None, None, 0
    return f"{100 * rate.value:.1f}", f"{100 * rate.low:.1f}–{100 * rate.high:.1f}", rate.of


@dataclass(frozen=True, slots=True)
class Case:
    """A rollout and what each measure says of it."""

    rollout: StoredRollout
    met: Mapping[str, bool | None]

    @property
    def scenario(self) -> Scenario:
        return self.rollout.scenario

    @property
    def right(self) -> bool:
        return metrics.right(self.rollout)


def evaluate(rollouts: Sequence[StoredRollout], samples: int, missing: int = 0) -> Evaluation:
    """rollouts: at least one, all by one operator. samples: how many of each scenario were requested."""
    cases = [Case(rollout, {name: measure.met(rollout) for name, measure in MEASURES.items()}) for rollout in rollouts]
    by_scenario: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_scenario[case.scenario.id].append(case)
    rows = [_row(group) for group in by_scenario.values()]
    return Evaluation(
        operator=rollouts[0].trajectory.operator,
        samples=samples,
        missing=missing,
        all=_figures(cases),
        parts=list(_parts(cases)),
        pass_at=mean_pass_at([(row.rollouts, row.right) for row in rows], sorted({*KS, samples})),
        bands=dict(Counter(band(row.rollouts, row.right) for row in rows)),
        distinct=_distinct(by_scenario.values()),
        reskins=_reskins(cases),
        rows=sorted(rows, key=lambda row: row.scenario),
    )


def _figures(cases: Sequence[Case]) -> Figures:
    lengths = [len(case.rollout.actions) / len(case.scenario.reference) for case in cases if case.right]
    return Figures(
        scenarios=len({case.scenario.id for case in cases}),
        rollouts=len(cases),
        rates={name: _rate(cases, name) for name in MEASURES},
        length=round(statistics.median(lengths), 2) if lengths else None,
    )


def _rate(cases: Sequence[Case], measure: str) -> Rate:
    families: dict[str, list[bool]] = defaultdict(list)
    for case in cases:
        if (met := case.met[measure]) is not None:
            families[case.scenario.family].append(met)
    return interval((sum(met), len(met)) for met in families.values())


def _parts(cases: Sequence[Case]) -> Iterator[AxisValueFigures]:
    """Each axis with its values, the split first."""
    axes: dict[str, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        for axis, value in {"split": case.scenario.split, **case.scenario.cell}.items():
            axes[axis][value].append(case)
    for axis, values in axes.items():
        for value, group in sorted(values.items()):
            yield AxisValueFigures(axis=axis, value=value, figures=_figures(group))


def _row(group: Sequence[Case]) -> ScenarioRow:
    scenario = group[0].scenario
    met = {name: [case.met[name] for case in group if case.met[name] is not None] for name in MEASURES}
    return ScenarioRow(
        scenario=scenario.id,
        family=scenario.family,
        cell={"split": scenario.split, **scenario.cell},
        rollouts=len(group),
        right=sum(case.right for case in group),
        met={name: (answers.count(True), len(answers)) for name, answers in met.items() if answers},
    )


def _distinct(groups: Iterable[Sequence[Case]]) -> float | None:
    typed = [[tuple(case.rollout.actions) for case in group if case.right] for group in groups]
    shares = [len(set(sessions)) / len(sessions) for sessions in typed if len(sessions) > 1]
    return round(statistics.fmean(shares), 4) if shares else None


def _reskins(cases: Sequence[Case]) -> dict[str, int]:
    """Of families with several surfaces of the same task; a twin is another task."""
    families: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.scenario.twin_of is None:
            families[case.scenario.family].append(case)
    several = [group for group in families.values() if len({case.scenario.id for case in group}) > 1]
    rights = [[case.right for case in group] for group in several]
    return dict(Counter("always" if all(right) else "sometimes" if any(right) else "never" for right in rights))
