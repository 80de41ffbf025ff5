"""The axes of variation as data, and how cells are drawn from them.

A cell holds one value on every axis; slot i of a run takes row i of the block designs in `covering`. An axis is
axes/<axis>.toml. Its values stand in that file, or it names a family (see `kinds`) that `load` imports.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType

from sekft.errors import UsageError
from sekft.seeds import stream
from sekft.taxonomy.covering import BLOCK, Design
from sekft.taxonomy.kinds import Value as Value
from sekft.taxonomy.kinds import family

Where = Mapping[str, frozenset[str]]
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
        block = _block(self, seed, number, tuple(sorted((where or {}).items())))
        row = block[at]
        if row is None:
            raise UsageError(f"--where leaves no allowed cell: {_spell(where or {})}")
        return dict(row)


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
    return Taxonomy(MappingProxyType(axes))


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


def coverage(taxonomy: Taxonomy, cells: Iterable[Mapping[str, str]]) -> list[Coverage]:
    """One row an axis over these cells; total variation is 0 for no cells."""
    cells = list(cells)
    rows = []
    for name, axis in taxonomy.axes.items():
        seen = Counter(cell[name] for cell in cells if name in cell)
        total, weights = sum(seen.values()), sum(value.weight for value in axis.values.values())
        distance = (
            sum(abs(seen[v.name] / total - v.weight / weights) for v in axis.values.values()) / 2 if total else 0.0
        )
        rows.append(Coverage(name, {value: seen[value] for value in axis.values}, distance))
    return rows


def _axis(name: str, body: Mapping[str, object]) -> Axis:
    values = family(str(body["family"])).axis_values() if "family" in body else [*_listed(name, body["values"])]
    return Axis(name, str(body["brief"]), {value.name: value for value in values})


def _listed(axis: str, table: object) -> Iterator[Value]:
    if not isinstance(table, dict):
        raise TypeError(f"axes/{axis}.toml: values is a {type(table).__name__}, want a table, or a family")
    for name, body in table.items():
        yield Value.of(name, body["brief"], body["weight"], body.get("excludes", {}))


@lru_cache(maxsize=_BLOCKS_KEPT)
def _block(taxonomy: Taxonomy, seed: int, number: int, where: tuple[tuple[str, frozenset[str]], ...]) -> _Rows:
    axes = taxonomy.restricted(dict(where)).axes
    weights = {name: {v.name: v.weight for v in axis.values.values()} for name, axis in axes.items()}
    barred = {
        ((name, value.name), (other, met))
        for name, axis in taxonomy.axes.items()
        for value in axis.values.values()
        for other, names in value.excludes.items()
        for met in names
    }
    both_ways = barred | {(other, level) for level, other in barred}
    return _Rows(Design(weights, both_ways, stream(seed, "cells", number)).rows())


class _Rows:
    """A block's rows, drawn as far as they are needed."""

    def __init__(self, rows: Iterator[dict[str, str]]) -> None:
        self._rows = rows
        self._drawn: list[dict[str, str] | None] = []

    def __getitem__(self, at: int) -> dict[str, str] | None:
        """None where no row is allowed."""
        while len(self._drawn) <= at:
            self._drawn.append(next(self._rows, None))
        return self._drawn[at]


def _spell(where: Where) -> str:
    return " ".join(f"{axis}={value}" for axis, values in where.items() for value in sorted(values))
