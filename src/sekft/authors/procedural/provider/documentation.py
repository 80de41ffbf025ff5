"""A tool's documentation, rendered from the interface that its program is rendered from.

A layout (see `layouts`) sets a `Page` as text; the depth says where that text is found.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sekft.authors.procedural.provider.interface import Interface
from sekft.authors.procedural.provider.semantics import ACKNOWLEDGE, Operation


@dataclass(frozen=True)
class CallRow:
    """One call. does: what it does, "" where nothing is said."""

    verb: str
    usage: str
    does: str


@dataclass(frozen=True)
class Page:
    """What a layout sets. notes: sentences on the whole program."""

    tool: str
    summary: str
    rows: tuple[CallRow, ...]
    notes: tuple[str, ...]


Layout = Callable[[Page, random.Random], str]
"""The page as text that ends in a line feed. The random stream is for the layout's own variants."""


@dataclass(frozen=True)
class Documentation:
    """helps: sh that defines show_help. page: the manual page's source. text: a file's path and text.

    learn:  command lists that show the documentation, the reference's first.
    needle: the call by which a directive is read, as documented.
    bare:   whether a call without a request prints the help, too.
    """

    helps: str
    page: str | None
    text: tuple[str, str] | None
    learn: list[list[str]]
    needle: str
    bare: bool


def document(
    rng: random.Random, interface: Interface, depth: str, layout: Layout, summary: str, notes: Sequence[str]
) -> Documentation:
    """Documentation of one depth, a value of the documentation axis."""
    tool = interface.tool
    rows = tuple(_row(interface, operation, depth) for operation in interface.documented)
    page = Page(tool, summary, rows, tuple(notes))
    style = rng.getrandbits(32)
    full = layout(page, random.Random(style))
    needle = next(row.usage for row, o in zip(rows, interface.documented, strict=True) if o.role in _TELLING)
    bare = rng.random() < 0.5
    start = [[f"{tool} --help"], [f"{tool} -h"], [f"{tool} help"]]
    paged = man_page(tool, summary, full) if depth == "manual" or rng.random() < 0.3 else None
    man = [f"man {tool}"]
    if depth == "layered":
        topics = {row.verb: layout(replace(page, rows=(row,), notes=()), random.Random(style)) for row in rows}
        needed = [o.verb for o in interface.documented if o.invented or o.role in _NEEDED]
        ways = [[*first, *(f"{tool} help {verb}" for verb in needed)] for first in start]
        ways.append([f"{tool} --help", *(f"{tool} --help {verb}" for verb in needed)])
        return Documentation(_helps(_contents(rng, page), topics), None, None, ways, needle, bare)
    if depth == "manual":
        where = f"The calls are described in {tool}(1).", f"See {tool}(1) in the manual.", f"Manual page: {tool}(1)"
        helps = _helps(f"{tool}: {summary}\n{rng.choice(where)}\n")
        return Documentation(helps, paged, None, [*([*first, *man] for first in start), man], needle, bare)
    if depth == "file":
        folders = "/usr/local/share/doc/{0}/README /usr/local/share/{0}.txt /usr/local/lib/{0}/usage /etc/{0}.doc"
        path = rng.choice(folders.format(tool).split())
        where = f"All of it is in {path}.", f"Documentation: {path}", f"The calls are listed in {path}."
        helps, ways = _helps(f"{tool}: {summary}\n{rng.choice(where)}\n"), [[*first, f"cat {path}"] for first in start]
        return Documentation(helps, None, (path, full), ways, needle, bare)
    return Documentation(_helps(full), paged, None, [*start, *([[*start[0], *man]] if paged else [])], needle, bare)


_TELLING = ("read", "next", "sheet", "since")
"""Roles that print a directive's text."""
_NEEDED = ("list", "groups", "page", "pass", "position", "older", *_TELLING, *ACKNOWLEDGE)
_UNCLEAR = ("ack", "commit", "pass", "drop", "hold", "older")
"""Roles whose effect the call does not say."""


def _row(interface: Interface, operation: Operation, depth: str) -> CallRow:
    """With a terse help a word is spent only on what the call does not say."""
    usage = interface.usage(operation)
    if depth != "terse":
        return CallRow(operation.verb, usage, operation.does)
    unclear = operation.invented or operation.verb not in usage or operation.role in _UNCLEAR
    return CallRow(operation.verb, usage, operation.short if unclear else "")


def _contents(rng: random.Random, page: Page) -> str:
    verbs = [row.verb for row in page.rows]
    listed = rng.choice(["\n".join(f"  {verb}" for verb in verbs), "  " + ", ".join(verbs), "  " + "  ".join(verbs)])
    title = rng.choice(["topics", "calls", "what there is", "subjects"])
    more = rng.choice(["says how each is called", "explains one of them", "has the details"])
    notes = "".join(f"\n{note}" for note in page.notes)
    return f"{page.tool}: {page.summary}\n\n{title}:\n{listed}\n\n`{page.tool} help TOPIC` {more}.{notes}\n"


def _helps(main: str, topics: dict[str, str] | None = None) -> str:
    shown = f"main_help() {{ cat <<'HELP'\n{main}HELP\n}}"
    if not topics:
        return shown + "\nshow_help() { main_help; }"
    cases = "\n".join(f"{verb}) cat <<'HELP'\n{text}HELP\n;;" for verb, text in topics.items())
    return f"{shown}\nshow_help() {{ case ${{1-}} in\n{cases}\n*) main_help ;;\nesac; }}"


def man_page(tool: str, summary: str, text: str) -> str:
    """The page as man(7) source; its text stays as it is, line by line."""
    body = "\n".join(roff(line) for line in text.splitlines())
    return f".TH {tool.upper()} 1\n.SH NAME\n{roff(tool)} \\- {roff(summary)}\n.SH DESCRIPTION\n.nf\n{body}\n.fi\n"


def roff(line: str) -> str:
    """One line of text as man(7) source."""
    escaped = line.replace("\\", "\\e")
    for plain, glyph in (("-", "\\-"), ("`", "\\(ga"), ("'", "\\(aq"), ("^", "\\(ha"), ("~", "\\(ti")):
        escaped = escaped.replace(plain, glyph)
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped
