"""Stages A to D, scenarios and rollouts of them, and all stages in one go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sekft.cli.bridge import configured
from sekft.cli.options import DryRun, Json, Out
from sekft.cli.running import command, report_broken, summary, work
from sekft.cli.tables import print_tables
from sekft.runs.generate import GenerateConfig
from sekft.runs.roll import RolloutConfig

if TYPE_CHECKING:
    from sekft.protocols import Reporter
    from sekft.runs.estimate import CostEstimate


@configured()
def generate(out: Out, config: GenerateConfig, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Author scenarios and admit those that pass the gate."""
    from sekft.cli.progress import reporter
    from sekft.folder import Layout
    from sekft.runs.estimate import estimates
    from sekft.runs.generate import generate as stage

    layout = Layout.found(out)
    with reporter() as progress:
        announce_author(config, progress)
        if dry_run:
            return say_costs(estimates(config, None, (), layout), as_json)
        work(stage(config, layout, progress), out)
    return summary(layout, as_json)


@configured()
def rollout(
    scenarios: Annotated[Path, typer.Option("--scenarios", help="Folder of bundles, or a run folder.")],
    out: Out,
    config: RolloutConfig,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Let an operator act in a fresh sandbox for every scenario and sample; judge and record each."""
    from sekft.cli.progress import reporter
    from sekft.folder import Layout, load_scenarios
    from sekft.runs.estimate import estimates
    from sekft.runs.roll import roll

    layout, bundles = Layout.found(out), load_scenarios(scenarios)
    with reporter() as progress:
        announce_operator(config, progress)
        if dry_run:
            return say_costs(estimates(None, config, bundles, layout), as_json)
        broken = work(roll(config, bundles, layout, progress), out)
    summary(layout, as_json, scenarios)
    return report_broken(broken, layout)


@configured(without=("no_sandbox",))
def run(
    out: Out, drawing: GenerateConfig, acting: RolloutConfig, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """All of it in one go, into one run folder: scenarios, rollouts, pairs, and an export ready to train on."""
    from sekft.cli.progress import reporter
    from sekft.folder import Layout
    from sekft.runs.estimate import estimates
    from sekft.runs.run import build

    layout = Layout.of_run(out)
    with reporter() as progress:
        announce_author(drawing, progress)
        announce_operator(acting, progress)
        if dry_run:
            return say_costs(estimates(drawing, acting, (), layout), as_json)
        built = build(drawing, acting, out, progress, lambda stage: work(stage, out), command())
    summary(layout, as_json, exported=built.exported)
    return report_broken(built.broken, layout)


def announce_author(config: GenerateConfig, progress: Reporter) -> None:
    """Say which author was chosen, and warn of a dry run."""
    progress.note(f"author: {config.author_name}" + ("" if config.author else " (default; --author chooses another)"))
    if config.no_sandbox:
        progress.note("WARNING: --no-sandbox: nothing is run, so nothing proves that a scenario can be solved;")
        progress.note("WARNING: every scenario is stamped gate.mode = structural")


def announce_operator(config: RolloutConfig, progress: Reporter) -> None:
    default = "" if config.operator else " (default; --operator chooses another)"
    progress.note(f"operator: {config.operator_name}{default}")


def say_costs(costs: Sequence[CostEstimate], as_json: bool) -> None:
    from sekft.runs.estimate import table

    print_tables([table(costs)], json.dumps([asdict(cost) for cost in costs], indent=1) + "\n", as_json)
