"""How evenly a set covers its axes, the pairs of their values and the endings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, product

from sekft.quality.measures import Figure, Holdings
from sekft.scenario import Scenario
from sekft.taxonomy import Taxonomy, coverage

_SHOWN = 6


def measure(held: Holdings) -> Iterator[Figure]:
    """Axes and pairs over one scenario of each family; endings over all."""
    axes, bases = held.taxonomy.restricted(held.where), held.bases
    for row in coverage(axes, [one.cell for one in bases]):
        counts = ", ".join(f"{value} {count}" for value, count in row.counts.items())
        yield Figure("axis", row.total_variation, len(bases), row.axis, counts)
    absent = list(_absent(axes, bases))
    yield Figure("pairs_absent", len(absent), len(bases), detail="; ".join(absent[:_SHOWN]))
    skew, pair = max(((_skew(bases, *pair), pair) for pair in combinations(axes.axes, 2)), default=(0.0, ("", "")))
    yield Figure("pairs_skew", skew, len(bases), detail=" and ".join(pair))
    kinds = Counter(one.expected.kind for one in held.scenarios.values())
    for kind in ("work", "empty", "blocked"):
        share = kinds[kind] / len(held.scenarios) if held.scenarios else 0.0
        yield Figure("ending", share, len(held.scenarios), kind, f"{kinds[kind]} scenarios")


def _absent(axes: Taxonomy, bases: Sequence[Scenario]) -> Iterator[str]:
    """Allowed pairs of values that no scenario has."""
    for one, other in combinations(axes.axes, 2):
        met = {(base.cell.get(one), base.cell.get(other)) for base in bases}
        for pair in product(axes.axes[one].values, axes.axes[other].values):
            if pair not in met and axes.allows({one: pair[0], other: pair[1]}):
                yield f"{one}={pair[0]} {other}={pair[1]}"


def _skew(bases: Sequence[Scenario], one: str, other: str) -> float:
    """Total variation between the pairs and what the two axes, drawn apart, would give."""
    n = len(bases)
    pairs = Counter((base.cell.get(one), base.cell.get(other)) for base in bases)
    ones, others = Counter(base.cell.get(one) for base in bases), Counter(base.cell.get(other) for base in bases)
    apart = {(a, b): ones[a] * others[b] / n for a, b in product(ones, others)}
    return sum(abs(pairs[pair] - expected) for pair, expected in apart.items()) / 2 / n if n else 0.0
