"""The command line. Every command imports what it needs when it runs, so that help is instant."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from sekft.errors import SekftError, UsageError
from sekft.options import (
    EXAMPLES,
    Acting,
    Concurrency,
    Drawing,
    Json,
    NoSandbox,
    Out,
    SandboxName,
    Seed,
    Spending,
    flat,
)

if TYPE_CHECKING:
    from sekft.store import Layout

T = TypeVar("T")
INTERRUPTED = 130

app = typer.Typer(
    name="sekft",
    help="Training data for models that operate a shell: scenarios, rollouts in real sandboxes, verdicts from state.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        import sekft

        typer.echo(sekft.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_tell_version)
    ] = False,
) -> None:
    del version


@app.command()
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
    from sekft import plans
    from sekft.estimate import told
    from sekft.pipeline import generate as stage
    from sekft.progress import reporter
    from sekft.store import Layout

    layout = Layout.found(out)
    with reporter() as progress:
        plan = plans.generation(progress.note, drawing, seed, sandbox, no_sandbox, concurrency, spending)
        if spending.dry_run:
            return _print(told(plan, None, (), layout, as_json))
        _work(stage(plan, layout, progress), out)
    return _summary(layout, as_json)


@app.command()
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
    from sekft import plans
    from sekft.estimate import told
    from sekft.pipeline import load_scenarios, roll
    from sekft.progress import reporter
    from sekft.store import Layout

    layout, bundles = Layout.found(out), load_scenarios(scenarios)
    with reporter() as progress:
        plan = plans.rolling(progress.note, acting, seed, sandbox, concurrency, spending)
        if spending.dry_run:
            return _print(told(None, plan, bundles, layout, as_json))
        broken = _work(roll(plan, bundles, layout, progress), out)
    _summary(layout, as_json, scenarios)
    return _report_broken(broken, layout)


@app.command()
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
    """Generate, roll out, verify and record in one go, into one run folder."""
    from sekft import plans
    from sekft.estimate import told
    from sekft.pipeline import generate as author_stage
    from sekft.pipeline import load_scenarios, roll
    from sekft.progress import reporter
    from sekft.store import Layout

    layout = Layout.of_run(out)
    with reporter() as progress:
        authoring = plans.generation(progress.note, drawing, seed, sandbox, False, concurrency, spending)
        rolling = plans.rolling(progress.note, acting, seed, sandbox, concurrency, spending)
        if spending.dry_run:
            return _print(told(authoring, rolling, (), layout, as_json))
        _work(author_stage(authoring, layout, progress), out)
        broken = _work(roll(rolling, load_scenarios(out), layout, progress), out)
    _summary(layout, as_json)
    return _report_broken(broken, layout)


@app.command("taxonomy")
def taxonomy_(
    axis: Annotated[str | None, typer.Argument(help="One axis, with its briefs.")] = None, as_json: Json = False
) -> None:
    """The axes of variation and their values: what --where takes."""
    from sekft.taxonomy_text import as_data, as_text

    _print(as_data(axis) if as_json else as_text(axis))


@app.command()
def show(
    path: Annotated[Path, typer.Argument(help="A scenario, a trajectory, a rejected draw, or a folder of them.")],
    form: Annotated[str, typer.Option("--as", help="text, or messages: a trajectory's deploy form.")] = "text",
    as_json: Json = False,
) -> None:
    """Print a scenario or a trajectory readably, or sum up a folder."""
    from sekft.pipeline import look
    from sekft.screen import write
    from sekft.show import show as rendered
    from sekft.store import Layout, completed

    if form not in ("text", "messages"):
        raise UsageError(f"--as {form}: want text or messages")
    path = completed(path)
    if path.is_dir():
        _summary(Layout.found(path), as_json)
    else:
        write(path.read_text(encoding="utf-8") if as_json else rendered(path, form, look))


@app.command()
def play(
    scenario: Annotated[Path, typer.Argument(help="A scenario's file; FOLDER/ID or the beginning of the ID will do.")],
    out: Annotated[Path, typer.Option("--out", help="Run folder that keeps the session.")] = Path("played"),
    sandbox: SandboxName = "auto",
    as_json: Json = False,
) -> None:
    """Land in a scenario yourself: type, end with exit or panic, see what it was worth."""
    from contextlib import nullcontext, redirect_stdout

    from sekft.pipeline import backend
    from sekft.play import edit_lines
    from sekft.play import play as session
    from sekft.scenario import load_scenario
    from sekft.store import Layout, completed

    path = completed(scenario)
    if path.is_dir():
        raise UsageError(f"{path}: a folder, want one scenario of it: {path}/ID, or the beginning of an ID")
    bundle, chosen = load_scenario(path), backend(sandbox)
    edit_lines()
    try:
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            made = session(bundle, Layout.of_run(out), chosen)
    except KeyboardInterrupt:
        typer.echo("sekft: interrupted; nothing is recorded", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        _print(made.to_json())


@app.command()
def replay(
    path: Annotated[Path, typer.Argument(help="A trajectory, or a folder of them.")],
    scenarios: Annotated[
        Path | None, typer.Option("--scenarios", help="Their bundles, or one with a mended checker.")
    ] = None,
    recheck: Annotated[
        bool, typer.Option("--recheck", help="Tell today's outcome beside the recorded one, whatever else differs.")
    ] = False,
    sandbox: SandboxName = "auto",
    concurrency: Concurrency = None,
    as_json: Json = False,
) -> None:
    """Type recorded actions again in fresh sandboxes; compare outputs, ending and final state."""
    from sekft.pipeline import backend
    from sekft.plans import default_concurrency
    from sekft.replay import as_data, as_text, found, replay_all

    rows = found(path, scenarios)
    done = _work(replay_all(rows, backend(sandbox), concurrency or default_concurrency()), path)
    _print(as_data(done) if as_json else as_text(done, recheck))
    if not recheck and any(replayed.difference for _, _, replayed in done):
        raise typer.Exit(1)


@app.command("audit")
def audit_(
    folder: Annotated[Path, typer.Argument(help="A run folder, or one that `sekft generate` filled.")],
    as_json: Json = False,
) -> None:
    """Say what a set is worth; status 1 where it has what no set may have, with the files."""
    from sekft.audit import audit, render
    from sekft.store import Layout

    found = audit(Layout.found(folder))
    _print(found.model_dump_json(indent=1) + "\n" if as_json else render(found))
    if found.broken:
        raise typer.Exit(1)


@app.command()
def doctor(
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Run the backend's own test in real sandboxes.")
    ] = False,
    setup: Annotated[
        bool, typer.Option("--setup", help="Build what is missing: the runner and the userlands.")
    ] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Remove what killed runs left: containers that never started, old images.")
    ] = False,
    sandbox: SandboxName = "auto",
    as_json: Json = False,
) -> None:
    """Say what this machine can run, and why not."""
    from sekft.doctor import as_data, as_text, examine

    findings = examine(sandbox, self_test=self_test, setup=setup, clean=clean)
    _print(as_data(findings) if as_json else as_text(findings))
    if not all(finding.ok for finding in findings if finding.needed):
        raise typer.Exit(1)


def _work(stage: Coroutine[Any, Any, T], out: Path) -> T:
    """Run a stage to its end, or stop cleanly at Ctrl-C and SIGTERM alike."""
    import asyncio
    import signal

    async def interruptible() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await stage

    try:
        return asyncio.run(interruptible())
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo(f"sekft: interrupted; what was done is kept in {out}: the same command goes on from there", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _summary(layout: Layout, as_json: bool, scenarios: Path | None = None) -> None:
    from sekft.pipeline import load_scenarios
    from sekft.summary import render, summarise

    found = summarise(layout, load_scenarios(scenarios) if scenarios else None)
    _print(found.model_dump_json(indent=1) + "\n" if as_json else render(found))


def _report_broken(broken: int, layout: Layout) -> None:
    if broken:
        raise SekftError(
            f"{broken} rollouts met an infra error (see {layout.errors}); the others are kept: "
            "run the same command again to redo these"
        )


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> None:
    """The console command. Exit status: 0 done, 1 could not, 2 wrong usage, 130 interrupted."""
    try:
        app(prog_name="sekft")
    except SekftError as error:
        typer.echo(f"sekft: error: {error}", err=True)
        sys.exit(error.exit_status)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
