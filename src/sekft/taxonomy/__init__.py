"""The axes of variation as data, and how cells are drawn from them.

A cell holds one value on every axis; slot i of a run takes row i of the block designs in `covering`. An axis is
axes/<axis>.toml. Its values stand in that file, or it names families that `load` imports, or both. A kind registers
itself in its family by name:

TASKS = Kinds[Task](partial(import_modules, "sekft.authors.procedural.tasks"))

@TASKS.kind("append")
def make(host: Host) -> Job: ...
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar

from sekft.errors import UsageError
from sekft.seeds import stream
from sekft.taxonomy.covering import BLOCK, Design, Level

T = TypeVar("T")
_NOTHING: Mapping[str, Iterable[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an axis. weight: relative frequency. excludes: values of other axes that it cannot meet.

    only: for some other axes, the values that alone it can meet; load() turns that into what it excludes.
    """

    name: str
    weight: float
    brief: str
    excludes: Mapping[str, frozenset[str]]
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        name: str,
        brief: str,
        weight: float = 2,
        excludes: Mapping[str, Iterable[str]] = _NOTHING,
        only: Mapping[str, Iterable[str]] = _NOTHING,
    ) -> Value:
        """In `only`, a string is the address of the family whose kinds are meant."""
        barred, met = (
            {axis: frozenset(family(names) if isinstance(names, str) else names) for axis, names in said.items()}
            for said in (excludes, only)
        )
        return cls(name, float(weight), brief, barred, met)

    def among(self, axes: Mapping[str, Axis]) -> Value:
        """The value with all that it excludes spelt out."""
        others = {axis: frozenset(axes[axis].values) - met for axis, met in self.only.items()}
        barred = {axis: self.excludes.get(axis, frozenset()) | others.get(axis, frozenset()) for axis in others}
        return replace(self, excludes={**self.excludes, **barred}, only={})


class Kinds(Mapping[str, T]):
    """The kinds of one axis by name. They are sorted, because draws depend on their order.

    fill: imports or reads what registers the kinds; called at the first look at the family.
    """

    def __init__(self, fill: Callable[[], object] | None = None) -> None:
        self._fill = fill
        self._kinds: dict[str, tuple[T, Value]] = {}

    def kind(
        self,
        name: str,
        weight: float = 2,
        excludes: Mapping[str, Iterable[str]] = _NOTHING,
        brief: str = "",
        only: Mapping[str, Iterable[str]] = _NOTHING,
    ) -> Callable[[T], T]:
        """Register what is decorated. Raises ValueError for a name that is taken.

        brief: for a teacher; the first line of the kind's docstring, or else of its module's, where it is not given.
        """

        def register(kind: T) -> T:
            if name in self._kinds:
                raise ValueError(f"kind {name!r} is registered twice")
            text = brief or kind.__doc__ or sys.modules[kind.__module__].__doc__ or ""
            self._kinds[name] = kind, Value.of(name, text.partition("\n")[0], weight, excludes, only)
            return kind

        return register

    def axis_values(self) -> list[Value]:
        """The kinds as values of their axis, sorted by name."""
        return [self._kinds[name][1] for name in self]

    def __getitem__(self, name: str) -> T:
        return self._filled()[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._filled()))

    def __len__(self) -> int:
        return len(self._filled())

    def _filled(self) -> Mapping[str, tuple[T, Value]]:
        if self._fill:
            fill, self._fill = self._fill, None
            fill()
        return self._kinds


def import_modules(package: str) -> None:
    """Import every module of a package, so that each registers its kinds."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")


def family(address: str) -> Kinds[object]:
    """The family at `package.module:NAME`. An axis names its family so that `taxonomy` imports no author."""
    module, _, name = address.partition(":")
    named: Kinds[object] = getattr(importlib.import_module(module), name)
    return named


Where = Mapping[str, frozenset[str]]
_Rows = tuple[list[dict[str, str]], Iterator[dict[str, str]]]
_BLOCKS_KEPT = 32


@dataclass(frozen=True, slots=True)
class Axis:
    name: str
    brief: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True, eq=False)
class Taxonomy:
    axes: Mapping[str, Axis]

    def allows(self, cell: Mapping[str, str]) -> bool:
        return not any(
            cell.get(other) in barred
            for axis, value in cell.items()
            for other, barred in self.axes[axis].values[value].excludes.items()
        )

    def restricted(self, where: Where) -> Taxonomy:
        """The axes with the values of `where` alone."""
        axes = {
            name: replace(
                axis, values={v.name: v for v in axis.values.values() if v.name in where.get(name, axis.values)}
            )
            for name, axis in self.axes.items()
        }
        return Taxonomy(axes)

    def cell(self, seed: int, slot: int, where: Where | None = None) -> dict[str, str]:
        """The cell of one slot. Raises UsageError when `where` leaves no allowed cell."""
        number, at = divmod(slot, BLOCK)
        rows, rest = _block(self, seed, number, tuple(sorted((where or {}).items())))
        rows.extend(islice(rest, max(0, at + 1 - len(rows))))
        if at >= len(rows):
            terms = [f"{axis}={value}" for axis, values in (where or {}).items() for value in sorted(values)]
            raise UsageError(f"--where leaves no allowed cell: {' '.join(terms)}")
        return dict(rows[at])


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often each value was met, and the total variation from the declared weights."""

    axis: str
    counts: Mapping[str, int]
    total_variation: float


