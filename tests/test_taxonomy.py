"""The taxonomy: axes as data, cells that cover them evenly."""

from __future__ import annotations

from itertools import combinations

import pytest

from sekft.errors import UsageError
from sekft.taxonomy import coverage, load, parse_where

AXES = ["announcement", "difficulty", "documentation", "ending", "provider", "task", "userland"]


def test_every_axis_and_value_has_a_brief() -> None:
    """A brief is what a teacher is told of a value, so none is blank."""
    taxonomy = load()
    assert list(taxonomy.axes) == AXES
    for axis in taxonomy.axes.values():
        assert len(axis.brief) > 10
        assert all(len(value.brief) > 10 and value.weight > 0 for value in axis.values.values())


def test_a_prefix_of_slots_follows_the_declared_weights() -> None:
    """Total variation from the weights stays within 1 % on each axis from 500 slots on."""
    taxonomy = load()
    for seed in (0, 7, 12345):
        cells = [taxonomy.cell(seed, slot) for slot in range(500)]
        assert max(row.total_variation for row in coverage(taxonomy, cells)) <= 0.01


def test_every_allowed_pair_of_values_appears_within_500_slots() -> None:
    """No two values of different axes avoid each other."""
    taxonomy = load()
    cells = [taxonomy.cell(7, slot) for slot in range(500)]
    for one, other in combinations(taxonomy.axes, 2):
        met = {(cell[one], cell[other]) for cell in cells}
        wanted = {(a, b) for a in taxonomy.axes[one].values for b in taxonomy.axes[other].values}
        assert met == wanted


def test_a_cell_depends_on_seed_and_slot_alone() -> None:
    """The same seed and slot give the same cell; another seed gives other cells."""
    taxonomy = load()
    first = [taxonomy.cell(7, slot) for slot in range(50)]
    assert first == [taxonomy.cell(7, slot) for slot in range(50)]
    assert first != [taxonomy.cell(8, slot) for slot in range(50)]


def test_where_restricts_with_or_within_an_axis_and_and_between_axes() -> None:
    """The same axis twice means or; different axes mean and."""
    taxonomy = load()
    where = parse_where(taxonomy, ["ending=empty", "ending=blocked", "userland=gnu"])
    cells = [taxonomy.cell(1, slot, where) for slot in range(60)]
    assert {cell["ending"] for cell in cells} == {"empty", "blocked"}
    assert {cell["userland"] for cell in cells} == {"gnu"}


@pytest.mark.parametrize(
    ("term", "named"),
    [("colour=red", "announcement"), ("ending=sideways", "blocked"), ("ending", "axis=value")],
)
def test_an_unknown_axis_or_value_lists_the_known(term: str, named: str) -> None:
    """The message names what was seen and what could have been meant."""
    with pytest.raises(UsageError, match=named) as caught:
        parse_where(load(), [term])
    assert term in str(caught.value)
