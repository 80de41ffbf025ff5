"""The taxonomy: axes as data, cells that cover them evenly."""

from __future__ import annotations

from importlib.resources import files
from itertools import combinations, product
from pathlib import Path

import pytest

from sekft.errors import UsageError
from sekft.taxonomy import coverage, load, parse_where, values_of

PACKAGE = files("sekft.authors.procedural")


def test_every_axis_and_value_has_a_brief() -> None:
    """A brief is what a teacher is told of a value, so none is blank."""
    for axis in load().axes.values():
        assert len(axis.brief) > 10
        assert all(value.brief.endswith(".") and value.weight > 0 for value in axis.values.values()), axis.name


@pytest.mark.parametrize(("axis", "package"), [("task", "tasks"), ("announcement", "announcements")])
def test_each_module_of_a_package_is_a_value(axis: str, package: str) -> None:
    """A kind is one file: its name the value, its docstring's first line the brief."""
    values = load().axes[axis].values
    sources = {path.name.removesuffix(".py"): path for path in PACKAGE.joinpath(package).iterdir()}
    assert set(values) == {name for name in sources if not name.startswith("_")}
    for name, value in values.items():
        assert value.brief in sources[name].read_text("utf-8").partition("\n")[0]


def test_a_kind_may_weigh_itself_and_exclude_others(tmp_path: Path) -> None:
    """WEIGHT and EXCLUDES are literals of the module; what it needs to run is not looked at."""
    kind = tmp_path / "odd.py"
    kind.write_text('"""An odd one.\n\nMore."""\nimport nothing_such\nWEIGHT = 1\nEXCLUDES = {"ending": {"empty"}}\n')
    (value,) = values_of(tmp_path)
    assert (value.name, value.brief, value.weight) == ("odd", "An odd one.", 1)
    assert value.excludes == {"ending": {"empty"}}


def test_a_prefix_of_slots_follows_the_declared_weights() -> None:
    """Total variation from the weights stays within 1 % on each axis, at 500 and at 5,000 slots."""
    taxonomy = load()
    for n, seed in ((500, 0), (500, 7), (5000, 12345)):
        cells = [taxonomy.cell(seed, slot) for slot in range(n)]
        assert max(row.total_variation for row in coverage(taxonomy, cells)) <= 0.01


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_every_allowed_pair_of_values_appears_within_500_slots(seed: int) -> None:
    """No two values of different axes avoid each other, unless one excludes the other."""
    taxonomy = load()
    cells = [taxonomy.cell(seed, slot) for slot in range(500)]
    for one, other in combinations(taxonomy.axes, 2):
        met = {(cell[one], cell[other]) for cell in cells}
        pairs = product(taxonomy.axes[one].values, taxonomy.axes[other].values)
        assert met == {pair for pair in pairs if taxonomy.allows(dict(zip((one, other), pair, strict=True)))}


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
