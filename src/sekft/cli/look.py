"""What reads a folder, lands in a scenario or types a trajectory again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.options import Concurrency, Json, SandboxName
from sekft.cli.running import say, summary, work
from sekft.cli.stopping import INTERRUPTED
from sekft.cli.tables import print_tables, write
from sekft.errors import BundleError, UsageError
from sekft.folder import HIDDEN, Layout
from sekft.folder.entries import Entry, entries, entry_at
from sekft.report import Table
from sekft.scenario import load_scenario
from sekft.taxonomy import Axis, load

FOLDERS_SHOWN = 4
AMBIGUOUS_SHOWN = 4


def taxonomy(
    axis: Annotated[str | None, typer.Argument(help="Show only this axis, and describe its values.")] = None,
    as_json: Json = False,
) -> None:
    """List the axes of variation and their values, which --where takes."""

    axes = load().axes
    if axis is not None and axis not in axes:
        raise UsageError(f"no axis {axis!r}; known axes: {', '.join(axes)}")
    chosen = list(axes.values()) if axis is None else [axes[axis]]
    body = {each.name: {"brief": each.brief, "values": _values(each)} for each in chosen}
    every = Table(("axis", "values"), [(each.name, ", ".join(each.values)) for each in chosen])
    table = every if axis is None else _axis_table(axes[axis])
    print_tables([table], json.dumps(body, indent=1, ensure_ascii=False) + "\n", as_json)


def _axis_table(axis: Axis) -> Table:

    total = sum(value.weight for value in axis.values.values())
    rows = [
        (
            value.name,
            f"{value.weight / total:.0%}",
            value.brief,
            "; ".join(f"{other} = {' or '.join(sorted(barred))}" for other, barred in value.excludes.items()),
        )
        for value in axis.values.values()
    ]
    return Table(("value", "share", "what it is", "never with"), rows, f"{axis.name}: {axis.brief}")


def _values(axis: Axis) -> dict[str, dict[str, object]]:
    return {
        value.name: {
            "weight": value.weight,
            "brief": value.brief,
            "excludes": {other: sorted(barred) for other, barred in value.excludes.items()},
        }
        for value in axis.values.values()
    }


def show(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Scenarios, trajectories, rejected drafts, files of rows, or folders."),
    ],
    form: Annotated[
        str, typer.Option("--as", metavar="text|messages", help="Show a trajectory as text, or in deploy form.")
    ] = "text",
    row: Annotated[
        int, typer.Option("--row", metavar="N", min=1, help="Show row N of pairs.jsonl or of an export's file.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Print a scenario, a trajectory or a row readably, or sum up a folder: a run, a data set, pairs, a student."""
    from sekft.cli.delivered import delivered, onward
    from sekft.cli.show import look, rollouts_text
    from sekft.cli.show import show as rendered

    if form not in ("text", "messages"):
        raise UsageError(f"--as {form}: want text or messages")
    for path in map(completed, paths):
        if report := delivered(path):
            print_tables([*report.tables, *onward(path)], report.to_json(), as_json)
        elif rollouts := _of_one_scenario(path):
            write(rollouts_text(path, rollouts))
        elif path.is_dir():
            _summed(path, as_json)
        elif entry := entry_at(path):
            write(entry.text() if as_json else rendered(entry, form, look, row))


def _of_one_scenario(path: Path) -> list[Entry]:
    """The rollouts in a folder of one scenario's, which need not be there where they lie in shards."""
    name = "*-*.json"
    own = path.is_dir() and next(entries(path, name), None) is not None
    return list(entries(path.parent, f"*/{name}", f"{path.name}/")) if own or not path.exists() else []


