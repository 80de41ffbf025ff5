"""What an operator can do, and what differs between operators."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.data import tell
from sekft.cli.options import Acting, Concurrency, Json, Out, Samples, SandboxName, Seed, Spending, flat
from sekft.cli.running import report_broken, say, summary, work
from sekft.errors import UsageError

SAMPLED = 0.7
"""The temperature where there are several samples and none is named."""

app = typer.Typer(
    rich_markup_mode=None, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)


@dataclass(frozen=True, slots=True)
class Evaluated(Acting):
    """An operator in the form in which it is deployed: no scaffold, greedy, one rollout of each scenario."""

    samples: Samples = 1


@app.callback()
@flat
def evaluate(
    context: typer.Context,
    acting: Evaluated,
    spending: Spending,
    scenarios: Annotated[Path | None, typer.Option("--scenarios", help="Folder of bundles, or a run folder.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for rollouts and report; the same command over it resumes.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Of the scenarios: train or heldout; default both.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--most", min=1, help="Of the scenarios, so many: the first by id.")
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Draw the report, too (extra report).")] = False,
    seed: Seed = 0,
    sandbox: SandboxName = "auto",
    concurrency: Concurrency = None,
    as_json: Json = False,
) -> None:
    """Measure what an operator can do, axis by axis: in deploy form and greedy, unless told otherwise."""
    if context.invoked_subcommand is not None:
        return None
    if scenarios is None or out is None:
        raise UsageError("sekft eval wants --scenarios and --out (or: sekft eval compare A B)")
    _drawable(pictures)
    from sekft.cli.progress import reporter
    from sekft.folder import Layout
    from sekft.runs import plans
    from sekft.runs.estimate import told
    from sekft.runs.evaluate import examine, taken
    from sekft.runs.pipeline import load_scenarios

    bundles = taken(load_scenarios(scenarios), split, most)
    with reporter() as progress:
        plan = plans.rolling(progress.note, deployed(acting), seed, sandbox, concurrency, spending)
        if spending.dry_run:
            return say(told(None, plan, bundles, Layout.of_stage(out), as_json))
        found = work(examine(plan, bundles, out, progress), out)
    if pictures:
        _draw(out, [out])
    tell(found, as_json)
    return report_broken(found.missing, Layout.of_stage(out))


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
    found = compared({str(folder): stored(folder) for folder in folders})
    if pictures:
        _draw(pictures, folders)
    tell(found, as_json)


@app.command(name="import")
def bring(
    tasks: Annotated[Path, typer.Argument(help="A JSON list of tasks with `query` and `gold`, as InterCode has them.")],
    out: Out,
    files: Annotated[
        Path | None, typer.Option("--files", help="Folder with what the tasks are about: FILES/testbed for /testbed.")
    ] = None,
    seed: Seed = 0,
    sandbox: SandboxName = "auto",
    concurrency: Concurrency = None,
    as_json: Json = False,
) -> None:
    """Turn shell tasks of another set into held-out scenarios, each served by a provider of ours and gated."""
    from sekft.cli.progress import reporter
    from sekft.folder import Layout
    from sekft.runs.import_tasks import Import, import_tasks
    from sekft.runs.plans import default_concurrency

    layout = Layout.of_stage(out)
    with reporter() as progress:
        plan = Import(tasks, files, seed, sandbox, concurrency or default_concurrency())
        work(import_tasks(plan, layout, progress), out)
    summary(layout, as_json)


def deployed(acting: Acting) -> Acting:
    """No scaffold but one that is named; greedy, but for several samples."""
    temperature = SAMPLED if acting.samples > 1 else 0.0
    return replace(
        acting,
        no_scaffold=acting.scaffold is None,
        temperature=temperature if acting.temperature is None else acting.temperature,
    )


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
