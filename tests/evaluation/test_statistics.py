"""Corrections, exact tests and quantiles."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekft.evaluation.statistics import Quantiles, fisher, holm, quantile

VALUES = st.lists(st.integers(0, 500), min_size=1, max_size=60)


def test_holm_multiplies_the_smallest_by_all_and_never_falls() -> None:
    """The textbook's example; the order of the input is kept."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(("better", "worse"), [((3, 3), (0, 4)), ((2, 2), (0, 2)), ((3, 4), (1, 5))])
def test_fisher_counts_every_way_to_deal_the_successes(better: tuple[int, int], worse: tuple[int, int]) -> None:
    """p is the share of all ways to deal the same successes to both sides in which the first has at least so many."""
    (right, more), (other, fewer) = better, worse
    ways = [bits for bits in product((0, 1), repeat=more + fewer) if sum(bits) == right + other]
    assert fisher(better, worse) == pytest.approx(sum(sum(bits[:more]) >= right for bits in ways) / len(ways))


@given(VALUES)
def test_a_quantile_is_a_value_that_its_share_does_not_exceed(values: list[int]) -> None:
    """At least a tenth is not more than p10, half not more than the median, and so on; bins hold every value once."""
    spread = Quantiles.of(Counter(values), 64)
    for at, share in ((spread.p10, 0.1), (spread.median, 0.5), (spread.p90, 0.9), (spread.p99, 0.99)):
        assert at in values
        assert sum(value <= at for value in values) >= share * len(values)
        assert sum(value < at for value in values) < share * len(values)
    assert (spread.most, spread.total, sum(spread.bins.values())) == (max(values), sum(values), len(values))
    assert all(start % 64 == 0 for start in spread.bins)


@pytest.mark.parametrize(
    ("values", "median", "p90"), [([7], 7, 7), ([6, 11], 8.5, 10.5), ([1, 2, 10], 2, 8.4), ([6, 15], 10.5, 14.1)]
)
def test_one_rule_gives_every_quantile(values: list[int], median: float, p90: float) -> None:
    """Of few values, too, the median and p90 are by one rule, so that p90 is never below the median."""
    assert quantile(values, 0.5) == median
    assert quantile(values, 0.9) == pytest.approx(p90)
    spread = Quantiles.spread(values)
    assert spread.p10 <= spread.p50 <= spread.p90 == max(values)


def test_a_report_writes_the_quantiles_that_it_sets() -> None:
    """One type, two bodies: pairs tell p10, p50 and p90, exports the rest; each reads back as it was."""
    pairs, rows = Quantiles.spread([3, 1, 2]), Quantiles.of({7: 2, 130: 1}, 64)
    assert pairs.model_dump() == {"p10": 1, "p50": 2, "p90": 3}
    assert Quantiles.spread([]).model_dump() == {"p10": 0, "p50": 0, "p90": 0}
    assert list(rows.model_dump()) == ["p10", "median", "p90", "p99", "most", "total", "bins"]
    for quantiles in (pairs, rows):
        assert Quantiles.model_validate_json(quantiles.model_dump_json()) == quantiles
