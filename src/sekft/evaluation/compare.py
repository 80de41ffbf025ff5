"""What differs between evaluations beyond chance, over the scenarios that they have in common.

The test is exact and paired, over families (see statistics.sign_flip). Holm's correction counts every line of its
table: the overall lines of all pairs are one table, those of the other measures a second, those of axis values a third.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction

from sekft.errors import UsageError
from sekft.evaluation.evaluate import Evaluation, ScenarioRow
from sekft.evaluation.metrics import MEASURES
from sekft.evaluation.statistics import holm, sign_flip
from sekft.report import Cell, Report, Styled, Table
from sekft.scenario import Frozen

LEVEL = 0.05
RIGHT = "right"
COLUMNS = ("", "scenarios", "first", "other", "more", "fewer", "p", "corrected", "")
FAMILIES = "more, fewer: families in which the measure holds more, less often for the other than for the first"


class Difference(Frozen):
    """How often a measure holds for each over the common scenarios (of a value of an axis; "" for all).

    scenarios:    those to which the measure applies in both.
    more, fewer:  families in which it holds more, less often for the other than for the first.
    p, holm:      of no difference, as it is and corrected for the lines of its table.
    """

    one: str
    other: str
    measure: str
    axis: str
    value: str
    scenarios: int
    rate_one: float
    rate_other: float
    more: int
    fewer: int
    p: float
    holm: float

    @property
    def differs(self) -> bool:
        return self.holm < LEVEL

    def row(self, named: bool) -> list[Cell]:
        """named: with the names of what is compared."""
        what = MEASURES[self.measure].says if self.measure != RIGHT else f"{self.axis}={self.value}" * bool(self.axis)
        names = [f"{self.one} → {self.other}"] if named else []
        verdict = Styled("differs", "bold") if self.differs else "no difference shown"
        return [
            ": ".join([*names, *([what] if what else [])]), self.scenarios,
            f"{self.rate_one:.1%}", f"{self.rate_other:.1%}", self.more, self.fewer,
            f"{self.p:.2g}", f"{self.holm:.2g}", verdict,
        ]  # fmt: skip


class Comparison(Report):
    """overall: how often each ends right, a line for each pair. measures: the other measures, a line for each pair and
    measure. parts: a line for each pair and value of an axis.
    """

    overall: list[Difference]
    measures: list[Difference]
    parts: list[Difference]

    @property
    def tables(self) -> list[Table]:
        counts = ", ".join(str(len(lines)) for lines in (self.overall, self.measures, self.parts))
        method = f"p: exact paired sign-flip test over families; corrected by Holm's method for {counts} lines"
        title = "The other against the first: how often each ends right, over the scenarios that both have"
        return [
            Table(COLUMNS, [line.row(named=True) for line in self.overall], title, [FAMILIES, method]),
            self._beyond_chance("Other measures", self.measures),
            self._beyond_chance("Values of axes", self.parts),
        ]

    def _beyond_chance(self, title: str, lines: Sequence[Difference]) -> Table:
        differ = sorted((line for line in lines if line.differs), key=lambda line: line.holm)
        rows = [line.row(named=len(self.overall) > 1) for line in differ]
        return Table(
            COLUMNS if rows else (), rows, f"{title} that differ beyond chance: {len(rows)} of {len(lines)} compared"
        )


def compare(evaluations: Mapping[str, Evaluation]) -> Comparison:
    """Every evaluation against the first. evaluations: by name, two or more.

    Raises UsageError where two have no scenario in common.
    """
    first, *others = evaluations
    overall: list[Difference] = []
    measures: list[Difference] = []
    parts: list[Difference] = []
    for other in others:
        names, theirs = (first, other), {row.scenario: row for row in evaluations[other].rows}
        rows = [(row, theirs[row.scenario]) for row in evaluations[first].rows if row.scenario in theirs]
        if not rows:
            raise UsageError(f"{first} and {other} have no scenario in common, so there is nothing to compare")
        overall.append(_difference(names, RIGHT, ("", ""), rows))
        for measure in MEASURES:
            applies = [pair for pair in rows if all(measure in row.met for row in pair)]
            if applies and measure != RIGHT:
                measures.append(_difference(names, measure, ("", ""), applies))
        values: dict[tuple[str, str], list[tuple[ScenarioRow, ScenarioRow]]] = defaultdict(list)
        for pair in rows:
            for part in pair[0].cell.items():
                values[part].append(pair)
        parts += [_difference(names, RIGHT, part, pairs) for part, pairs in sorted(values.items())]
    return Comparison(overall=_corrected(overall), measures=_corrected(measures), parts=_corrected(parts))


def _difference(
    names: tuple[str, str], measure: str, part: tuple[str, str], pairs: Sequence[tuple[ScenarioRow, ScenarioRow]]
) -> Difference:
    families: dict[str, Fraction] = defaultdict(Fraction)
    shares = [(Fraction(*one.met[measure]), Fraction(*other.met[measure])) for one, other in pairs]
    for (row, _), (before, after) in zip(pairs, shares, strict=True):
        families[row.family] += after - before
    p = sign_flip(list(families.values()))
    return Difference(
        one=names[0],
        other=names[1],
        measure=measure,
        axis=part[0],
        value=part[1],
        scenarios=len(pairs),
        rate_one=round(float(sum(before for before, _ in shares)) / len(pairs), 4),
        rate_other=round(float(sum(after for _, after in shares)) / len(pairs), 4),
        more=sum(difference > 0 for difference in families.values()),
        fewer=sum(difference < 0 for difference in families.values()),
        p=p,
        holm=p,
    )


def _corrected(lines: Sequence[Difference]) -> list[Difference]:
    corrected = holm([line.p for line in lines])
    return [line.model_copy(update={"holm": p}) for line, p in zip(lines, corrected, strict=True)]
