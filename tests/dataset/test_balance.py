"""Which candidates a set of pairs takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekft.dataset.make_pairs import EVEN, Stub, balanced, largest, quotas, shared
from sekft.seeds import stream

CAUSES = (("false_exit", "a"), ("false_exit", "b"), ("harmful", "c"), ("unearned", "d"))
COUNTS = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(1, 900), min_size=1, max_size=9)


def stubs(count: int) -> list[Stub]:
    """Candidates of three outcomes, the rejected side mostly longer, half of all with one of six colours."""
    rng = stream(5, "stubs")
    weights = (6, 3, 2, 1)
    return [
        Stub(at, f"s{rng.randrange(count // 4)}", *rng.choices(CAUSES, weights)[0],
             rng.randint(1, 30), rng.randint(1, 30) + rng.choice((0, 8, 8)),
             (f"colour={rng.choices(range(6), (10, 2, 2, 2, 2, 2))[0]}",))
        for at in range(count)
    ]  # fmt: skip


@given(COUNTS)
def test_the_largest_sum_is_even_and_leaves_nothing_that_fits(counts: dict[str, int]) -> None:
    """No part has more than EVEN times its even share, and no part is cut that would not be the largest."""
    dealt = shared(counts, largest(counts))
    total = sum(dealt.values())
    assert total == largest(counts)
    assert max(dealt.values()) <= max(EVEN * total / len(counts), 1) + 1
    cut = [name for name in counts if dealt[name] < counts[name]]
    assert all(dealt[name] >= max(dealt.values()) - 1 for name in cut)


@given(COUNTS, st.integers(0, 2000))
def test_a_total_is_dealt_out_whole_and_evenly(counts: dict[str, int], total: int) -> None:
    """What is dealt is the total or all there is; who gets less than another has no more."""
    dealt = shared(counts, total)
    assert sum(dealt.values()) == min(total, sum(counts.values()))
    assert all(dealt[name] == counts[name] or dealt[name] >= max(dealt.values()) - 1 for name in counts)


def test_no_scenario_gives_more_than_its_cap() -> None:
    """The cap holds for every scenario, whatever a quota still lacks."""
    rows = stubs(800)
    taken = Counter(rows[number].scenario for number in balanced(rows, 1, per_scenario=2))
    assert set(taken.values()) == {1, 2}


def test_quotas_are_filled_where_candidates_suffice() -> None:
    """Of each outcome and cause as many are taken as its quota says, and of all no more than asked for."""
    rows = stubs(800)
    wanted = quotas(Counter((row.outcome, row.cause) for row in rows), 200)
    taken = Counter((rows[number].outcome, rows[number].cause) for number in balanced(rows, 1, 100, 200))
    assert taken == wanted
    assert sum(taken.values()) == 200
    assert max(taken.values()) - min(taken.values()) <= 67 - 33 + 1, "three outcomes share evenly, one in two causes"


def test_neither_side_is_the_longer_one_by_rule() -> None:
    """Where the rejected side is mostly longer among candidates, it is hardly so among those taken."""
    rows = stubs(800)
    chosen = [rows[number] for number in balanced(rows, 1, 100, 300)]
    before = median(row.rejected for row in rows) - median(row.chosen for row in rows)
    after = median(row.rejected for row in chosen) - median(row.chosen for row in chosen)
    assert before >= 3
    assert abs(after) <= 1


def test_values_of_axes_are_spread() -> None:
    """A value that half of the candidates have is no longer that common among those taken."""
    rows = stubs(800)
    even = [replace(row, chosen=5, rejected=5) for row in rows]
    assert sum("colour=0" in row.values for row in rows) / 800 == pytest.approx(0.5, abs=0.05)
    taken = [rows[number] for number in balanced(even, 1, 100, 200)]
    assert sum("colour=0" in row.values for row in taken) / 200 < 0.3


def test_the_seed_decides() -> None:
    """The same seed takes the same candidates, another takes others."""
    rows = stubs(400)
    assert balanced(rows, 1) == balanced(rows, 1)
    assert balanced(rows, 1) != balanced(rows, 2)
