"""The axes of variation as pure data (axes/*.toml), and how cells are drawn from them.

A cell holds one value on every axis. Slot i of a run takes its cell from a Kronecker
sequence, one irrational step an axis: every prefix of a run is close to the declared
weights on each axis, and pairs of values fill evenly, which independent draws of that
number would not do.
"""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from sekft.errors import UsageError
from sekft.seeds import derive, stream

Where = Mapping[str, frozenset[str]]
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43)
_REDRAWS = 1000


@dataclass(frozen=True, slots=True)
class Value:
    """weight: relative frequency. excludes: values of other axes that it cannot meet."""

    name: str
    weight: float
    brief: str
    excludes: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Axis:
    name: str
    brief: str
    values: Mapping[str, Value]

    def pick(self, point: float, allowed: frozenset[str] | None = None) -> str:
        """The value in whose share of the weights the point in [0, 1) falls."""
        values = [value for value in self.values.values() if allowed is None or value.name in allowed]
        left = point * sum(value.weight for value in values)
        for value in values:
            left -= value.weight
            if left < 0:
                return value.name
        return values[-1].name


@dataclass(frozen=True, slots=True)
class Taxonomy:
    axes: Mapping[str, Axis]

    def allows(self, cell: Mapping[str, str]) -> bool:
        return not any(
            cell.get(other) in barred
            for axis, value in cell.items()
            for other, barred in self.axes[axis].values[value].excludes.items()
        )

    def cell(self, seed: int, slot: int, where: Where | None = None) -> dict[str, str]:
        """The cell of one slot. Raises UsageError when `where` leaves no allowed cell."""
        where = where or {}
        cell = {
            name: axis.pick(_point(seed, slot, index, name), where.get(name))
            for index, (name, axis) in enumerate(self.axes.items())
        }
        rng = stream(seed, "cell", slot)
        for _ in range(_REDRAWS):
            if self.allows(cell):
                return cell
            cell = {name: axis.pick(rng.random(), where.get(name)) for name, axis in self.axes.items()}
        raise UsageError(f"--where leaves no allowed cell in {_REDRAWS} draws: {_spell(where)}")


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often each value was met, and the total variation from the declared weights."""

    axis: str
    counts: Mapping[str, int]
    total_variation: float


def load() -> Taxonomy:
    """Every axis of the package, in the order of their names."""
    axes = {}
    for entry in sorted(files("sekft").joinpath("axes").iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            name = entry.name.removesuffix(".toml")
            axes[name] = _axis(name, tomllib.loads(entry.read_text(encoding="utf-8")))
    return Taxonomy(axes)


def parse_where(taxonomy: Taxonomy, terms: Sequence[str]) -> Where:
    """`axis=value` terms: the same axis twice means or. Unknown names list the known."""
    where: dict[str, frozenset[str]] = {}
    for term in terms:
        axis, equals, value = term.partition("=")
        if not equals:
            raise UsageError(f"--where {term!r}: want axis=value")
        if axis not in taxonomy.axes:
            raise UsageError(f"--where {term!r}: no axis {axis!r}; known axes: {', '.join(taxonomy.axes)}")
        values = taxonomy.axes[axis].values
        if value not in values:
            raise UsageError(f"--where {term!r}: {axis} has no value {value!r}; known values: {', '.join(values)}")
        where[axis] = where.get(axis, frozenset()) | {value}
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
    values = body["values"]
    if not isinstance(values, dict):
        raise TypeError(f"axes/{name}.toml: values is a {type(values).__name__}, want a table")
    return Axis(
        name,
        str(body["brief"]),
        {
            key: Value(
                key,
                float(value["weight"]),
                value["brief"],
                {other: frozenset(barred) for other, barred in value.get("excludes", {}).items()},
            )
            for key, value in values.items()
        },
    )


def _point(seed: int, slot: int, index: int, axis: str) -> float:
    step = math.sqrt(_PRIMES[index]) % 1
    offset = derive(seed, "axis", axis) / 2**53
    return (offset + (slot + 1) * step) % 1


def _spell(where: Where) -> str:
    return " ".join(f"{axis}={value}" for axis, values in where.items() for value in sorted(values))
