"""How a table lies in a file: its text, how its columns are spoken of, and commands that read it.

A format is chosen with `draw`. Every command works in every userland; values hold no blank, comma or quote.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

Row = tuple[str, ...]


@dataclass(frozen=True)
class TableFormat:
    """One way in which tables are kept.

    ending:   of the file's name. sep: between the columns that `bare` prints.
    top:      whether the first line is a header, which `lines` leaves out.
    prepare:  a filter that makes rows of names and values of the lines; "" where they are that already.
    quoted:   whether the text of the first two columns stands in double quotes.
    """

    ending: str
    sep: str
    top: bool
    prepare: str = ""
    quoted: bool = False

    def text(self, columns: Sequence[str], rows: Sequence[Row]) -> str:
        """The file: its header, where there is one, and a line a row."""
        return "".join(line + "\n" for line in [*self.head(columns), *(self.line(columns, row) for row in rows)])

    def head(self, columns: Sequence[str]) -> list[str]:
        """The lines above the rows."""
        return [self.joint.join(columns)] if self.top else []

    def line(self, columns: Sequence[str], row: Row) -> str:
        """A row as it stands in the file. Numbers are never quoted."""
        if self.ending == ".jsonl":
            pairs = (f'"{name}": {_json(value)}' for name, value in zip(columns, row, strict=True))
            return "{" + ", ".join(pairs) + "}"
        return self.joint.join(f'"{cell}"' if self.quoted and not cell.isdigit() else cell for cell in row)

    @property
    def joint(self) -> str:
        return {" ": "  "}.get(self.sep, self.sep)

    def column(self, name: str) -> str:
        """How a sentence speaks of a column, with its article."""
        return f"the field {name}" if self.ending == ".jsonl" else f"the {name} column"

    def bare(self, path: str) -> str:
        """sh that prints the rows, without header and quotes, as columns between `sep`."""
        lines = f"tail -n +2 {path}" if self.top else ""
        if not self.prepare:
            return lines or f"cat {path}"
        return f"{lines} | {self.prepare}" if lines else f"{self.prepare} {path}"

    def last(self, row: str) -> str:
        """sh that gives the number in the last column. row: a variable that holds a line as it stands in the file."""
        if self.ending == ".jsonl":
            return f"$(echo \"${row}\" | sed 's/.* //; s/}}//')"
        return f'$(echo "${row}" | cut -f 3)' if self.sep == "\t" else f"${{{row}##*{self.sep}}}"

    def selecting(self, test: str, name: str, path: str, header: bool) -> str:
        """sh that prints the lines, as they stand in the file, whose last column passes the test, say `> 40`.

        name: of the last column. header: whether the line above the rows is printed, too.
        """
        if self.ending == ".jsonl":
            return f"awk -F'\"{name}\": ' '$2 + 0 {test}' {path}"
        above = "" if not self.top else "NR == 1 || " if header else "NR > 1 && "
        return f"awk{self._flag} '{above}$3 {test}' {path}"

    def awk(self, program: str, path: str) -> str:
        """sh that runs the awk program over the rows. program: a rule that starts with its condition."""
        if self.prepare:
            return f"{self.bare(path)} | awk{self._flag} '{program}'"
        return f"awk{self._flag} '{'NR > 1 && ' if self.top else ''}{program}' {path}"

    @property
    def _flag(self) -> str:
        return "" if self.sep == " " else f" -F'{chr(92)}t'" if self.sep == "\t" else f" -F{self.sep}"


def _json(value: str) -> str:
    return value if value.isdigit() else f'"{value}"'


FORMATS = (
    TableFormat(".csv", ",", True),
    TableFormat(".csv", ",", True),
    TableFormat(".csv", ",", True, "tr -d '\"'", quoted=True),
    TableFormat(".tsv", "\t", True),
    TableFormat(".txt", " ", True),
    TableFormat(".jsonl", ",", False, "sed 's/[{}\" ]//g; s/[^,:]*://g'"),
)
"""Comma-separated files come most often."""


def draw(rng: random.Random, brief: bool = False) -> TableFormat:
    """brief: as short a format as there is."""
    return FORMATS[0] if brief else rng.choice(FORMATS)
