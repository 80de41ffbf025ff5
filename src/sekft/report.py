"""Results as tables: one value, written as text for a terminal, as JSON or as Markdown."""

from __future__ import annotations

import io
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from sekft.scenario import Frozen

if TYPE_CHECKING:
    from rich.console import Console

Style = Literal["good", "bad", "dim", "bold"]
LEAST_COLUMNS = 60
"""No table is squeezed further; a narrower terminal wraps its lines."""
WIDTH = 100
"""Columns of text that goes to a file or a pipe, unless COLUMNS says otherwise."""
LABEL = 20
"""Characters of a first column that no row wraps in."""
NOTHING = "–"
_GAP = 2
_STYLES = {"good": "green", "bad": "red", "dim": "dim", "bold": "bold"}
_NUMBER = re.compile(r"[-+−$]?[\d.,]*\d ?%?|–|")


@dataclass(frozen=True, slots=True)
class Styled:
    """A cell that a terminal shows with emphasis."""

    text: str
    style: Style


Cell = str | int | float | Styled | None
"""None is shown as a dash, an integer with separators of thousands, any other number as it is."""


@dataclass(frozen=True, slots=True)
class Table:
    """columns: the headings; all empty for a list of facts. notes: lines below the table.

    commands: lines to be copied into a shell, below the notes; they are never wrapped.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    notes: Sequence[str] = ()
    commands: Sequence[str] = ()


class Report(Frozen):
    """What a stage found out. Its fields are the JSON body; its tables are what a person reads."""

    @property
    def tables(self) -> list[Table]:
        raise NotImplementedError(f"{type(self).__name__} defines no tables")

    def to_json(self) -> str:
        return self.model_dump_json(indent=1) + "\n"

    def to_markdown(self) -> str:
        return "\n".join(markdown(table) for table in self.tables)

    def __str__(self) -> str:
        return text(self.tables)


def facts(pairs: Sequence[tuple[str, Cell]], title: str = "", notes: Sequence[str] = ()) -> Table:
    """A name and a value a line; a value that is None or empty is left out."""
    return Table(("", ""), [row for row in pairs if row[1] not in (None, "")], title, notes)


def listed(values: Mapping[str, object]) -> str:
    """Names with their values in one line, as in `solved 12, idle 3`."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def either(names: Iterable[str]) -> str:
    """Alternatives in one line, as in `a, b or c`."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def text(tables: Sequence[Table], width: int | None = None, emphasis: bool = False) -> str:
    """Tables for a terminal. Columns that do not fit beside each other go below, so that no word is broken.

    width: in characters, at least LEAST_COLUMNS; None takes the terminal's. emphasis: with escape codes.
    """
    from rich.console import Console
    from rich.text import Text

    width = max(LEAST_COLUMNS, width or shutil.get_terminal_size((WIDTH, 24)).columns)
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=emphasis,
        no_color=not emphasis,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for number, table in enumerate(tables):
        if number:
            console.print()
        if table.title:
            console.print(Text(table.title, style="bold"))
        for panel_number, panel in enumerate(_panels(table, width) if table.columns else ()):
            if panel_number:
                console.print()
            _print(console, panel, width)
        for note in table.notes:
            for line in textwrap.wrap(note, width, break_long_words=False, break_on_hyphens=False):
                console.print(Text(line), soft_wrap=True)
        for command in table.commands:
            console.print(Text(command), soft_wrap=True)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown, its title as a heading of the third level."""
    cells = [[_plain(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in table.rows]
    rules = ["---:" if _numeric(table, column) else "---" for column in range(len(table.columns))]
    lines = [f"| {' | '.join(row)} |" for row in (table.columns, rules, *cells)] if table.rows else []
    head = [f"### {table.title}", ""] if table.title else []
    below = [*table.notes, *(f"    {command}" for command in table.commands)]
    return "\n".join([*head, *lines, *(f"\n{line}" for line in below)]) + "\n"


def _plain(cell: Cell) -> str:
    if isinstance(cell, Styled):
        return cell.text
    if cell is None:
        return NOTHING
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def _numeric(table: Table, column: int) -> bool:
    return bool(table.rows) and all(_NUMBER.fullmatch(_plain(row[column])) for row in table.rows)


def _texts(table: Table, column: int) -> list[str]:
    return [table.columns[column], *(_plain(row[column]) for row in table.rows)]


def _least(table: Table, column: int) -> int:
    """The width of the longest word; a short label in front of a row stays in one line."""
    texts = _texts(table, column)
    label = max(map(len, texts)) if column == 0 else LABEL + 1
    return label if label <= LABEL else max((len(word) for shown in texts for word in shown.split()), default=0)


def _panels(table: Table, width: int) -> Iterator[Table]:
    """The table cut into such columns as fit beside each other, the first column repeated in each."""
    left, room = [0], width - _least(table, 0)
    for column in range(1, len(table.columns)):
        need = _least(table, column) + _GAP
        if need > room and len(left) > 1:
            yield _columns(table, left)
            left, room = [0], width - _least(table, 0)
        left.append(column)
        room -= need
    yield _columns(table, left)


def _columns(table: Table, chosen: Sequence[int]) -> Table:
    return replace(
        table,
        columns=[table.columns[column] for column in chosen],
        rows=[[row[column] for column in chosen] for row in table.rows],
    )


def _widths(table: Table, width: int) -> list[int]:
    """Each column as wide as its longest word, then the spare room shared out, the narrowest columns first."""
    columns = range(len(table.columns))
    widths = [_least(table, column) for column in columns]
    natural = [max(len(line) for shown in _texts(table, column) for line in shown.split("\n")) for column in columns]
    spare = width - sum(widths) - _GAP * (len(widths) - 1)
    for column in sorted(columns, key=lambda column: natural[column]):
        more = max(0, min(natural[column] - widths[column], spare))
        widths[column] += more
        spare -= more
    return widths


def _print(console: Console, table: Table, width: int) -> None:
    from rich.table import Table as RichTable
    from rich.text import Text

    widths = _widths(table, width)
    shown = RichTable(
        box=None, padding=(0, _GAP, 0, 0), pad_edge=False, show_header=any(table.columns), header_style="dim"
    )
    for column, (name, columns) in enumerate(zip(table.columns, widths, strict=True)):
        shown.add_column(name, width=columns, justify="right" if _numeric(table, column) else "left", overflow="fold")
    for row in table.rows:
        styles = [_STYLES[cell.style] if isinstance(cell, Styled) else "" for cell in row]
        shown.add_row(*(Text(_plain(cell), style=style) for cell, style in zip(row, styles, strict=True)))
    console.print(
        shown, width=max(width, sum(widths) + _GAP * len(widths)), no_wrap=False, crop=False, overflow="ignore"
    )