def _summed(path: Path, as_json: bool) -> None:
    """Raises UsageError for a folder of other things."""
    from sekft.cli.show import WANTED

    layout = Layout.found(path)
    ours = (path / HIDDEN).is_dir()
    if not ours and not any(
        next(each, None) for each in (layout.bundles(), layout.rollouts(), entries(layout.rejected))
    ):
        folders = sorted(str(each.parent) for each in path.glob(f"*/{HIDDEN}"))[:FOLDERS_SHOWN]
        there = f"; there is {', '.join(folders)}" if folders else ""
        raise UsageError(f"{path}: a folder that holds nothing of sekft's; want {WANTED}{there}")
    try:
        summary(layout, as_json)
    except BundleError as error:
        raise error if ours else BundleError(f"{error}; want {WANTED}") from error


def play(
    scenario: Annotated[Path, typer.Argument(help="Scenario file; FOLDER/ID or the beginning of the ID is enough.")],
    out: Annotated[Path, typer.Option("--out", help="Run folder that keeps the session.")] = Path("played"),
    sandbox: SandboxName = "auto",
    as_json: Json = False,
) -> None:
    """Play a scenario yourself: type commands, end with exit or panic, and see the verdict."""
    from contextlib import nullcontext, redirect_stdout

    from sekft.cli.play import edit_lines
    from sekft.cli.play import play as session
    from sekft.sandboxes import pick

    path = completed(scenario)
    if path.is_dir():
        raise UsageError(f"{path}: a folder, want one scenario of it: {path}/ID, or the beginning of an ID")
    entry = entry_at(path)
    bundle, chosen = entry.scenario() if entry else load_scenario(path), pick(sandbox)
    edit_lines()
    try:
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            made = session(bundle, Layout.of_run(out), chosen, path.parent)
    except KeyboardInterrupt:
        typer.echo("sekft: interrupted; nothing is recorded", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        say(made.to_json())


def replay(
    path: Annotated[Path, typer.Argument(help="A trajectory, or a folder of them.")],
    scenarios: Annotated[
        Path | None,
        typer.Option("--scenarios", help="Folder of their scenarios, or one scenario with a corrected checker."),
    ] = None,
    recheck: Annotated[
        bool,
        typer.Option("--recheck", help="Print today's outcome beside the recorded one, and ignore other differences."),
    ] = False,
    sandbox: SandboxName = "auto",
    concurrency: Concurrency = None,
    as_json: Json = False,
) -> None:
    """Type recorded actions again in fresh sandboxes, and compare outputs, ending and final state."""
    from sekft.runs.library import find_recorded, replay_all, replay_json, replay_table
    from sekft.runs.resources import default_concurrency
    from sekft.sandboxes import pick

    rows = find_recorded(path, scenarios)
    done = work(replay_all(rows, pick(sandbox), concurrency or default_concurrency()), path)
    print_tables([replay_table(done, recheck)], replay_json(done), as_json)
    if not recheck and any(replayed.difference for _, _, replayed in done):
        raise typer.Exit(1)


def doctor(
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Run the backend's own test in real sandboxes.")
    ] = False,
    setup: Annotated[
        bool, typer.Option("--setup", help="Build what is missing: the runner and the userlands.")
    ] = False,
    clean: Annotated[
        bool,
        typer.Option("--clean", help="Remove leftovers of killed runs: containers that never started, old images."),
    ] = False,
    sandbox: SandboxName = "auto",
    as_json: Json = False,
) -> None:
    """Check what this machine can run, and say what is missing."""
    from sekft.cli.doctor import as_data, examine, table

    findings = examine(sandbox, self_test=self_test, setup=setup, clean=clean)
    print_tables([table(findings)], as_data(findings), as_json)
    if not all(finding.ok for finding in findings if finding.needed):
        raise typer.Exit(1)


def completed(path: Path) -> Path:
    """The path, or the one document there, or in scenarios/ there, whose name begins with its last part.

    Raises UsageError when none does, or several do.
    """
    if path.exists() or entry_at(path) or _of_one_scenario(path):
        return path
    places = (path.parent, path.parent / "scenarios")
    found = [each for place in places for each in entries(place, beginning=path.name)]
    if len(found) != 1:
        names = ", ".join(each.stem for each in found[:AMBIGUOUS_SHOWN])
        raise UsageError(f"{path}: " + (f"begins {len(found)} names: {names} …" if found else "no such file or folder"))
    return found[0].path
