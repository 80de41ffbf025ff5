"""The statistics of evaluations and data sets: rates with intervals, exact tests, pass@k, quantiles."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any

from pydantic import model_serializer

from sekft.scenario import Frozen

Z = 1.959964
"""Of a 95 % interval."""


class Rate(Frozen):
    """A share of cases with its 95 % interval. of: how many cases; where there are none the rest is null."""

    of: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


def interval(families: Iterable[tuple[int, int]]) -> Rate:
    """The share of all cases and its Wilson interval.

    families: (met, of) for each family. Cases of one family are not independent, so the interval uses an effective
    sample size; with one case a family it is the ordinary Wilson interval.
    """
    groups = [(met, of) for met, of in families if of]
    n = sum(of for _, of in groups)
    if not n:
        return Rate(of=0)
    share = sum(met for met, _ in groups) / n
    size = effective_size(groups, n, share)
    middle, bottom = share + Z * Z / (2 * size), 1 + Z * Z / size
    half = Z * math.sqrt(share * (1 - share) / size + Z * Z / (4 * size * size))
    low, high = max(0.0, (middle - half) / bottom), min(1.0, (middle + half) / bottom)
    return Rate(of=n, value=round(share, 4), low=round(low, 4), high=round(high, 4))


def effective_size(groups: Sequence[tuple[int, int]], n: int, share: float) -> float:
    """How many independent cases these are worth, by the variance between families.

    At most the number of cases; the number of families where each family agrees with itself.
    """
    between = sum((met - share * of) ** 2 for met, of in groups)
    if len(groups) == n or len(groups) < 2:
        return len(groups)
    if not between:
        return n if 0 < share < 1 else len(groups)
    variance = between / n**2 * len(groups) / (len(groups) - 1)
    return min(n, max(1.0, share * (1 - share) / variance))


def sign_flip(differences: Sequence[Fraction]) -> float:
    """Two-sided p of the exact sign-flip test: of all ways to flip signs, the share that gives so large a |sum|.

    For differences of -1, 0 and 1 it is McNemar's exact test.
    """
    unit = math.lcm(*(difference.denominator for difference in differences), 1)
    steps = [abs(int(difference * unit)) for difference in differences if difference]
    seen = abs(int(sum(differences) * unit))
    ways = Counter({0: 1})
    for step in steps:
        after: Counter[int] = Counter()
        for total, count in ways.items():
            after[total + step] += count
            after[total - step] += count
        ways = after
    return float(Fraction(sum(count for total, count in ways.items() if abs(total) >= seen), 2 ** len(steps)))


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's correction: the smallest p times their number, the next times one fewer, never below the one before."""
    highest = 0.0
    corrected: dict[int, float] = {}
    for rank, at in enumerate(sorted(range(len(ps)), key=lambda at: ps[at])):
        highest = max(highest, min(1.0, ps[at] * (len(ps) - rank)))
        corrected[at] = highest
    return [corrected[at] for at in range(len(ps))]


def fisher(better: tuple[int, int], worse: tuple[int, int]) -> float:
    """One-sided p of Fisher's exact test: how likely `better` has at least so many successes where both are alike.

    better, worse: (successes, trials).
    """
    (right, more), (other, fewer) = better, worse
    together = right + other
    ways = sum(math.comb(more, k) * math.comb(fewer, together - k) for k in range(right, min(more, together) + 1))
    return ways / math.comb(more + fewer, together)


def pass_at(rollouts: int, right: int, k: int) -> float:
    """The chance that k of these rollouts, drawn without replacement, hold a right one."""
    return 1 - math.comb(rollouts - right, k) / math.comb(rollouts, k)


def quantile(ordered: Sequence[int], share: float) -> float:
    """The value at that share of the way through sorted values, between two of them where it falls between them.

    So are the median of two values their mean, and no quantile below a lower one.
    """
    at = share * (len(ordered) - 1)
    below, above = ordered[math.floor(at)], ordered[math.ceil(at)]
    return below + (above - below) * (at - math.floor(at))


class Quantiles(Frozen):
    """How whole numbers are spread. A report's JSON body holds those fields that the report sets.

    p50:    the median as one of the values; median: the same under the name that exports give it, or a mean of two.
    bins:   values by the least multiple of the bin's width that is not more.
    """

    p10: int = 0
    p50: int = 0
    median: int | float = 0
    p90: int | float = 0
    p99: int = 0
    most: int = 0
    total: int = 0
    bins: dict[int, int] = {}

    @model_serializer(mode="wrap")
    def _fields_set(self, serialize: Callable[[Any], Mapping[str, Any]]) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if name in self.model_fields_set}

    @classmethod
    def of(cls, counts: Mapping[int, int], bin_width: int) -> Quantiles:
        """Every field but p50. counts: value → how often it occurs; at least one.

        A quantile is the least value that at least its share of all values do not exceed.
        """
        ordered = sorted(counts)
        passed = list(accumulate(counts[value] for value in ordered))
        shares = {"p10": 0.1, "median": 0.5, "p90": 0.9, "p99": 0.99}
        bins: Counter[int] = Counter()
        for value in ordered:
            bins[value // bin_width * bin_width] += counts[value]
        return cls(
            **{name: ordered[bisect_left(passed, share * passed[-1])] for name, share in shares.items()},
            most=ordered[-1],
            total=sum(value * counts[value] for value in ordered),
            bins=dict(bins),
        )

    @classmethod
    def spread(cls, values: Iterable[int]) -> Quantiles:
        """p10, p50 and p90, each as one of the values, by the rule of `of`; all 0 where there is no value."""
        found = cls.of(Counter(values) or {0: 1}, 1)
        return cls(p10=found.p10, p50=int(found.median), p90=int(found.p90))
