"""The command line: the commands, and what every one of them does with an error."""

from __future__ import annotations

import codecs
import io
import json
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sekft.cli.stopping import INTERRUPTED, heed, leave_if_asked
from sekft.errors import SekftError

EXAMPLES = """
Examples:

\b
  sekft run --n 50 --samples 3 --out demo
      scenarios, rollouts and a summary in one go
  sekft generate --n 200 --seed 7 --out scenarios
      scenarios alone, each proven in a sandbox
  sekft generate --n 20 --where ending=blocked --out blocked
      only some cells (sekft taxonomy lists the axes)
  sekft rollout --scenarios scenarios --out trajectories --samples 3
      let an operator act in them; SEKFT_OP_MODEL names a served model
  sekft train --data demo/export --out student
      a small model that learns from them, on a CPU, too
  sekft show demo
      what a folder holds, and where to look next
  sekft export --trajectories demo --to sft --to atif --out data
      what is kept, as trainers read it, with a data card
  sekft eval --scenarios demo --split heldout --out eval --model smollm2
      what a student can do, axis by axis (extra train)
  sekft audit demo
      what the set is worth; status 1 where it has what no set may have
  sekft play demo/scenarios/ID.json
      land in one of them yourself
  sekft doctor
      what this machine can run, and why not
"""

COMMANDS: Mapping[str, tuple[str, str]] = {
    "generate": ("stages:generate", "Author scenarios and admit those that pass the gate."),
    "rollout": ("stages:rollout", "Let an operator act in fresh sandboxes; judge and record each rollout."),
    "pairs": ("stages:pairs", "Make preference pairs of rollouts, kept against rejected."),
    "export": ("stages:export", "Write kept trajectories and pairs as trainers read them."),
    "run": ("stages:run", "Do all of it: scenarios, rollouts, pairs, and an export to train on."),
    "train": ("stages:train", "Train a student on an export."),
    "star": ("stages:star", "Let a student learn from what it does itself, in rounds."),
    "taxonomy": ("look:taxonomy", "List the axes of variation and their values, which --where takes."),
    "show": ("look:show", "Print a scenario or a trajectory readably, or sum up a folder."),
    "play": ("look:play", "Land in a scenario yourself, and see what it was worth."),
    "replay": ("look:replay", "Type recorded actions again in fresh sandboxes and compare."),
    "audit": ("stages:audit", "Say what a set is worth; exit 1 where it has what no set may have."),
    "doctor": ("look:doctor", "Say what this machine can run, and why not."),
    "eval": ("stages:app", "Measure what an operator can do, axis by axis."),
}
"""Each command's place in this package, and its line in the help. A command's module is imported when it is called."""


class LazyGroup(TyperGroup):
    """The root command; `sekft --help` imports no stage."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(f"sekft.cli.{module}"), name)
        if not isinstance(command, typer.Typer):
            single = typer.Typer(**STYLE)
            single.command(cmd_name)(command)
            command = single
        return typer.main.get_command(command)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("sekft: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


STYLE: dict[str, Any] = {
    "rich_markup_mode": None,
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(
    name="sekft",
    cls=LazyGroup,
    help="Training data for models that operate a shell: scenarios, rollouts in real sandboxes, verdicts from state.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    **STYLE,
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


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What a stream's encoding does not have, as JSON escapes it: `--json` stays JSON under any locale."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def main() -> None:
    """The console command. Exit status: 0 done, 1 could not, 2 wrong usage, 130 interrupted."""
    heed()
    codecs.register_error("sekft", _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="sekft")
    try:
        app(prog_name="sekft")
    except SekftError as error:
        from sekft.cli.running import shown

        typer.echo(f"sekft: error: {shown(str(error))}", err=True)
        sys.exit(error.exit_status)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    finally:
        leave_if_asked()
