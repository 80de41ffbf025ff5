"""The command line: the commands, and what every one of them does with an error."""

from __future__ import annotations

import codecs
import gc
import io
import json
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any, NamedTuple, cast

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
    environment: Sequence[tuple[str, str]] = ()


OPERATOR = (
    ("SEKFT_OP_MODEL", "Served model that acts; if set, --operator defaults to model."),
    ("SEKFT_OP_URL", "Its OpenAI-compatible endpoint; default: SEKFT_URL, else http://localhost:4000/v1."),
    ("SEKFT_OP_KEY", "Its key, if it wants one; default: SEKFT_KEY."),
    ("SEKFT_OP_PRICE", "US dollars per million prompt and answer tokens, as 0.5/1.5, if it reports no cost."),
)
AUTHOR = (
    ("SEKFT_MODEL", "Served model that authors; if set, --author defaults to teacher."),
    ("SEKFT_URL", "Its OpenAI-compatible endpoint; default: http://localhost:4000/v1."),
    ("SEKFT_KEY", "Its key, if it wants one."),
    ("SEKFT_PRICE", "US dollars per million prompt and answer tokens, as 0.5/1.5, if it reports no cost."),
)
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
        (*OPERATOR, *AUTHOR),
    ),
    "generate": Command(
        "stages:generate",
        MAKE,
        "Author scenarios; admit those that pass the gate.",
        [
            ("sekft generate --n 200 --seed 7 --out scenarios", "each is proven in a sandbox"),
            ("sekft generate --n 20 --where ending=blocked --out blocked", "some cells only; see sekft taxonomy"),
        ],
        AUTHOR,
    ),
    "rollout": Command(
        "stages:rollout",
        MAKE,
        "Let an operator act in scenarios; judge and record each rollout.",
        [
            ("sekft rollout --scenarios scenarios --out trajectories", "by the explorer, 3 rollouts each"),
            ("SEKFT_OP_MODEL=qwen2.5:32b sekft rollout --scenarios scenarios --out qwen", "by a served model"),
        ],
        OPERATOR,
    ),
    "pairs": Command(
        "stages:pairs",
        MAKE,
        "Pair kept rollouts with rejected ones, for preference training.",
        [("sekft pairs --trajectories demo", "into demo/pairs")],
        OPERATOR,
    ),
    "correct": Command(
        "stages:correct",
        MAKE,
        "Let an expert take over failed rollouts where they went wrong.",
        [("sekft correct --trajectories evaluated --out corrected", "a student's, by the explorer")],
        OPERATOR,
    ),
    "export": Command(
        "stages:export",
        MAKE,
        "Write kept trajectories and pairs in the formats of common trainers.",
        [
            ("sekft export --trajectories demo --out data", "SFT rows, preference pairs and a data card"),
            ("sekft export --trajectories demo --to atif --out atif", "one form only"),
        ],
    ),
    "merge": Command(
        "folders:merge",
        MAKE,
        "Merge run folders that were made with the same settings.",
        [("sekft merge one two --out both", "each document once; resumes")],
    ),
    "compact": Command(
        "folders:compact",
        MAKE,
        "Turn a folder's single files into shards, or back.",
        [
            ("sekft compact demo", "few files instead of one a document; every command reads both"),
            ("sekft compact demo --to files", "one file a document again"),
        ],
    ),
    "push": Command(
        "hub:push",
        MAKE,
        "Upload an export to the Hub as a data set.",
        [
            ("sekft push demo/export OWNER/NAME", "show what would be uploaded"),
            ("sekft push demo/export OWNER/NAME --yes", "upload it"),
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
        "Measure an operator, overall and by axis value.",
        [
            ("sekft eval --scenarios demo --split heldout --model student --out evaluated", "a trained student"),
            ("sekft eval compare evaluated/before evaluated/after", "significant differences"),
        ],
        OPERATOR,
    ),
    "serve": Command(
        "hub:serve",
        LEARN,
        "Serve scenarios as environments over HTTP.",
        [("sekft serve demo --split train", "reset and step for trainers; docs/environments.md")],
    ),
    "star": Command(
        "stages:star",
        LEARN,
        "Run self-training: a student learns from its own kept rollouts, in rounds.",
        [("sekft star --scenarios demo --student student --out rounds", "three rounds, each evaluated")],
    ),
    "show": Command(
        "look:show",
        LOOK,
        "Print a scenario, trajectory or pair readably, or sum up a folder.",
        [
            ("sekft show demo", "a summary, and commands to try next"),
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
        "Play a scenario yourself and see the verdict.",
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
    "verify": Command(
        "hub:verify",
        LOOK,
        "Verify a published set again; exit 1 if something does not hold.",
        [("sekft verify demo/export", "20 of its scenarios, through the gate")],
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
    """A help text that lists options in groups, then the environment, then examples."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        command = COMMANDS.get(self.name or "")  # type: ignore[attr-defined]
        if command and command.environment:
            with formatter.section("Environment"):
                formatter.write_dl(command.environment)
        if command:
            _write_examples(formatter, command.examples)

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
            from sekft.cli.options import addressed

            single = typer.Typer(**STYLE)
            single.command(cmd_name, cls=GroupedCommand)(addressed(command))
            command = single
        built = typer.main.get_command(command)
        built.name = cmd_name
        return built

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Suggest commands that begin like what was typed, or are spelt much like it."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = [name for name in COMMANDS if name.startswith(args[0])] or get_close_matches(args[0], COMMANDS)
            ctx.fail(f"No such command {args[0]!r}" + (f"; did you mean {' or '.join(near)}?" if near else "."))
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        _write_examples(formatter, [each.examples[0] for each in COMMANDS.values()])

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


def _write_examples(formatter: Any, rows: Sequence[tuple[str, str]]) -> None:
    """The end of a help text. A command that is too long goes on in the next line, as a shell takes it."""
    with formatter.section("Examples"):
        for line, what in rows:
            formatter.write(f"  {folded(line, formatter.width - 2)}\n")
            formatter.write(
                textwrap.fill(what, formatter.width, initial_indent=" " * 6, subsequent_indent=" " * 6) + "\n"
            )


def folded(command: str, width: int) -> str:
    """The command in lines of at most so many characters, where its options allow it."""
    lines = [""]
    for part in re.split(r"(?= --)", command):
        if lines[-1] and len(lines[-1] + part) > width - 2:
            lines.append(f"     {part}")
        else:
            lines[-1] += part
    return " \\\n".join(lines)


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


_Misused = cast(type[Exception], typer.BadParameter.__bases__[0])
"""What typer raises for a command line that it cannot read."""


def _tell_usage(error: Any) -> None:
    """Every error begins alike, whoever finds it. `sekft` alone shows its help."""
    if error.message.startswith("Usage:"):
        error.show()
        return
    usage = f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help' for help.\n\n" if error.ctx else ""
    typer.echo(f"{usage}sekft: error: {error.format_message()}", err=True)


def main() -> None:
    """The console command. Exit status: 0 done, 1 could not, 2 wrong usage, 130 interrupted."""
    heed()
    codecs.register_error("sekft", _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="sekft")
    try:
        status = app(prog_name="sekft", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except _Misused as error:
        _tell_usage(error)
        sys.exit(2)
    except SekftError as error:
        from sekft.cli.running import shown

        typer.echo(f"sekft: error: {shown(str(error))}", err=True)
        sys.exit(error.exit_status)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    finally:
        leave_if_asked()
        gc.freeze()  # what a command leaves behind is not collected once more before its process ends: 0.1 s
