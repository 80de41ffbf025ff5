"""Measures: what the audit looks at, one module a topic, each with `measure(held) -> Iterator[Figure]`."""

from __future__ import annotations

import importlib
import pkgutil
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from sekft.rejection import Rejection
from sekft.scenario import Scenario
from sekft.taxonomy import Taxonomy, Where
from sekft.trajectory import StoredRollout


@dataclass(frozen=True)
class Figure:
    """One measured value.

    name:  what is measured, a table of audit.toml; part: of which axis, text, operator …
    of:    how many cases it rests on.
    files: what to look at where the value falls short, as paths below the folder.
    """

    name: str
    value: float | int
    of: int
    part: str = ""
    detail: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Holdings:
    """What a run holds.

    where, held: the cells that it was drawn from, the values of its held-out part.
    broken:      files of rollouts that met an infra error. folder: where the scenarios lie below the run.
    """

    taxonomy: Taxonomy
    where: Where
    held: Where
    scenarios: Mapping[str, Scenario]
    rejections: tuple[Rejection, ...]
    rollouts: tuple[StoredRollout, ...]
    broken: tuple[str, ...]
    folder: str

    @cached_property
    def bases(self) -> list[Scenario]:
        """One of each family."""
        return [one for one in self.scenarios.values() if one.twin_of is None and one.reskin_of is None]

    @cached_property
    def surfaces(self) -> list[Scenario]:
        """One of each surface: a twin shares its base's, a re-skin does not."""
        return [one for one in self.scenarios.values() if one.twin_of is None]

    @cached_property
    def kept(self) -> list[StoredRollout]:
        return [rollout for rollout in self.rollouts if rollout.trajectory.keep]

    def file(self, scenario: Scenario) -> str:
        return posixpath.normpath(posixpath.join(self.folder, f"{scenario.id}.json"))


def measure_all(held: Holdings) -> Iterator[Figure]:
    """Every topic's figures, in the order of the topics' names."""
    for name in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for figure in importlib.import_module(f"{__name__}.{name}").measure(held):
            yield replace(figure, name=f"{name}.{figure.name}")
