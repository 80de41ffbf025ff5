"""Stored rollouts, read a scenario's at a time: the one place where commands over a whole folder read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sekft.folder import Layout
from sekft.scenario import Scenario
from sekft.trajectory import StoredRollout, load_trajectory

Group = list[StoredRollout]
"""The rollouts of one scenario, by name."""
NamedGroup = tuple[str, list[Path]]
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

    def __call__(self, group: NamedGroup) -> Group:
        return read_group(self.layout, self.place.scenario(group[0]), group[1])


def read_group(layout: Layout, scenario: Scenario, paths: Sequence[Path]) -> Group:
    """The rollouts of a scenario that is read already."""
    return [StoredRollout(str(path.relative_to(layout.root)), load_trajectory(path), scenario) for path in paths]


def stored(layout: Layout, scenarios: Path | None = None) -> Iterator[Group]:
    """The rollouts of a folder, a scenario's at a time, both by name. Raises as GroupReader does."""
    return map(GroupReader.of(layout, scenarios), layout.grouped())


def size(group: NamedGroup) -> int:
    """How much of a worker's chunk it takes; see workers.mapped."""
    return len(group[1])
