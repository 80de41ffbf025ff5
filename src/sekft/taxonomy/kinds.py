"""Families of kinds: a kind registers itself by name, and an axis takes its values from a family.

TASKS = Family[Task](partial(import_modules, "sekft.authors.procedural.tasks"))

@TASKS.kind("append")
def make(host: Host) -> Job: ...
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

T = TypeVar("T")
_NOTHING: Mapping[str, Iterable[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an axis. weight: relative frequency. excludes: values of other axes that it cannot meet."""

    name: str
    weight: float
    brief: str
    excludes: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, name: str, brief: str, weight: float = 2, excludes: Mapping[str, Iterable[str]] = _NOTHING) -> Value:
        return cls(name, float(weight), brief, {axis: frozenset(barred) for axis, barred in excludes.items()})


class Family(Mapping[str, T]):
    """The kinds of one axis by name. They are sorted, because draws depend on their order.

    fill: imports or reads what registers the kinds; called at the first look at the family.
    """

    def __init__(self, fill: Callable[[], object] | None = None) -> None:
        self._fill = fill
        self._kinds: dict[str, tuple[T, Value]] = {}

    def kind(
        self, name: str, weight: float = 2, excludes: Mapping[str, Iterable[str]] = _NOTHING, brief: str = ""
    ) -> Callable[[T], T]:
        """Register what is decorated. Raises ValueError for a name that is taken.

        brief: for a teacher; the first line of the kind's docstring, or else of its module's, where it is not given.
        """

        def register(kind: T) -> T:
            if name in self._kinds:
                raise ValueError(f"kind {name!r} is registered twice")
            text = brief or kind.__doc__ or sys.modules[kind.__module__].__doc__ or ""
            self._kinds[name] = kind, Value.of(name, text.partition("\n")[0], weight, excludes)
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


def family(address: str) -> Family[object]:
    """The family at `package.module:NAME`. An axis names its family so that `taxonomy` imports no author."""
    module, _, name = address.partition(":")
    named: Family[object] = getattr(importlib.import_module(module), name)
    return named
