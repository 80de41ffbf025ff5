"""A command's options: those that belong to commands, and those that are the fields of a stage's config.

A field's name, default, bounds and help text are declared in its config alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from sekft.errors import UsageError
from sekft.folder.config import Config
from sekft.folder.places import is_remote, placed
from sekft.runs.resources import SandboxedConfig

OUTPUT, INPUT = "Result", "Input"
FOLDER = "FOLDER"


def source(flag: str, help_text: str, metavar: str = FOLDER) -> Any:
    """An option that names what a command reads."""
    return typer.Option(flag, metavar=metavar, help=help_text, rich_help_panel=INPUT)


def result(flag: str, help_text: str, metavar: str | None = FOLDER) -> Any:
    """An option about what a command writes or prints. metavar: None for a switch."""
    return typer.Option(flag, metavar=metavar, help=help_text, rich_help_panel=OUTPUT)


Out = Annotated[Path, result("--out", "Folder to fill. Run the same command to resume.")]
SandboxName = Annotated[
    str, typer.Option("--sandbox", metavar="NAME", help=SandboxedConfig.model_fields["sandbox"].description)
]
Concurrency = Annotated[
    int | None,
    typer.Option("--concurrency", metavar="N", min=1, help=SandboxedConfig.model_fields["concurrency"].description),
]
Trajectories = Annotated[Path, source("--trajectories", "Run folder, or a folder of trajectories.")]
TheirScenarios = Annotated[
    Path | None, source("--scenarios", "Run folder, or a folder of scenarios; default: beside the trajectories.")
]
Json = Annotated[bool, result("--json", "Print the result as JSON on stdout.", None)]
DryRun = Annotated[bool, result("--dry-run", "Estimate the cost. Calls no model and writes nothing.", None)]

Command = Callable[..., None]


def configured(*, without: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Give a command the fields of its config parameters as options; configs that share a field share its option.

    without: fields that keep their defaults. The command is called with its configs built, which raises UsageError
    where a value cannot be meant.
    """

    def decorate(command: Command) -> Command:
        hints = get_type_hints(command, include_extras=True)
        configs = {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Config)}
        parameters = inspect.signature(command).parameters
        given: dict[str, inspect.Parameter] = {}
        for name, parameter in parameters.items():
            own = [_keyword(name, hints[name], parameter.default)]
            for option in _options(configs[name], without) if name in configs else own:
                given.setdefault(option.name, option)

        def chosen(values: dict[str, Any]) -> set[str]:
            """What was given: a default is the config's to choose, which may hang on other options."""
            return {name for name, value in values.items() if value != given[name].default}

        def called(**values: Any) -> None:
            fields = chosen(values)
            built = {
                name: config.of(**{field: values[field] for field in config.model_fields if field in fields})
                for name, config in configs.items()
            }
            command(**{name: built[name] if name in built else _placed(values[name]) for name in parameters})

        called.__name__, called.__doc__ = command.__name__, command.__doc__
        called.__signature__ = inspect.Signature(list(given.values()))  # type: ignore[attr-defined]
        called.__annotations__ = {parameter.name: parameter.annotation for parameter in given.values()}
        return called

    return decorate


def addressed(command: Command) -> Command:
    """The command with addresses where it takes paths, such as s3://bucket/run; see placed."""

    @wraps(command)
    def called(*given: Any, **values: Any) -> None:
        command(*given, **{name: _placed(value) for name, value in values.items()})

    return called


def near(flag: str, path: Path) -> None:
    """Raises UsageError for an address where what is read or written must lie on this machine."""
    if is_remote(path):
        raise UsageError(f"{flag} {path}: an address, want a folder of this machine")


def _placed(value: Any) -> Any:
    if isinstance(value, list):
        return [_placed(each) for each in value]
    return placed(value) if isinstance(value, Path) else value


def _options(config: type[Config], without: tuple[str, ...]) -> Iterator[inspect.Parameter]:
    """A config's own fields before those that it shares with others."""
    names = sorted(config.model_fields, key=lambda name: name not in config.__annotations__)
    for name, field in ((name, config.model_fields[name]) for name in names):
        if name not in without:
            kind, default = _spoken(field)
            least: Any = next((bound.ge for bound in field.metadata if isinstance(bound, Ge)), None)
            most: Any = next((bound.le for bound in field.metadata if isinstance(bound, Le)), None)
            option = typer.Option(
                *config.flags(name),
                help=field.description,
                min=least,
                max=most,
                metavar=config.metavar(name) or _metavar(field.annotation),
                rich_help_panel=config.heading_of(name),
            )
            yield _keyword(name, Annotated[kind, option], default)


def _spoken(field: FieldInfo) -> tuple[Any, Any]:
    """The type and default that typer takes: several values are a list, one of a few words is a text."""
    kind, default = field.annotation, field.get_default(call_default_factory=True, validated_data={})
    optional = get_origin(kind) in (Union, UnionType)
    if optional:
        (kind,) = (part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is tuple:
        return list[get_args(kind)[0]] | None, default or None  # type: ignore[misc]
    if get_origin(kind) is Literal:
        kind = str
    return (kind | None if optional else kind), default  # type: ignore[operator]


def _metavar(kind: object) -> str | None:
    """What the help calls a value of this type: the words of a Literal, N, X, FILE or TEXT; None for a switch."""
    parts = (kind, *get_args(kind))
    if words := next((part for part in parts if get_origin(part) is Literal), None):
        return "|".join(get_args(words))
    names = {bool: None, int: "N", float: "X", Path: "FILE"}
    return next((names[part] for part in parts if part in names), "TEXT")


def _keyword(name: str, kind: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
