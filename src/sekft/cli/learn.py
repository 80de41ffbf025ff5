"""What makes a student of an export, and what an operator can do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.bridge import configured
from sekft.cli.make import announce_operator, say_costs
from sekft.cli.options import DryRun, Json, Out
from sekft.cli.running import command, report_broken, resumable, say, summary, work
from sekft.cli.tables import print_report
from sekft.errors import UsageError
from sekft.runs.evaluate import EvalConfig
from sekft.runs.import_tasks import ImportConfig
from sekft.runs.star import StarConfig
from sekft.training.config import TrainConfig

app = typer.Typer(
    rich_markup_mode=None,
    invoke_without_command=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
@configured()
def evaluate(
    context: typer.Context,
    config: EvalConfig,
    scenarios: Annotated[Path | None, typer.Option("--scenarios", help="Folder of bundles, or a run folder.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for rollouts and report; the same command over it resumes.")
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Draw the report, too (extra report).")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Measure what an operator can do, axis by axis: in deploy form and greedy, unless told otherwise."""
    if context.invoked_subcommand is not None:
        return None
    if scenarios is None or out is None:
        raise UsageError("sekft eval wants --scenarios and --out (or: sekft eval compare A B)")
    _drawable(pictures)
    from sekft.cli.progress import reporter
    from sekft.folder import Layout, load_scenarios
    from sekft.runs.estimate import estimates
    from sekft.runs.evaluate import examine, taken

    bundles, layout = taken(load_scenarios(scenarios), config.split, config.most), Layout.of_stage(out)
    with reporter() as progress:
        announce_operator(config, progress)
        if dry_run:
            return say_costs(estimates(None, config, bundles, layout), as_json)
        report = work(examine(config, bundles, out, progress), out)
    if pictures:
        _draw(out, [out])
    print_report(report, as_json)
    return report_broken(report.missing, layout)


@app.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(help="Folders of `sekft eval`; each is set against the first.")],
    pictures: Annotated[
        Path | None, typer.Option("--pictures", help="Draw them side by side into this folder (extra report).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what differs beyond chance, by an exact paired test over the scenarios that both have."""
    from sekft.evaluation.compare import compare as compared
    from sekft.runs.evaluate import stored

    if len(folders) < 2:
        raise UsageError("sekft eval compare: want two folders or more")
    _drawable(pictures is not None)
    report = compared({str(folder): stored(folder) for folder in folders})
    if pictures:
        _draw(pictures, folders)
    print_report(report, as_json)


@app.command(name="import")
@configured()
def bring(
    tasks: Annotated[Path, typer.Argument(help="A JSON list of tasks with `query` and `gold`, as InterCode has them.")],
    out: Out,
    config: ImportConfig,
    as_json: Json = False,
) -> None:
    """Turn shell tasks of another set into held-out scenarios, each served by a provider of ours and gated."""
    from sekft.cli.progress import reporter
    from sekft.folder import Layout
    from sekft.runs.import_tasks import import_tasks

    layout = Layout.of_stage(out)
    with reporter() as progress:
        work(import_tasks(config, tasks, layout, progress), out)
    summary(layout, as_json)


def _drawable(wanted: bool) -> None:
    from sekft.evaluation.charts import drawable

    if wanted and not drawable():
        raise UsageError("--pictures wants vl-convert-python: pip install 'sekft[report]'")


def told_apart(folders: list[Path]) -> dict[str, Path]:
    """Each by the shortest end of its path that no other has: all ends are of as many parts."""
    paths = [folder.resolve() for folder in folders]
    for parts in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-parts:]) for path in paths]
        if len(set(names)) == len(set(paths)):
            break
    return dict(zip(names, folders, strict=True))


def _draw(into: Path, folders: list[Path]) -> None:
    from sekft.evaluation.charts import evaluations
    from sekft.folder import Folder
    from sekft.runs.evaluate import FOLDER, stored

    with Folder(into).writing() as folder:
        for name, picture in evaluations({name: stored(each) for name, each in told_apart(folders).items()}).items():
            file = folder.begin(into / FOLDER / name)
            file.write(picture)
            folder.place(file, into / FOLDER / name)
            typer.echo(f"sekft: {into / FOLDER / name}", err=True)


@configured()
def train(
    data: Annotated[Path, typer.Option("--data", help="An export, one of its files, or a folder of them.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the student; the same command over it resumes.")],
    config: TrainConfig,
    as_json: Json = False,
) -> None:
    """Train a student on an export: loss on what the assistant types and its end token alone."""
    from sekft.cli.progress import reporter
    from sekft.training.train import train as run

    with resumable(out), reporter() as progress:
        trained = run(config, data, out, progress, command())
    say(trained.to_json() if as_json else f"{trained}student: {out}\n")


@configured()
def star(
    scenarios: Annotated[Path, typer.Option("--scenarios", help="Bundles of both splits, or a run folder.")],
    out: Out,
    config: StarConfig,
    as_json: Json = False,
) -> None:
    """Let a student learn from what it does itself: act, keep, pair, train from the base, evaluate, again."""
    from sekft.cli.progress import reporter
    from sekft.folder import load_scenarios
    from sekft.runs.star import star as run

    with resumable(out), reporter() as progress:
        report = run(config, load_scenarios(scenarios), out, progress, lambda stage: work(stage, out))
    print_report(report, as_json)
