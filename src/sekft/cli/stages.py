"""The stages: scenarios and rollouts of them, pairs and exports, students and what these can do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.app import STYLE, GroupedCommand, GroupedGroup
from sekft.cli.options import (
    DryRun,
    Json,
    Out,
    TheirScenarios,
    Trajectories,
    addressed,
    configured,
    near,
    result,
    source,
)
from sekft.cli.running import command, report_broken, reporter, resumable, say, summary, work
from sekft.cli.tables import print_report, print_tables
from sekft.dataset import overlap
from sekft.dataset.export import ExportConfig, Sources
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.errors import SekftError, UsageError, installing
from sekft.evaluation import charts
from sekft.evaluation.compare import compare as compared
from sekft.folder import Folder, Layout, load_scenarios, told_apart
from sekft.protocols import Reporter
from sekft.quality.audit import audit as audited
from sekft.report import facts
from sekft.runs.branch import BranchConfig, branch
from sekft.runs.correct import CorrectConfig
from sekft.runs.correct import correct as run_correct
from sekft.runs.estimate import CostEstimate, cost_table, estimates
from sekft.runs.evaluate import FOLDER, EvalConfig, examine, stored, taken
from sekft.runs.generate import GenerateConfig
from sekft.runs.generate import generate as stage
from sekft.runs.import_tasks import ImportConfig, import_tasks
from sekft.runs.resources import token_counter
from sekft.runs.rollout import RolloutConfig, roll, stored_scenarios
from sekft.runs.run import build, deliver
from sekft.runs.star import StarConfig
from sekft.runs.star import star as run_star
from sekft.training.config import TrainConfig
from sekft.training.train import train as run_training

app = typer.Typer(invoke_without_command=True, cls=GroupedGroup, **STYLE)
"""`sekft eval`, which has commands of its own."""


@configured()
def generate(out: Out, config: GenerateConfig, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Author scenarios and admit those that pass the gate."""
    layout = Layout.found(out)
    with reporter() as progress:
        announce_author(config, progress)
        if dry_run:
            return say_costs(estimates(config, None, (), layout), as_json)
        work(stage(config, layout, progress), out)
    return summary(layout, as_json)


