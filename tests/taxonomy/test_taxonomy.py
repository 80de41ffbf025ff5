"""The taxonomy: axes as data, cells that cover them evenly."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import pytest

from sekft.authors.procedural.announcements import ANNOUNCEMENTS
from sekft.authors.procedural.provider.documentation import LAYOUTS
from sekft.authors.procedural.provider.real import REAL
from sekft.authors.procedural.provider.semantics import PROVIDERS
from sekft.authors.procedural.provider.syntaxes import SYNTAXES
from sekft.authors.procedural.tasks import TASKS
from sekft.errors import UsageError
from sekft.taxonomy import Kinds, coverage, load, parse_where, tally
from sekft.taxonomy.covering import BLOCK

FAMILIES: dict[str, Kinds[Any]] = {
    "announcement": ANNOUNCEMENTS,
    "layout": LAYOUTS,
    "provider": PROVIDERS,
    "syntax": SYNTAXES,
    "task": TASKS,
}


NATIVE = ("documentation", "layout", "syntax")


def test_every_axis_and_value_has_a_brief() -> None:
    """A brief is what a teacher is told of a value, so none is blank."""
    for axis in load().axes.values():
        assert len(axis.brief) > 10
        assert all(value.brief.endswith(".") and value.weight > 0 for value in axis.values.values()), axis.name


@pytest.mark.parametrize("axis", FAMILIES)
def test_each_kind_of_a_family_is_a_value(axis: str) -> None:
    """A registered kind is a value of its axis, its docstring's first line the brief; draws need them sorted."""
    family, values = FAMILIES[axis], load().axes[axis].values
    beside = REAL if axis == "provider" else {"native": None} if axis in NATIVE else {}
    assert set(values) == {*family, *beside}
    assert list(family) == sorted(family)
    for name in family:
        kind, value = family[name], values[name]
        texts = (kind.__doc__ or "", sys.modules[kind.__module__].__doc__ or "")
        assert axis == "provider" or value.brief in {text.partition("\n")[0] for text in texts}


def test_a_kind_may_weigh_itself_and_exclude_others() -> None:
    """A kind is registered with its weight, 2 where it says none, and with the values that it cannot meet."""
    family = Kinds[Callable[[], None]]()

    @family.kind("odd", weight=1, excludes={"ending": {"empty"}})
    def odd() -> None:
        """An odd one.

        More.
        """

    family.kind("even", brief="Said here.")(odd)
    even, first = family.axis_values()
    assert (even.name, even.brief, even.weight, even.excludes) == ("even", "Said here.", 2, {})
    assert (first.name, first.brief, first.weight) == ("odd", "An odd one.", 1)
    assert first.excludes == {"ending": {"empty"}}


def test_a_family_has_no_two_kinds_of_one_name() -> None:
    """A name that is taken is refused: the second kind would hide the first."""
    family = Kinds[object]()
    family.kind("odd", brief="One.")(1)
    with pytest.raises(ValueError, match="odd"):
        family.kind("odd", brief="Another.")(2)


def test_a_prefix_of_slots_follows_the_declared_weights() -> None:
    """Total variation from the weights stays within 1 % on each axis, at 2,000 and at 6,000 slots."""
    taxonomy = load()
    for n, seed in ((2000, 0), (2000, 7), (6000, 12345)):
        cells = [taxonomy.cell(seed, slot) for slot in range(n)]
        assert max(row.total_variation for row in coverage(taxonomy, tally(cells))) <= 0.01


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_nearly_every_allowed_pair_of_values_appears_within_a_block(seed: int) -> None:
    """All but half a per cent of the pairs that are allowed: two rare values may miss each other."""
    taxonomy = load()
    cells = [taxonomy.cell(seed, slot) for slot in range(BLOCK)]
    absent, every = set(), 0
    for one, other in combinations(taxonomy.axes, 2):
        met = {(cell[one], cell[other]) for cell in cells}
        pairs = product(taxonomy.axes[one].values, taxonomy.axes[other].values)
        allowed = {pair for pair in pairs if taxonomy.allows(dict(zip((one, other), pair, strict=True)))}
        assert met <= allowed
        absent |= allowed - met
        every += len(allowed)
    assert len(absent) <= every / 200, absent


def test_a_short_prefix_is_no_list_of_rare_values() -> None:
    """Of 20 slots as many have a rare call syntax as its weight says, over many seeds."""
    taxonomy = load()
    weights = {value.name: value.weight for value in taxonomy.axes["syntax"].values.values()}
    rare = {name for name, weight in weights.items() if weight < 1}
    cells = [taxonomy.cell(seed, slot) for seed in range(60) for slot in range(20)]
    share = sum(cell["syntax"] in rare for cell in cells) / len(cells)
    assert share < 1.6 * sum(weights[name] for name in rare) / sum(weights.values()), share


def test_a_real_program_goes_with_its_own_documentation_and_a_workstation_alone() -> None:
    """What the grammar draws of a call is native where the provider is a real program, and nowhere else."""
    taxonomy = load()
    cells = [taxonomy.cell(3, slot) for slot in range(500)]
    for cell in cells:
        assert [cell[axis] == "native" for axis in NATIVE] == [cell["provider"] in REAL] * 3, cell
        assert cell["userland"] == "workstation" or cell["provider"] not in REAL
    assert 0 < sum(cell["provider"] in REAL for cell in cells) < 0.3 * len(cells)


def test_a_restriction_to_what_meets_little_else_finds_its_cells() -> None:
    """A real program alone leaves one value on some axes: none of the others leads into a dead end."""
    taxonomy = load()
    for name in REAL:
        cells = [taxonomy.cell(1, slot, parse_where(taxonomy, [f"provider={name}"])) for slot in range(60)]
        assert len({cell["task"] for cell in cells}) > 15


def test_excluded_values_never_meet() -> None:
    """What a value excludes is left out of its cells, whichever of the two says so."""
    taxonomy = load()
    assert all(taxonomy.allows(taxonomy.cell(3, slot)) for slot in range(500))


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


def test_where_leaves_values_out() -> None:
    """`axis!=value` takes all others of its axis, or of those that are named."""
    where = parse_where(load(), ["ending!=empty", "userland=gnu", "userland=busybox", "userland!=gnu"])
    assert where == {"ending": {"work", "blocked"}, "userland": {"busybox"}}


def test_where_leaves_something() -> None:
    """An axis without any value left is refused by name."""
    with pytest.raises(UsageError, match="leaves no value of userland"):
        parse_where(load(), ["userland=gnu", "userland!=gnu"])


@pytest.mark.parametrize(
    ("term", "named"),
    [("colour=red", "announcement"), ("ending=sideways", "blocked"), ("ending", "axis=value")],
)
def test_an_unknown_axis_or_value_lists_the_known(term: str, named: str) -> None:
    """The message names what was seen and what could have been meant."""
    with pytest.raises(UsageError, match=named) as caught:
        parse_where(load(), [term])
    assert term in str(caught.value)
