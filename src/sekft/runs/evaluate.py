"""An operator rolled over scenarios, and what came of it: the rollouts and their evaluation in one folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import model_validator

from sekft.errors import BundleError, SekftError, UsageError
from sekft.evaluation.evaluate import Evaluation, evaluate
from sekft.folder import Folder, Layout
from sekft.folder.config import option, same_option
from sekft.folder.entries import Finder
from sekft.protocols import OperatorConfig, Reporter
from sekft.runs.rollout import RolloutConfig, RolloutJob, roll, stream
from sekft.scenario import Scenario
from sekft.trajectory import StoredRollout

FOLDER, REPORT = "evaluation", "report.json"
SAMPLED = 0.7
"""The temperature where there are several samples and none is named."""


class EvalConfig(RolloutConfig):
    """Measure an operator, overall and by axis value; by default in deploy form and with greedy decoding."""

    heading: ClassVar[str] = "Evaluation"

    samples: int = same_option(RolloutConfig, "samples", 1)
    temperature: float | None = same_option(
        RolloutConfig,
        "temperature",
        None,
        heading=OperatorConfig.heading,
        help_text=f"Sampling temperature of a model; default: 0, or {SAMPLED} with several samples.",
    )
    split: str | None = option(None, "Use only this split; default: both.", metavar="train|heldout", recorded=False)
    most: int | None = option(None, "Use only the first N scenarios by id.", ge=1, recorded=False)

    @model_validator(mode="before")
    @classmethod
    def _deployed(cls, values: dict[str, Any]) -> dict[str, Any]:
        """No scaffold but one that is named; greedy, but for several samples."""
        temperature = SAMPLED if values.get("samples", 1) > 1 else 0.0
        return {"no_scaffold": values.get("scaffold") is None, "temperature": temperature} | values


def taken(scenarios: Sequence[Scenario], split: str | None, most: int | None) -> list[Scenario]:
    """Those of a split, so many of them, the first by id: an id is a hash, so that these are a fair sample.

    Raises UsageError where none is left.
    """
    chosen = sorted((scenario for scenario in scenarios if split in (None, scenario.split)), key=lambda each: each.id)
    if not chosen:
        known = ", ".join(sorted({scenario.split for scenario in scenarios}))
        raise UsageError(f"--split {split}: none of the {len(scenarios)} scenarios; want one of: {known}")
    return chosen[:most]


async def examine(
    config: EvalConfig, scenarios: Sequence[Scenario], out: Path, reporter: Reporter, source: Path | None = None
) -> Evaluation:
    """Roll what is not there yet and evaluate all of it; the report is out/evaluation/report.json.

    source: the folder of the scenarios, to be found again later.
    Raises what `roll` raises, UsageError, and SekftError when no rollout is left to evaluate.
    """
    layout, chosen = Layout.of_stage(out), taken(scenarios, config.split, config.most)
    broken = await roll(config, chosen, layout, reporter, source)
    rollouts = list(_rolled(config, chosen, layout))
    if not rollouts:
        raise SekftError(f"{out}: all {broken} rollouts met an infra error (see {layout.errors})")
    report = evaluate(rollouts, config.samples, broken)
    with Folder(out).writing() as folder:
        folder.write(report_file(out), report.model_dump_json(indent=1) + "\n")
    return report


async def evaluated(config: EvalConfig, scenarios: Sequence[Scenario], reporter: Reporter) -> Evaluation:
    """The same, kept in no folder."""
    chosen = taken(scenarios, config.split, config.most)
    known = {scenario.id: scenario for scenario in chosen}
    trajectories: AsyncIterator[Any] = stream(config, chosen, reporter)
    rollouts = [StoredRollout(each.id, each, known[each.scenario_id]) async for each in trajectories]
    sound = [rollout for rollout in rollouts if rollout.trajectory.outcome != "infra_error"]
    if not sound:
        raise SekftError(f"all {len(rollouts)} rollouts met an infra error")
    return evaluate(sound, config.samples, len(rollouts) - len(sound))


def report_file(out: Path) -> Path:
    return out / FOLDER / REPORT


def stored(out: Path) -> Evaluation:
    """The report of a folder that `sekft eval` filled. Raises UsageError where there is none, or an older one."""
    path = report_file(out)
    if not path.is_file():
        raise UsageError(f"{out}: no {FOLDER}/{REPORT} there; want a folder that `sekft eval --out` made")
    try:
        return Evaluation.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BundleError(f"{path}: not a report of this version: {error}") from error


def _rolled(config: EvalConfig, scenarios: Sequence[Scenario], layout: Layout) -> Iterator[StoredRollout]:
    find = Finder(layout.trajectories)
    for scenario in scenarios:
        for sample in range(config.samples):
            if entry := find(RolloutJob.of(scenario, sample, config.operator_name, layout).name):
                yield StoredRollout(entry.below(layout.root), entry.trajectory(), scenario)
