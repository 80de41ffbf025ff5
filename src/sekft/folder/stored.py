"""Stored rollouts, read a scenario's at a time: the one place where commands over a whole folder read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sekft.folder import Layout
from sekft.folder.entries import Entry
from sekft.scenario import Scenario
from sekft.trajectory import StoredRollout

Group = list[StoredRollout]
"""The rollouts of one scenario, by name."""
NamedGroup = tuple[str, list[Entry]]
"""The same before they are read, as Layout.grouped has it."""


@dataclass(frozen=True)
class GroupReader:
    """Reads groups, also in a worker. place: the layout that finds the scenarios.

    Raises UsageError where a scenario is missing, BundleError for a broken file.
    """

    layout: Layout
    place: Layout

    @classmethod
    def of(cls, layout: Layout, scenarios: Path | None = None) -> GroupReader:
        """scenarios: a folder of bundles, or a run folder; None looks where Layout.bundle does."""
        return cls(layout, Layout.found(scenarios) if scenarios else layout)

    @cached_property
    def _find(self) -> Callable[[str], Entry | None]:
        return self.place.finder()

    def __call__(self, group: NamedGroup) -> Group:
        return read_group(self.layout, self.place.scenario_of(group[0], self._find), group[1])


def read_group(layout: Layout, scenario: Scenario, entries: Sequence[Entry]) -> Group:
    """The rollouts of a scenario that is read already."""
    return [StoredRollout(entry.below(layout.root), entry.trajectory(), scenario) for entry in entries]


def stored(layout: Layout, scenarios: Path | None = None) -> Iterator[Group]:
    """The rollouts of a folder, a scenario's at a time, both by name. Raises as GroupReader does."""
    return map(GroupReader.of(layout, scenarios), layout.grouped())


def weight(group: NamedGroup) -> int:
    """How much of a worker's chunk it takes; see workers.mapped."""
    return len(group[1])
