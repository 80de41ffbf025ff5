"""The command line: the commands, and what every one of them does with an error."""

from __future__ import annotations

import codecs
import io
import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from sekft.cli.stopping import INTERRUPTED, heed, leave_if_asked
from sekft.errors import SekftError


class Command(NamedTuple):
    """place: module and name in this package; the module is imported when the command is called."""

    place: str
    group: str
    line: str
    examples: Sequence[tuple[str, str]]


MAKE, LEARN, LOOK = "Make a data set", "Train and evaluate", "Look and check"
COMMANDS: Mapping[str, Command] = {
    "run": Command(
        "stages:run",
        MAKE,
        "Make scenarios, rollouts, pairs and an export in one go.",
        [
            ("sekft run --n 50 --out demo", "50 scenarios, the scripted explorer acts 3 times in each"),
            ("sekft run --n 50 --out demo --dry-run", "what models would cost"),
        ],
    ),
    "generate": Command(
        "stages:generate",
        MAKE,
        "Author scenarios; admit those that pass the gate.",
        [
            ("sekft generate --n 200 --seed 7 --out scenarios", "each is proven in a sandbox"),
            ("sekft generate --n 20 --where ending=blocked --out blocked", "some cells only; see sekft taxonomy"),
        ],
    ),
    "rollout": Command(
        "stages:rollout",
        MAKE,
        "Let an operator act in scenarios; judge and record each rollout.",
        [
            ("sekft rollout --scenarios scenarios --out trajectories", "by the explorer, 3 rollouts each"),
            ("SEKFT_OP_MODEL=qwen2.5:32b sekft rollout --scenarios scenarios --out qwen", "by a served model"),
        ],
    ),
    "pairs": Command(
        "stages:pairs",
        MAKE,
        "Pair kept rollouts with rejected ones, for preference training.",
        [("sekft pairs --trajectories demo", "into demo/pairs")],
    ),
    "export": Command(
        "stages:export",
        MAKE,
        "Write kept trajectories and pairs as trainers read them.",
        [
            ("sekft export --trajectories demo --out data", "SFT rows, preference pairs and a data card"),
            ("sekft export --trajectories demo --to atif --out atif", "one form only"),
        ],
    ),
    "train": Command(
        "stages:train",
        LEARN,
        "Train a student on an export.",
        [("sekft train --data demo/export --out student", "SFT of SmolLM2-135M, on a CPU or a GPU")],
    ),
    "eval": Command(
        "stages:app",
        LEARN,
        "Measure what an operator can do, axis by axis.",
        [
            ("sekft eval --scenarios demo --split heldout --model student --out evaluated", "a trained student"),
            ("sekft eval compare evaluated/before evaluated/after", "what differs beyond chance"),
        ],
    ),
    "star": Command(
        "stages:star",
        LEARN,
        "Let a student learn from its own kept rollouts, in rounds.",
        [("sekft star --scenarios demo --student student --out rounds", "three rounds, each evaluated")],
    ),
    "show": Command(
        "look:show",
        LOOK,
        "Print a scenario, trajectory or pair readably, or sum up a folder.",
        [
            ("sekft show demo", "what the folder holds, and where to look next"),
            ("sekft show demo/trajectories/ID/explorer-0.json", "one rollout as on a terminal"),
        ],
    ),
    "view": Command(
        "view:view",
        LOOK,
        "Read runs in a browser.",
        [
            ("sekft view demo", "a page on this machine alone; the address is printed"),
            ("sekft view before after --scenarios demo", "two evaluations, to be set side by side"),
        ],
    ),
    "report": Command(
        "view:report",
        LOOK,
        "Write a run as one page to pass on, or as a log for inspect.",
        [
            ("sekft report demo --out demo.html", "opens from disk, needs nothing else"),
            ("sekft report demo --out demo.eval", "for `inspect view`"),
        ],
    ),
    "play": Command(
        "look:play",
        LOOK,
        "Land in a scenario yourself, and see the verdict.",
        [("sekft play demo/scenarios/ID.json", "type; end with exit or panic")],
    ),
    "replay": Command(
        "look:replay",
        LOOK,
        "Type recorded actions again in fresh sandboxes and compare.",
        [("sekft replay demo", "outputs, endings and final states")],
    ),
    "audit": Command(
        "stages:audit",
        LOOK,
        "Measure the quality of a set; exit 1 if it fails a requirement.",
        [("sekft audit demo", "balance, novelty, leaks, verdicts")],
    ),
    "taxonomy": Command(
        "look:taxonomy",
        LOOK,
        "List the axes of variation and their values.",
        [("sekft taxonomy ending", "one axis, with what each value means")],
    ),
    "doctor": Command(
        "look:doctor",
        LOOK,
        "Check what this machine can run.",
        [("sekft doctor --setup", "build what is missing")],
    ),
}


class _Grouped:
    """A help text that lists options in groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):  # type: ignore[attr-defined]
            group = "Arguments" if parameter.param_type_name == "argument" else _group(parameter)
            if (record := parameter.get_help_record(ctx)) is not None:
                groups.setdefault(group, []).append(record)
        for group in sorted(
            groups, key=lambda name: (name != "Arguments", name != "Input", name == "Result", name == "Options")
        ):
            with formatter.section(group):
                formatter.write_dl(groups[group])


def _group(parameter: Any) -> str:
    return getattr(parameter, "rich_help_panel", None) or "Options"


class GroupedCommand(_Grouped, TyperCommand):
    """A command."""


class GroupedGroup(_Grouped, TyperGroup):
    """A command that has commands of its own."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, (command.help or "").partition("\n")[0]) for name, command in self.commands.items()]
            )


class LazyGroup(TyperGroup):
    """The root command; `sekft --help` imports no stage."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].place.partition(":")
        command = getattr(import_module(f"sekft.cli.{module}"), name)
        if not isinstance(command, typer.Typer):
            single = typer.Typer(**STYLE)
            single.command(cmd_name, cls=GroupedCommand)(command)
            command = single
        built = typer.main.get_command(command)
        built.epilog = examples(COMMANDS[cmd_name].examples)
        return built

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("sekft: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for group in (MAKE, LEARN, LOOK):
            with formatter.section(group):
                formatter.write_dl([(name, each.line) for name, each in COMMANDS.items() if each.group == group])


def examples(rows: Sequence[tuple[str, str]]) -> str:
    """The end of a help text, which click does not wrap."""
    return "Examples:\n\n\b\n" + "\n".join(f"  {line}\n      {what}" for line, what in rows)


STYLE: dict[str, Any] = {
    "rich_markup_mode": None,
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(
    name="sekft",
    cls=LazyGroup,
    help="Make training data for models that operate a shell: scenarios, real rollouts, verified verdicts.",
    epilog=examples([each.examples[0] for each in COMMANDS.values()]),
    no_args_is_help=True,
    **STYLE | {"add_completion": True},
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
