"""Branches: rollouts that begin with the first actions of a stored one and go on otherwise, to find what decided it.

PLACE/branches/<scenario-id>/<operator>-<trajectory>-<actions>-<n>.json    the first `actions` are the trajectory's

Where a failure was made on purpose, its turn is known, and branches start before it. Else it is searched for by
halving: where the share of right endings among branches drops between a prefix and the same prefix with one action
more, that action decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import ClassVar

from sekft import sandboxes
from sekft.dataset.make_pairs import BRANCHES
from sekft.errors import InfraError
from sekft.folder import Folder, Layout
from sekft.folder.config import Setting, option
from sekft.folder.entries import Finder, entries
from sekft.folder.stored import Group, stored
from sekft.operators.replayed import ResumedOperator
from sekft.protocols import Operator, Reporter, Sandbox
from sekft.rollouts.rollout import RolloutLimits
from sekft.runs.engines.local import at_once
from sekft.runs.resources import attended
from sekft.runs.rollout import ActingConfig, RolloutJob, acted, acting, recorded
from sekft.scenario import Scenario
from sekft.seeds import derive
from sekft.shell.syntax import bare
from sekft.trajectory import BRANCH_OF, GIVEN, KEPT, Trajectory

ID_CHARACTERS = 8


class BranchConfig(ActingConfig):
    """Roll out from prefixes of stored rollouts. max_turns counts the prefix, too."""

    heading: ClassVar[str] = "Branches"

    branches: int | None = option(
        None, "First roll out N branches from prefixes of each failed rollout.", ge=1, grows=True
    )


async def branch(
    config: BranchConfig, rollouts: Layout, scenarios: Path | None, out: Layout, reporter: Reporter,
    operator: Operator | None = None,
) -> int:  # fmt: skip
    """Branch off every rejected rollout that has a turn to be found; returns how many branches met an infra error.

    operator: who goes on; None for the one that the config names. Finished branches are on disk and are not done
    again. Raises what `roll` raises.
    """
    operator, sandbox = operator or acting(config), sandboxes.pick(config.sandbox)
    kind = operator.info.kind
    with Folder(out.root).writing() as folder, folder.timed(f"branches {kind}"):
        settings: dict[str, Setting] = {**config.recorded(), **acted(operator, sandbox)}
        empty = next(entries(out.pairs / BRANCHES, f"*/{kind}-*.json"), None) is None
        folder.settle(f"branches-{kind}", settings, growing=config.growing(), empty=empty)
        tree = _PrefixTree(config, operator, sandbox, folder, out.pairs / BRANCHES)
        reporter.begin("scenarios branched", sum(1 for _ in rollouts.grouped()), 0)
        async with attended(operator, folder, config, reporter):
            async for name in at_once(tree.grow, stored(rollouts, scenarios), config.at_once):
                reporter.step(name)
    return tree.broken


def known(group: Group) -> Iterator[tuple[Trajectory, int]]:
    """Each rollout that failed on purpose with how many actions were right; prefixes alike come once."""
    seen = set()
    for one in group:
        made = one.trajectory
        if made.fault and made.outcome not in KEPT:
            prefix = tuple(map(bare, made.actions[: made.fault.turn // 2]))
            if prefix not in seen:
                seen.add(prefix)
                yield made, len(prefix)


def unknown(group: Group) -> Iterator[Trajectory]:
    """The rollouts that failed by themselves, of a scenario that others of them solved."""
    made = [one.trajectory for one in group if one.trajectory.fault is None]
    failed = [each for each in made if each.outcome not in (*KEPT, "infra_error")]
    if any(each.keep for each in made):
        yield from failed


def taking_over(operator: Operator, trajectory: Trajectory, actions: int) -> Operator:
    """The operator from that many actions of the trajectory on. Its record says so; see Trajectory.given."""
    source = {BRANCH_OF: trajectory.id, GIVEN: str(actions)}
    return ResumedOperator(operator, trajectory.actions[:actions], source)


class _PrefixTree:
    """Branches as they grow, in files."""

    def __init__(self, config: BranchConfig, operator: Operator, sandbox: Sandbox, folder: Folder, place: Path) -> None:
        self._config, self._operator, self._sandbox = config, operator, sandbox
        self._folder, self._place, self._find = folder, place, Finder(place)
        self.broken = 0

    async def grow(self, group: Group) -> str:
        """Branch off every rollout of the group that says where; returns the scenario's id."""
        scenario = group[0].scenario
        kept = any(one.trajectory.keep for one in group)
        for trajectory, actions in known(group) if kept else ():
            await self._from(scenario, trajectory, actions)
        for trajectory in unknown(group):
            await self._search(scenario, trajectory)
        return scenario.id

    async def _search(self, scenario: Scenario, trajectory: Trajectory) -> None:
        """Halve the trajectory until one action is left, with branches before and after it."""
        low, high = 0, len(trajectory.actions)
        start = await self._from(scenario, trajectory, low)
        if not any(each.keep for each in start):
            return
        shares = {low: fmean(each.keep for each in start), high: 0.0}
        while high - low > 1:
            middle = (low + high) // 2
            made = await self._from(scenario, trajectory, middle)
            shares[middle] = fmean(each.keep for each in made) if made else 0.0
            if shares[low] - shares[middle] >= shares[middle] - shares[high]:
                high = middle
            else:
                low = middle

    async def _from(self, scenario: Scenario, trajectory: Trajectory, actions: int) -> list[Trajectory]:
        """All branches of that prefix but those that met an infra error."""
        going = taking_over(self._operator, trajectory, actions)
        of, branches = trajectory.id, []
        for number in range(self._config.branches or 1):
            name = f"{scenario.id}/{going.info.kind}-{of[:ID_CHARACTERS]}-{actions}-{number}.json"
            job = RolloutJob(scenario, number, name, self._place, self._place / "errors")
            if entry := self._find(job.name):
                branches.append(entry.trajectory())
            else:
                seed = derive(self._config.seed, "branch", of, actions, number)
                branches += await self._land(scenario, job, going, seed)
        return branches

    async def _land(self, scenario: Scenario, job: RolloutJob, going: Operator, seed: int) -> list[Trajectory]:
        """What came of it; nothing where it met an infra error."""
        limits = RolloutLimits(turns=self._config.max_turns)
        try:
            rolled = await recorded(scenario, job.sample, going, self._sandbox, seed, limits)
        except InfraError:
            self.broken += 1
            return []
        job.keep(self._folder, rolled.trajectory)
        if rolled.trajectory.outcome != "infra_error":
            return [rolled.trajectory]
        self.broken += 1
        return []
