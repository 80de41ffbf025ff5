"""Stages A to D, scenarios and rollouts of them, and all stages in one go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sekft.cli.options import Acting, Concurrency, Drawing, Json, NoSandbox, Out, SandboxName, Seed, Spending, flat
from sekft.cli.running import EXPORT, report_broken, say, summary, work

if TYPE_CHECKING:
    from sekft.dataset.export import Exported
    from sekft.folder import Layout
    from sekft.protocols import Reporter


@flat
def generate(
    out: Out,
    drawing: Drawing,
    spending: Spending,
    seed: Seed = 0,
    sandbox: SandboxName = "auto",
    no_sandbox: NoSandbox = False,
    concurrency: Concurrency = None,
    as_json: Json = False,
) -> None:
    """Author scenarios and admit those that pass the gate."""
    from sekft.cli.progress import reporter
    from sekft.folder import Layout
    from sekft.runs import plans
    from sekft.runs.estimate import told
    from sekft.runs.pipeline import generate as stage

    layout = Layout.found(out)
    with reporter() as progress:
        plan = plans.generation(progress.note, drawing, seed, sandbox, no_sandbox, concurrency, spending)
        if spending.dry_run:
            return say(told(plan, None, (), layout, as_json))
        work(stage(plan, layout, progress), out)
    return summary(layout, as_json)


@flat
def rollout(
    scenarios: Annotated[Path, typer.Option("--scenarios", help="Folder of bundles, or a run folder.")],
    out: Out,
    acting: Acting,
    spending: Spending,
    seed: Seed = 0,
    sandbox: SandboxName = "auto",
    concurrency: Concurrency = None,
    as_json: Json = False,
) -> None:
    """Let an operator act in a fresh sandbox for every scenario and sample; judge and record each."""
    from sekft.cli.progress import reporter
    from sekft.folder import Layout
    from sekft.runs import plans
    from sekft.runs.estimate import told
    from sekft.runs.pipeline import load_scenarios, roll

    layout, bundles = Layout.found(out), load_scenarios(scenarios)
    with reporter() as progress:
        plan = plans.rolling(progress.note, acting, seed, sandbox, concurrency, spending)
        if spending.dry_run:
            return say(told(None, plan, bundles, layout, as_json))
        broken = work(roll(plan, bundles, layout, progress), out)
    summary(layout, as_json, scenarios)
    return report_broken(broken, layout)


@flat
def run(
    out: Out,
    drawing: Drawing,
    acting: Acting,
    spending: Spending,
    seed: Seed = 0,
    sandbox: SandboxName = "auto",
    concurrency: Concurrency = None,
    as_json: Json = False,
) -> None:
    """All of it in one go, into one run folder: scenarios, rollouts, pairs, and an export ready to train on."""
    from sekft.cli.progress import reporter
    from sekft.folder import Layout
    from sekft.runs import plans
    from sekft.runs.estimate import told
    from sekft.runs.pipeline import generate as author_stage
    from sekft.runs.pipeline import load_scenarios, roll

    layout = Layout.of_run(out)
    with reporter() as progress:
        authoring = plans.generation(progress.note, drawing, seed, sandbox, False, concurrency, spending)
        rolling = plans.rolling(progress.note, acting, seed, sandbox, concurrency, spending)
        if spending.dry_run:
            return say(told(authoring, rolling, (), layout, as_json))
        work(author_stage(authoring, layout, progress), out)
        scenarios = load_scenarios(out)
        broken = work(roll(rolling, scenarios, layout, progress), out)
        for failing in plans.failing_beside(rolling, progress.note):
            broken += work(roll(failing, scenarios, layout, progress), out)
        made = _data_set(layout, seed, progress)
    summary(layout, as_json, made=made)
    return report_broken(broken, layout)


def _data_set(layout: Layout, seed: int, progress: Reporter) -> Exported | None:
    """Pairs, and the export of a run folder; none where nothing is kept."""
    from sekft.cli.data import deliver
    from sekft.dataset.export import ExportConfig, Sources
    from sekft.dataset.make_pairs import PairConfig, pair
    from sekft.errors import NothingKept
    from sekft.folder import Folder
    from sekft.models.tokens import EstimatedTokens

    pair(layout, None, layout, PairConfig(seed=seed), progress)
    sources = Sources.of(layout.root)
    try:
        with Folder(layout.root).timed("export"):
            return deliver(ExportConfig(), sources, layout.root / EXPORT, EstimatedTokens(), progress)[0]
    except NothingKept as error:
        progress.note(str(error))
        return None
