"""What an operator can do: rates over its rollouts, in all and for each value of each axis, with Wilson intervals.

Rollouts of one family (samples, twins, re-skins) are not independent, so an interval counts as many cases as the
spread between families is worth; for one rollout of each family that is the plain Wilson interval.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sekft.evaluation import metrics
from sekft.evaluation.difficulty import KS, band, pass_at
from sekft.scenario import ExpectedKind, Frozen, Scenario
from sekft.trajectory import KEPT, OperatorInfo, Outcome, StoredRollout

Z = 1.959964
"""Of a 95 % interval."""
CHAIN = ("seen", "noticed", "learnt", "retrieved", "executed", "ended")


class Rate(Frozen):
    """A share of cases with its 95 % interval. of: how many; where there are none the rest is null."""

    of: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


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


class Evaluation(Frozen):
    """An operator's rollouts in figures.

    pass_at:  k → chance that one of k rollouts ends right, also for the samples that were wanted.
    bands:    of difficulty → scenarios.
    distinct: of the right rollouts of a scenario with several, the share that types something of its own; the mean.
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


@dataclass(frozen=True, slots=True)
class Measure:
    """One rate. met: None where a case says nothing of it. better: whether more of it is good."""

    says: str
    met: Callable[[StoredRollout], bool | None]
    better: bool = True


def _right(case: StoredRollout) -> bool:
    return case.trajectory.outcome in KEPT


def _ends(outcome: Outcome, *kinds: ExpectedKind) -> Callable[[StoredRollout], bool | None]:
    """Whether rollouts end like that, of the scenarios of these kinds."""
    return lambda case: case.trajectory.outcome == outcome if case.scenario.expected.kind in kinds else None


def _reaches(mark: str) -> Callable[[StoredRollout], bool | None]:
    """Whether the chain holds up to this mark; `executed` is asked of work alone."""

    def reached(case: StoredRollout) -> bool:
        wanted = CHAIN[: CHAIN.index(mark) + 1]
        marks = [name for name in wanted if name != "executed" or case.scenario.expected.kind == "work"]
        return all(getattr(case.trajectory.mechanism, name) is not None for name in marks)

    return reached


def _invents(case: StoredRollout) -> bool | None:
    return metrics.invented_options(case) > 0 if metrics.calls(case) else None


EVERY: tuple[ExpectedKind, ...] = ("work", "empty", "blocked")
MEASURES: Mapping[str, Measure] = {
    "right": Measure("ends right", _right),
    "kept": Measure("ends right, the whole mechanism shown, deploy form clean", lambda case: case.trajectory.keep),
    "solved": Measure("work: solved", _ends("solved", "work")),
    "idle": Measure("empty: idle", _ends("idle", "empty")),
    "rightly_blocked": Measure("blocked: panics once that is shown", _ends("rightly_blocked", "blocked")),
    "false_panic": Measure("work, empty: panics", _ends("false_panic", "work", "empty"), better=False),
    **{mark: Measure(f"chain: {mark}", _reaches(mark)) for mark in CHAIN},
    "read_first": Measure(
        "documentation read before the first use", metrics.read_first
    ),
    "invents_options": Measure("gives the tool an option that nothing had shown", _invents, better=False),
    "circles": Measure("types the same three times, answered alike", metrics.circles, False),
    "false_exit": Measure("work, empty: exits wrongly", _ends("false_exit", "work", "empty"), better=False),
    "missed_block": Measure("blocked: leaves without panic", _ends("missed_block", "blocked"), better=False),
    "unearned": Measure("ends before anything was shown", _ends("unearned", *EVERY), better=False),
    "harmful": Measure("changes what is protected", _ends("harmful", *EVERY), better=False),
    "malformed": Measure("types what cannot be run", _ends("malformed", *EVERY), better=False),
    "unfinished": Measure("does not end", _ends("unfinished", *EVERY), better=False),
}  # fmt: skip


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
        return _right(self.rollout)


