"""Text for a terminal: rules, tables, emphasis. plain() takes the emphasis off for pipes and files."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

from pydantic import BaseModel

from sekft.report import Report, Table
from sekft.report import text as as_text

T = TypeVar("T")
WIDTH = 80
_EMPHASIS = re.compile(r"\x1b\[\d+m")
_PICTURES = (
    {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
    | {0x7F: 0x2421}
    | dict.fromkeys((*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)  # C1; bidi overrides
)

_IN_ASCII = str.maketrans("─━│–—·", "-=|--.") | {ord("→"): "->", ord("…"): "..."}


def visible(text: str) -> str:
    """Control characters as their pictures: recorded bytes must not drive the reader's terminal."""
    return text.translate(_PICTURES)


def one_line(text: str) -> str:
    """The same for a name: a line end in it is a picture, too."""
    return visible(text).replace("\n", "\u240a").replace("\t", "\u2409")


def all_visible(value: T) -> T:
    """A noun with every text in it made visible, whatever the field."""
    if isinstance(value, str):
        return cast(T, visible(value))
    if isinstance(value, BaseModel):
        fields = {name: all_visible(getattr(value, name)) for name in type(value).model_fields}
        return cast(T, value.model_copy(update=fields))
    if isinstance(value, dict):
        return cast(T, {all_visible(name): all_visible(held) for name, held in value.items()})
    return cast(T, [all_visible(held) for held in value]) if isinstance(value, list) else value


def bold(text: str) -> str:
    return _marked(text, 1)


def dim(text: str) -> str:
    return _marked(text, 2)


def good(text: str) -> str:
    return _marked(text, 32)


def bad(text: str) -> str:
    return _marked(text, 31)


def _marked(text: str, code: int) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if text else ""


def plain(text: str) -> str:
    return _EMPHASIS.sub("", text)


def write(text: str) -> None:
    """Print to stdout as it is now, with emphasis on a terminal alone (and not where NO_COLOR is set)."""
    sys.stdout.write(_drawable(text if _emphatic() else plain(text)))
    sys.stdout.flush()


def print_report(report: Report, as_json: bool) -> None:
    """A command's result on stdout."""
    print_tables(report.tables, report.to_json(), as_json)


def print_tables(tables: Sequence[Table], json_body: str, as_json: bool) -> None:
    """The same of what is no Report; emphasis is for a terminal alone."""
    here = [replace(table, commands=[*map(_as_typed_here, table.commands)]) for table in tables]
    sys.stdout.write(json_body if as_json else _drawable(as_text(here, emphasis=_emphatic())))
    sys.stdout.flush()


def _as_typed_here(command: str) -> str:
    """With the path of this very program where the name alone would not be found."""
    program = sys.argv[0]
    if Path(program).name != "sekft" or shutil.which("sekft"):
        return command
    return command.replace("sekft", os.path.relpath(program), 1) if command.startswith("sekft ") else command


def _drawable(text: str) -> str:
    """Lines and arrows in ASCII where stdout's encoding has none."""
    try:
        text.encode(sys.stdout.encoding or "ascii", "surrogateescape")
    except UnicodeEncodeError:
        return text.translate(_IN_ASCII)
    return text


def _emphatic() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def columns() -> int | None:
    """The width of the terminal, or COLUMNS; None where neither is known."""
    return shutil.get_terminal_size((0, 0)).columns or None


def ruled(title: str) -> str:
    width = min(WIDTH, columns() or WIDTH)
    return dim(f"── {title} {'─' * max(2, width - 4 - len(title))}") + "\n"


def wrapped(line: str, width: int) -> list[str]:
    """The line in parts of at most so many characters; emphasis is taken up again in the next part."""
    parts, shown, style = [""], 0, ""
    for piece in re.findall(rf"{_EMPHASIS.pattern}|.", line):
        if _EMPHASIS.fullmatch(piece):
            style = "" if piece == "\x1b[0m" else piece
        elif shown == width:
            parts[-1] += "\x1b[0m" if style else ""
            parts.append(style)
            shown = 1
        else:
            shown += 1
        parts[-1] += piece
    return parts


def table(facts: Mapping[str, str]) -> str:
    """A name and a value a line; what is empty is left out, further lines of a value stand under its first."""
    facts = {name: value for name, value in facts.items() if value}
    width = max(map(len, facts), default=0)
    indented = {name: value.replace("\n", "\n" + " " * (width + 2)) for name, value in facts.items()}
    return "".join(f"{dim(name.ljust(width))}  {value}\n" for name, value in indented.items())