@cache
def load() -> Taxonomy:
    """Every axis of the package, in the order of their names."""
    axes = {}
    for entry in sorted(files("sekft.taxonomy").joinpath("axes").iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            name = entry.name.removesuffix(".toml")
            axes[name] = _axis(name, tomllib.loads(entry.read_text(encoding="utf-8")))
    whole = {
        name: replace(axis, values={value.name: value.among(axes) for value in axis.values.values()})
        for name, axis in axes.items()
    }
    return Taxonomy(MappingProxyType(whole))


def parse_where(taxonomy: Taxonomy, terms: Sequence[str], option: str = "--where") -> Where:
    """`axis=value` terms: the same axis twice means or; `axis!=value` leaves it out. Unknown names list the known."""
    named: dict[str, frozenset[str]] = {}
    without: dict[str, frozenset[str]] = {}
    for term in terms:
        axis, equals, value = term.partition("=")
        axis, into = (axis[:-1], without) if axis.endswith("!") else (axis, named)
        if not equals:
            raise UsageError(f"{option} {term!r}: want axis=value or axis!=value")
        if axis not in taxonomy.axes:
            raise UsageError(f"{option} {term!r}: no axis {axis!r}; known axes: {', '.join(taxonomy.axes)}")
        values = taxonomy.axes[axis].values
        if value not in values:
            raise UsageError(f"{option} {term!r}: {axis} has no value {value!r}; known values: {', '.join(values)}")
        into[axis] = into.get(axis, frozenset()) | {value}
    where = {
        axis: named.get(axis, frozenset(taxonomy.axes[axis].values)) - without.get(axis, frozenset())
        for axis in [*named, *(axis for axis in without if axis not in named)]
    }
    if empty := [axis for axis, values in where.items() if not values]:
        raise UsageError(f"{option}: leaves no value of {empty[0]}")
    return where


def tally(cells: Iterable[Mapping[str, str]]) -> dict[str, Counter[str]]:
    """Axis → how often these cells have each value."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for cell in cells:
        for axis, value in cell.items():
            counts[axis][value] += 1
    return counts


def coverage(taxonomy: Taxonomy, counts: Mapping[str, Mapping[str, int]]) -> list[Coverage]:
    """One row an axis; total variation is 0 for no cells. counts: of the values of each axis, as tally() gives them."""
    rows = []
    for name, axis in taxonomy.axes.items():
        seen = counts.get(name, {})
        total, weights = sum(seen.values()), sum(value.weight for value in axis.values.values())
        distance = (
            sum(abs(seen.get(v.name, 0) / total - v.weight / weights) for v in axis.values.values()) / 2
            if total
            else 0.0
        )
        rows.append(Coverage(name, {value: seen.get(value, 0) for value in axis.values}, distance))
    return rows


def _axis(name: str, body: Mapping[str, Any]) -> Axis:
    """The values of its families, sorted by name, then those of its own file."""
    kinds = [value for address in body.get("families", ()) for value in family(address).axis_values()]
    values = sorted(kinds, key=lambda value: value.name)
    values += [Value.of(value, **table) for value, table in body.get("values", {}).items()]
    return Axis(name, body["brief"], {value.name: value for value in values})


@lru_cache(maxsize=_BLOCKS_KEPT)
def _block(taxonomy: Taxonomy, seed: int, number: int, where: tuple[tuple[str, frozenset[str]], ...]) -> _Rows:
    """The block's rows drawn so far, and an iterator over those still to be drawn."""
    axes = taxonomy.restricted(dict(where)).axes
    barred = {
        ((name, value.name), (other, met))
        for name, axis in taxonomy.axes.items()
        for value in axis.values.values()
        for other, names in value.excludes.items()
        for met in names
    }
    both_ways = barred | {(other, level) for level, other in barred}
    weights = _possible(
        {name: {v.name: v.weight for v in axis.values.values()} for name, axis in axes.items()}, both_ways
    )
    return [], Design(weights, both_ways, stream(seed, "cells", number)).rows()


def _possible(
    weights: Mapping[str, Mapping[str, float]], barred: Set[tuple[Level, Level]]
) -> Mapping[str, Mapping[str, float]]:
    """The values that can meet at least one value on each other axis: a design finds no way out of the others."""
    left = {
        axis: {
            value: weight
            for value, weight in values.items()
            if all(
                other == axis or any(((axis, value), (other, name)) not in barred for name in names)
                for other, names in weights.items()
            )
        }
        for axis, values in weights.items()
    }
    return left if left == weights else _possible(left, barred)
