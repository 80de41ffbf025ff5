"""An operator rolled over scenarios, and what came of it: the rollouts and their evaluation in one folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sekft.errors import BundleError, SekftError, UsageError
from sekft.evaluation.evaluate import Evaluation, evaluate
from sekft.folder import Folder, Layout
from sekft.protocols import Reporter
from sekft.runs.pipeline import landing, roll
from sekft.runs.plans import Rolling
from sekft.scenario import Scenario
from sekft.trajectory import StoredRollout, load_trajectory

FOLDER, REPORT = "evaluation", "report.json"


def taken(scenarios: Sequence[Scenario], split: str | None, most: int | None) -> list[Scenario]:
    """Those of a split, so many of them, the first by id: an id is a hash, so that these are a fair sample.

    Raises UsageError where none is left.
    """
    found = sorted((one for one in scenarios if split in (None, one.split)), key=lambda one: one.id)[:most]
    if not found:
        known = ", ".join(sorted({one.split for one in scenarios}))
        raise UsageError(f"--split {split}: none of the {len(scenarios)} scenarios; want one of: {known}")
    return found


async def examine(plan: Rolling, scenarios: list[Scenario], out: Path, reporter: Reporter) -> Evaluation:
    """Roll what is not there yet and evaluate all of it; the report is out/evaluation/report.json.

    Raises what `pipeline.roll` raises, and SekftError when no rollout is left to evaluate.
    """
    layout = Layout.of_stage(out)
    broken = await roll(plan, scenarios, layout, reporter)
    rollouts = list(_rolled(plan, scenarios, layout))
    if not rollouts:
        raise SekftError(f"{out}: all {broken} rollouts met an infra error (see {layout.errors})")
    found = evaluate(rollouts, plan.samples, broken)
    with Folder(out).writing() as folder:
        folder.write(report_file(out), found.model_dump_json(indent=1) + "\n")
    return found


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


def _rolled(plan: Rolling, scenarios: Sequence[Scenario], layout: Layout) -> Iterator[StoredRollout]:
    for scenario in scenarios:
        for sample in range(plan.samples):
            path = landing(scenario, sample, plan.operator, layout).path
            if path.exists():
                yield StoredRollout(str(path.relative_to(layout.root)), load_trajectory(path), scenario)