@configured()
def rollout(
    scenarios: Annotated[
        Path,
        source("--scenarios", "Run folder, or a folder of scenarios."),
    ],
    out: Out,
    config: RolloutConfig,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Let an operator act in each scenario, once per sample and in a fresh sandbox; judge and record each rollout."""
    layout, bundles = Layout.found(out), stored_scenarios(scenarios)
    with reporter() as progress:
        announce_operator(config, progress)
        if dry_run:
            return say_costs(estimates(None, config, bundles, layout), as_json)
        broken = work(roll(config, bundles, layout, progress, scenarios), out)
    summary(layout, as_json, scenarios)
    return report_broken(broken, layout)


@configured(without=("no_sandbox",))
def run(
    out: Out, drawing: GenerateConfig, acting: RolloutConfig, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Make scenarios, rollouts, pairs and an export that is ready to train on, all in one run folder."""
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
    print_tables([cost_table(costs)], json.dumps([asdict(cost) for cost in costs], indent=1) + "\n", as_json)


@configured(without=("max_turns", "top_p", "scaffold", "action_format", "recovery_share"))
def pairs(
    trajectories: Trajectories,
    config: PairConfig,
    branching: BranchConfig,
    scenarios: TheirScenarios = None,
    out: Annotated[
        Path | None,
        result("--out", "Folder to fill; default: pairs/ of the run folder."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make step-level preference pairs, each cut at a decisive turn, and labels of whole rollouts.

    The filters apply to the chosen side, --outcome to the rejected side. --per-scenario counts pairs. --max-length
    counts the tokens of the prompt and the longer side.
    """

    rollouts = Layout.of_rollouts(trajectories)
    if out is None and rollouts.kind == "stage":
        raise UsageError(f"--trajectories {trajectories}: no run folder, so --out has to say where the pairs go")
    place = Layout.found(out or trajectories)
    counter = token_counter(config.tokenizer)
    with reporter() as progress:
        broken = 0
        if branching.branches is not None:
            progress.note(f"branches by {branching.operator_name}")
            broken = work(branch(branching, rollouts, scenarios, place, progress), place.root)
        report = pair(rollouts, scenarios, place, config, progress, counter)
    print_report(report, as_json)
    if not report.pairs:
        raise SekftError(f"{trajectories}: no pairs: {report.why_none}")
    if broken:
        raise SekftError(f"{broken} branches met an infra error; run the same command to repeat them")


@configured()
def correct(
    trajectories: Trajectories,
    out: Out,
    config: CorrectConfig,
    scenarios: TheirScenarios = None,
    as_json: Json = False,
) -> None:
    """Let an expert take over failed rollouts where they went wrong: before the first wrong action, and after it.

    The result is a folder of rollouts for `sekft export`. Training masks the actions that were taken over.
    """

    layout = Layout.found(out)
    with reporter() as progress:
        progress.note(f"operator: {config.operator_name}")
        broken = work(run_correct(config, Layout.of_rollouts(trajectories), scenarios, layout, progress), out)
    summary(layout, as_json, scenarios or trajectories)
    return report_broken(broken, layout)


@configured()
def export(
    out: Out,
    trajectories: Trajectories,
    config: ExportConfig,
    scenarios: TheirScenarios = None,
    pairs: Annotated[
        Path | None,
        source("--pairs", "Folder that `sekft pairs` filled; default: in the run folder."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write kept trajectories and pairs in the formats of common trainers, with train and held-out rows apart."""

    sources = Sources.of(trajectories, scenarios, pairs)
    with reporter() as progress:
        exported, overlaps = deliver(config, sources, out, progress, command())
    body = exported.model_dump(mode="json") | {"overlaps": [row.model_dump(mode="json") for row in overlaps]}
    card = "" if config.no_card else "README.md is its data card"
    tables = [facts([("data set", str(out))], notes=[card] if card else []), *exported.tables]
    tables += [overlap.table(overlaps)] if overlaps else []
    print_tables(tables, json.dumps(body, indent=1) + "\n", as_json)


def audit(
    folder: Annotated[Path, typer.Argument(help="A run folder, or one that `sekft generate` filled.")],
    as_json: Json = False,
) -> None:
    """Measure the quality of a set. If it fails a requirement, list the files and exit with status 1."""

    report = audited(Layout.found(folder))
    print_report(report, as_json)
    if report.broken:
        raise typer.Exit(1)


@app.callback()
@configured()
def evaluate(
    context: typer.Context,
    config: EvalConfig,
    scenarios: Annotated[
        Path | None,
        source("--scenarios", "Run folder, or a folder of scenarios."),
    ] = None,
    out: Annotated[
        Path | None,
        result("--out", "Folder for rollouts and report. Run the same command to resume."),
    ] = None,
    pictures: Annotated[
        bool, result("--pictures", "Also draw charts of the report (needs the extra report).", None)
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Measure an operator, overall and by axis value; by default in deploy form and with greedy decoding."""
    if context.invoked_subcommand is not None:
        return None
    if scenarios is None or out is None:
        raise UsageError("sekft eval wants --scenarios and --out (or: sekft eval compare A B)")
    _drawable(pictures)

    bundles, layout = taken(load_scenarios(scenarios), config.split, config.most), Layout.of_stage(out)
    with reporter() as progress:
        announce_operator(config, progress)
        if dry_run:
            return say_costs(estimates(None, config, bundles, layout), as_json)
        report = work(examine(config, bundles, out, progress, scenarios), out)
    if pictures:
        _draw(out, [out])
    print_report(report, as_json)
    return report_broken(report.missing, layout)


@app.command(cls=GroupedCommand)
@addressed
def compare(
    folders: Annotated[list[Path], typer.Argument(help="Folders of `sekft eval`; each is compared with the first.")],
    pictures: Annotated[
        Path | None,
        result("--pictures", "Write charts of the comparison to this folder (needs the extra report)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List significant differences between evaluations, by an exact paired test over the scenarios that they share."""

    if len(folders) < 2:
        raise UsageError("sekft eval compare: want two folders or more")
    _drawable(pictures is not None)
    report = compared({str(folder): stored(folder) for folder in folders})
    if pictures:
        _draw(pictures, folders)
    print_report(report, as_json)


@app.command(name="import", cls=GroupedCommand)
@configured()
def bring(
    tasks: Annotated[Path, typer.Argument(help="A JSON list of tasks with `query` and `gold`, in InterCode's format.")],
    out: Out,
    config: ImportConfig,
    as_json: Json = False,
) -> None:
    """Turn shell tasks of another data set into held-out scenarios, each with a sekft provider, proven by the gate."""

    layout = Layout.of_stage(out)
    with reporter() as progress:
        work(import_tasks(config, tasks, layout, progress), out)
    summary(layout, as_json)


def _drawable(wanted: bool) -> None:

    if wanted and not charts.drawable():
        raise UsageError(f"--pictures wants vl-convert-python: {installing('report')}")


def _draw(into: Path, folders: list[Path]) -> None:

    with Folder(into).writing() as folder:
        for name, picture in charts.evaluations(
            {name: stored(each) for name, each in told_apart(folders).items()}
        ).items():
            folder.write(into / FOLDER / name, picture)
            typer.echo(f"sekft: {into / FOLDER / name}", err=True)


@configured()
def train(
    data: Annotated[
        list[Path],
        source("--data", "An export, one of its files, or a folder of them. Repeat the option for several.", "PATH"),
    ],
    out: Annotated[
        Path,
        result("--out", "Folder for the student. Run the same command to resume."),
    ],
    config: TrainConfig,
    as_json: Json = False,
) -> None:
    """Train a student on an export. The loss covers only the assistant's actions and their end tokens."""

    for each in data:
        near("--data", each)
    near("--out", out)
    with resumable(out), reporter() as progress:
        trained = run_training(config, data, out, progress, command())
    say(trained.to_json() if as_json else f"{trained}student: {out}\n")


@configured()
def star(
    scenarios: Annotated[
        Path,
        source("--scenarios", "Run folder, or scenarios of both splits."),
    ],
    out: Out,
    config: StarConfig,
    as_json: Json = False,
) -> None:
    """Run self-training: let a student act, keep and pair its rollouts, train from the base, evaluate, repeat."""

    near("--out", out)
    with resumable(out), reporter() as progress:
        report = run_star(config, load_scenarios(scenarios), out, progress, lambda stage: work(stage, out))
    print_report(report, as_json)