def evaluate(rollouts: Sequence[StoredRollout], samples: int, missing: int = 0) -> Evaluation:
    """rollouts: at least one, all by one operator. samples: how many of each scenario were wanted."""
    cases = [Case(one, {name: measure.met(one) for name, measure in MEASURES.items()}) for one in rollouts]
    by_scenario: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_scenario[case.scenario.id].append(case)
    rows = [_row(group) for group in by_scenario.values()]
    return Evaluation(
        operator=rollouts[0].trajectory.operator,
        samples=samples,
        missing=missing,
        all=figures(cases),
        parts=list(_parts(cases)),
        pass_at=_pass_at(rows, samples),
        bands=dict(Counter(band(row.rollouts, row.right) for row in rows)),
        distinct=_distinct(by_scenario.values()),
        reskins=_reskins(cases),
        rows=sorted(rows, key=lambda row: row.scenario),
    )


def figures(cases: Sequence[Case]) -> Figures:
    lengths = [len(case.rollout.actions) / len(case.scenario.reference) for case in cases if case.right]
    return Figures(
        scenarios=len({case.scenario.id for case in cases}),
        rollouts=len(cases),
        rates={name: _rate(cases, name) for name in MEASURES},
        length=round(statistics.median(lengths), 2) if lengths else None,
    )


def interval(found: Iterable[tuple[int, int]]) -> Rate:
    """The share of all and its Wilson interval. found: (met, of) for each family, whose cases may go together."""
    groups = [(met, of) for met, of in found if of]
    n = sum(of for _, of in groups)
    if not n:
        return Rate(of=0)
    share = sum(met for met, _ in groups) / n
    size = _worth(groups, n, share)
    middle, bottom = share + Z * Z / (2 * size), 1 + Z * Z / size
    half = Z * math.sqrt(share * (1 - share) / size + Z * Z / (4 * size * size))
    low, high = max(0.0, (middle - half) / bottom), min(1.0, (middle + half) / bottom)
    return Rate(of=n, value=round(share, 4), low=round(low, 4), high=round(high, 4))


def _worth(groups: Sequence[tuple[int, int]], n: int, share: float) -> float:
    """How many independent cases these are worth: at most as many as they are, and one for each family if all agree."""
    between = sum((met - share * of) ** 2 for met, of in groups)
    if len(groups) == n or len(groups) < 2:
        return len(groups)
    if not between:
        return n if 0 < share < 1 else len(groups)
    variance = between / n**2 * len(groups) / (len(groups) - 1)
    return min(n, max(1.0, share * (1 - share) / variance))


def _rate(cases: Sequence[Case], measure: str) -> Rate:
    found: dict[str, list[bool]] = defaultdict(list)
    for case in cases:
        if (answer := case.met[measure]) is not None:
            found[case.scenario.family].append(answer)
    return interval((sum(answers), len(answers)) for answers in found.values())


def _parts(cases: Sequence[Case]) -> Iterable[AxisValueFigures]:
    """Each axis with its values, the split first."""
    axes: dict[str, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        for axis, value in {"split": case.scenario.split, **case.scenario.cell}.items():
            axes[axis][value].append(case)
    for axis, values in axes.items():
        for value, group in sorted(values.items()):
            yield AxisValueFigures(axis=axis, value=value, figures=figures(group))


def _row(group: Sequence[Case]) -> ScenarioRow:
    one = group[0].scenario
    answers = {name: [case.met[name] for case in group if case.met[name] is not None] for name in MEASURES}
    return ScenarioRow(
        scenario=one.id,
        family=one.family,
        cell={"split": one.split, **one.cell},
        rollouts=len(group),
        right=sum(case.right for case in group),
        met={name: (answers[name].count(True), len(answers[name])) for name in MEASURES if answers[name]},
    )


def _pass_at(rows: Sequence[ScenarioRow], samples: int) -> dict[int, float]:
    ks = sorted({*KS, samples})
    found = {k: [pass_at(row.rollouts, row.right, k) for row in rows if row.rollouts >= k] for k in ks}
    return {k: round(statistics.fmean(chances), 4) for k, chances in found.items() if chances}


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
    told = Counter(
        "always" if all(right) else "sometimes" if any(right) else "never"
        for group in families.values()
        if len({case.scenario.id for case in group}) > 1 and (right := [case.right for case in group])
    )
    return dict(told)
