"""The command line: the commands, and what every one of them does with an error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from sekft.cli import data, evaluating, learn, look, make, rounds
from sekft.cli.options import EXAMPLES
from sekft.errors import SekftError

COMMANDS: Mapping[str, Callable[..., None]] = {
    "generate": make.generate,
    "rollout": make.rollout,
    "pairs": data.pairs,
    "export": data.export,
    "run": make.run,
    "train": learn.train,
    "star": rounds.star,
    "taxonomy": look.taxonomy,
    "show": look.show,
    "play": look.play,
    "replay": look.replay,
    "audit": data.audit,
    "doctor": look.doctor,
}

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


for _name, _command in COMMANDS.items():
    app.command(_name)(_command)
app.add_typer(evaluating.app, name="eval")


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
