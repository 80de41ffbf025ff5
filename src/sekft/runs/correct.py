"""Corrections: an expert takes over failed rollouts where they first went wrong (as DAgger does).

OUT/trajectories/<scenario-id>/<operator>-correction-<n>.json

n is twice the sample of the failed rollout, and one more where the expert starts after the wrong action instead of
before it. OUT may be the folder of the failed rollouts.

A student that learns from an expert alone never sees the states into which its own errors lead. In a correction the
first actions are the student's, which training masks, and the rest are the expert's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sekft import sandboxes
from sekft.errors import UsageError
from sekft.evaluation.metrics import first_wrong
from sekft.folder import Folder, Layout
from sekft.folder.config import Setting
from sekft.folder.entries import Finder
from sekft.folder.stored import stored
from sekft.protocols import Operator, Reporter
from sekft.rollouts.rollout import RolloutLimits
from sekft.runs.branch import taking_over
from sekft.runs.engines.local import at_once
from sekft.runs.resources import attended
from sekft.runs.rollout import EXPLORER, ActingConfig, RolloutJob, acted, acting, recorded
from sekft.scenario import Scenario
from sekft.seeds import derive
from sekft.trajectory import StoredRollout, Trajectory


class CorrectConfig(ActingConfig):
    """Let an operator take over failed rollouts where they first went wrong. max_turns counts what was taken over."""

    heading: ClassVar[str] = "Corrections"

    @property
    def operator_name(self) -> str:
        return self.operator or (EXPLORER if self.model is None else super().operator_name)


@dataclass(frozen=True)
class Takeover:
    """actions: how many of the trajectory's are kept. number: of the correction among those of its scenario."""

    scenario: Scenario
    trajectory: Trajectory
    actions: int
    number: int

    def job(self, kind: str, out: Layout) -> RolloutJob:
        return RolloutJob.of(self.scenario, self.number, _named(kind), out)


def _named(kind: str) -> str:
    """What stands before the number in a correction's name. kind: of the operator that took over."""
    return f"{kind}-correction"


def takeovers(rollout: StoredRollout) -> Iterator[Takeover]:
    """Before the first wrong action, and after it unless it ended the session; none of what was taken over itself."""
    wrong, made = first_wrong(rollout), rollout.trajectory
    if wrong is not None and not made.given:
        yield Takeover(rollout.scenario, made, wrong // 2, 2 * made.sample)
        if wrong + 1 < len(made.turns):
            yield Takeover(rollout.scenario, made, wrong // 2 + 1, 2 * made.sample + 1)


async def correct(
    config: CorrectConfig, rollouts: Layout, scenarios: Path | None, out: Layout, reporter: Reporter,
    operator: Operator | None = None,
) -> int:  # fmt: skip
    """Correct every failed rollout that says where it went wrong; returns how many corrections met an infra error.

    operator: who takes over; None for the one that the config names. Finished corrections are on disk and are not done
    again. Raises what `roll` raises, and UsageError where nothing failed.
    """
    operator, sandbox = operator or acting(config), sandboxes.pick(config.sandbox)
    kind, limits = operator.info.kind, RolloutLimits(turns=config.max_turns)
    found = [each for group in stored(rollouts, scenarios) for one in group for each in takeovers(one)]
    if not found:
        raise UsageError(f"{rollouts.root}: want a rollout that failed at an action which can be named, saw none")

    async def corrected(takeover: Takeover) -> tuple[Takeover, Trajectory]:
        going = taking_over(operator, takeover.trajectory, takeover.actions)
        seed = derive(config.seed, "correct", takeover.trajectory.id, takeover.actions)
        rolled = await recorded(takeover.scenario, takeover.number, going, sandbox, seed, limits)
        return takeover, rolled.trajectory

    with Folder(out.root).writing() as folder, folder.timed(f"correct {kind}"):
        settings: dict[str, Setting] = {**config.recorded(), "layout": out.kind, **acted(operator, sandbox)}
        folder.settle(f"correct-{kind}", settings, growing=config.growing(), empty=_named(kind) not in out.kinds())
        folder.take_from(scenarios or rollouts.root)
        find, broken = Finder(out.trajectories), 0
        waiting = [each for each in found if not find(each.job(kind, out).name)]
        reporter.begin("corrections", len(found), len(found) - len(waiting))
        async with attended(operator, folder, config, reporter):
            async for takeover, trajectory in at_once(corrected, waiting, config.at_once):
                takeover.job(kind, out).keep(folder, trajectory)
                broken += trajectory.outcome == "infra_error"
                reporter.step(f"{trajectory.outcome} {takeover.scenario.id}")
        return broken
