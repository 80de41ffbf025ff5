"""What differs between evaluations beyond chance, over the scenarios that they have in common.

The test is exact and paired: were both alike, each family's difference could as well have come out the other way
round; p is the share of all ways to swap families whose total is at least as far from nought. With one rollout of
each family that is McNemar's exact test. Holm's correction counts every line of its table: the overall lines of all
pairs are one table, those of the other measures a second, the lines of single axis values a third.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction

from sekft.errors import UsageError
from sekft.evaluation.evaluate import MEASURES, Evaluation, ScenarioRow
from sekft.scenario import Frozen

LEVEL = 0.05
RIGHT = "right"


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


class Comparison(Frozen):
    """How often each ends right. overall: a line for each pair. measures: the other measures, a line for each pair and
    measure. parts: a line for each pair and value of an axis.
    """

    overall: list[Difference]
    measures: list[Difference]
    parts: list[Difference]


def compare(found: Mapping[str, Evaluation]) -> Comparison:
    """Every evaluation against the first. found: by name, two or more.

    Raises UsageError where two have no scenario in common.
    """
    first, *others = found
    overall: list[Difference] = []
    measures: list[Difference] = []
    parts: list[Difference] = []
    for other in others:
        rows = _common(found[first], found[other])
        if not rows:
            raise UsageError(f"{first} and {other} have no scenario in common, so there is nothing to compare")
        overall.append(_difference((first, other), RIGHT, ("", ""), rows))
        for measure in MEASURES:
            asked = [pair for pair in rows if all(measure in row.met for row in pair)]
            if asked and measure != RIGHT:
                measures.append(_difference((first, other), measure, ("", ""), asked))
        values: dict[tuple[str, str], list[tuple[ScenarioRow, ScenarioRow]]] = defaultdict(list)
        for pair in rows:
            for axis, value in pair[0].cell.items():
                values[axis, value].append(pair)
        parts += [_difference((first, other), RIGHT, key, pairs) for key, pairs in sorted(values.items())]
    return Comparison(overall=_corrected(overall), measures=_corrected(measures), parts=_corrected(parts))


def swapped(differences: Sequence[Fraction]) -> float:
    """Two-sided p of the exact sign-flip test: over all ways to swap, how often |sum| is at least the one seen."""
    unit = math.lcm(*(each.denominator for each in differences), 1)
    steps = [abs(int(each * unit)) for each in differences if each]
    seen = abs(int(sum(differences) * unit))
    ways = Counter({0: 1})
    for step in steps:
        after: Counter[int] = Counter()
        for total, count in ways.items():
            after[total + step] += count
            after[total - step] += count
        ways = after
    return float(Fraction(sum(count for total, count in ways.items() if abs(total) >= seen), 2 ** len(steps)))


def render(found: Comparison) -> str:
    lines = ["The other against the first: how often each ends right, over the scenarios that both have"]
    lines += [_line(each) for each in found.overall]
    for title, table in (("Other measures", found.measures), ("Values of axes", found.parts)):
        told = [each for each in table if each.differs]
        lines += ["", f"{title} that differ beyond chance: {len(told)} of {len(table)} compared"]
        lines += [_line(each) for each in sorted(told, key=lambda each: each.holm)]
    counts = ", ".join(str(len(table)) for table in (found.overall, found.measures, found.parts))
    method = f"p: exact paired sign-flip test over families; corrected by Holm's method for {counts} lines"
    return "\n".join([*lines, "", method]) + "\n"


def _common(one: Evaluation, other: Evaluation) -> list[tuple[ScenarioRow, ScenarioRow]]:
    rows = {row.scenario: row for row in other.rows}
    return [(row, rows[row.scenario]) for row in one.rows if row.scenario in rows]


def _difference(
    names: tuple[str, str], measure: str, part: tuple[str, str], pairs: Sequence[tuple[ScenarioRow, ScenarioRow]]
) -> Difference:
    families: dict[str, Fraction] = defaultdict(Fraction)
    shares = [(Fraction(*one.met[measure]), Fraction(*other.met[measure])) for one, other in pairs]
    for (first, _), (before, after) in zip(pairs, shares, strict=True):
        families[first.family] += after - before
    p = swapped(list(families.values()))
    return Difference(
        one=names[0],
        other=names[1],
        measure=measure,
        axis=part[0],
        value=part[1],
        scenarios=len(pairs),
        rate_one=round(float(sum(before for before, _ in shares)) / len(pairs), 4),
        rate_other=round(float(sum(after for _, after in shares)) / len(pairs), 4),
        more=sum(each > 0 for each in families.values()),
        fewer=sum(each < 0 for each in families.values()),
        p=p,
        holm=p,
    )


def _corrected(lines: Sequence[Difference]) -> list[Difference]:
    """Holm: the smallest p times all lines, the next times one fewer, never below the one before."""
    highest = 0.0
    found: dict[int, float] = {}
    for rank, at in enumerate(sorted(range(len(lines)), key=lambda at: lines[at].p)):
        highest = max(highest, min(1.0, lines[at].p * (len(lines) - rank)))
        found[at] = highest
    return [line.model_copy(update={"holm": found[at]}) for at, line in enumerate(lines)]


def _line(each: Difference) -> str:
    what = f"{each.axis}={each.value}" if each.axis else "all" if each.measure == RIGHT else MEASURES[each.measure].says
    rates = f"{100 * each.rate_one:5.1f} % → {100 * each.rate_other:5.1f} %"
    verdict = "differs" if each.differs else "no difference shown"
    return (
        f"  {each.one} → {each.other}  {what:<28} {rates}  of {each.scenarios}, families more {each.more}, "
        f"fewer {each.fewer}, p {each.p:.2g}, corrected {each.holm:.2g}: {verdict}"
    )
