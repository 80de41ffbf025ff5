"""A tool's documentation, rendered from the interface that its program is rendered from.

A layout sets a `Page` as text; the depth says where that text is found. Add a layout as a function with
`@LAYOUTS.kind(name)`.
"""

from __future__ import annotations

import random
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sekft.authors.procedural.provider.semantics import ACKNOWLEDGE, Operation
from sekft.authors.procedural.provider.syntaxes import Interface
from sekft.taxonomy import Kinds


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
    return Documentation(_helps(full), paged, None, [*start, *([man] if paged else [])], needle, bare)


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
    return CallRow(operation.verb, usage, operation.short if explained(interface, operation) else "")


def explained(interface: Interface, operation: Operation) -> bool:
    """Whether a terse help says what the call does."""
    return operation.invented or operation.verb not in interface.usage(operation) or operation.role in _UNCLEAR


def _contents(rng: random.Random, page: Page) -> str:
    verbs = [row.verb for row in page.rows]
    listed = rng.choice(["\n".join(f"  {verb}" for verb in verbs), "  " + ", ".join(verbs), "  " + "  ".join(verbs)])
    title = rng.choice(["topics", "calls", "what there is", "subjects"])
    more = rng.choice(["says how each is called", "explains one of them", "has the details"])
    notes = "".join(f"\n{note}" for note in page.notes)
    return f"{page.tool}: {page.summary}\n\n{title}:\n{listed}\n\n`{page.tool} help TOPIC` {more}.{notes}\n"


def _helps(main: str, topics: dict[str, str] | None = None) -> str:
    shown = f"main_help() {{ printf %s {shlex.quote(main)}; }}"
    if not topics:
        return shown + "\nshow_help() { main_help; }"
    cases = "\n".join(f"{verb}) printf %s {shlex.quote(text)} ;;" for verb, text in topics.items())
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


LAYOUTS = Kinds[Layout]()


def _listed(head: str, rows: Sequence[str], page: Page) -> str:
    """A head, the rows, and the notes after a blank line."""
    return f"{head}\n\n" + "\n".join([*rows, "", *page.notes]).rstrip() + "\n"


@LAYOUTS.kind("block")
def block(page: Page, rng: random.Random) -> str:
    """A usage block: calls to the left, what they do to the right."""
    width = max(len(row.usage) for row in page.rows) + 2
    rows = [f"  {row.usage:<{width}}{row.does}".rstrip() for row in page.rows]
    title = rng.choice(["usage:", "Usage:", "USAGE", "calls:"])
    return f"{page.tool} - {page.summary}\n\n{title}\n" + "\n".join([*rows, *page.notes]) + "\n"


@LAYOUTS.kind("bullets", weight=1)
def bullets(page: Page, rng: random.Random) -> str:
    """A bullet for each call."""
    mark, dash = rng.choice([("*", "--"), ("-", ":"), ("o", "-"), (">", "=>")])
    rows = [f"  {mark} {row.usage}" + (f" {dash} {row.does}" if row.does else "") for row in page.rows]
    return _listed(page.summary.capitalize(), rows, page)


@LAYOUTS.kind("columns")
def columns(page: Page, rng: random.Random) -> str:
    """What is wanted to the left, the call for it to the right."""
    width = max(len(row.does or row.verb) for row in page.rows) + 2
    rows = [f"{row.does or row.verb:<{width}}{row.usage}" for row in page.rows]
    return _listed(f"{page.tool} ({page.summary})", rows, page)


@LAYOUTS.kind("numbered", weight=1)
def numbered(page: Page, rng: random.Random) -> str:
    """A numbered list."""
    point = rng.choice([".", ")", ":"])
    rows = [
        f" {at}{point} {row.usage}" + (f"\n    {row.does}" if row.does else "") for at, row in enumerate(page.rows, 1)
    ]
    return _listed(f"{page.summary.capitalize()} ({page.tool})", rows, page)


@LAYOUTS.kind("prose", weight=1)
def prose(page: Page, rng: random.Random) -> str:
    """Running text that names each call in its sentence."""
    form = rng.choice(["`{}` {}.", "With `{}` the program {}.", "`{}`: {}."])
    if "With" in form and not all(row.does.split(" ")[0].endswith("s") for row in page.rows):
        form = "`{}`: {}."
    parts = [form.format(row.usage, row.does) for row in page.rows if row.does]
    if others := [f"`{row.usage}`" for row in page.rows if not row.does]:
        parts.append(f"{'Other calls' if parts else 'Calls'}: {', '.join(others)}.")
    return f"{page.tool}: {page.summary}.\n\n" + "\n".join([*parts, *page.notes]) + "\n"


@LAYOUTS.kind("questions", weight=1)
def questions(page: Page, rng: random.Random) -> str:
    """Questions of a newcomer and the calls that answer them."""
    ask = rng.choice(["Q: which call {}?", "Which call {}?", "? the call that {}"])
    reply = rng.choice(["A: ", "  ", "-> "])
    questions = [ask.format(row.does) if _is_verb(row.does) else f"{row.does or row.verb}?" for row in page.rows]
    rows = [f"{question}\n{reply}{row.usage}" for question, row in zip(questions, page.rows, strict=True)]
    return _listed(f"{page.tool}, {page.summary}", rows, page)


def _is_verb(text: str) -> bool:
    """Whether the phrase starts with a verb in the third person."""
    first = text.split(" ")[0]
    return first.endswith("s") and first.isalpha() and first not in ("this", "is")


@LAYOUTS.kind("sections")
def sections(page: Page, rng: random.Random) -> str:
    """Sections with headings in capitals, calls indented below them."""
    heads = rng.choice(
        [
            ("PURPOSE", "CALLS", "REMARKS"),
            ("SUBJECT", "SYNTAX", "NOTES"),
            ("WHAT IT IS", "HOW IT IS CALLED", "GOOD TO KNOW"),
        ]
    )
    rows = [f"    {row.usage}" + (f"\n        {row.does}" if row.does else "") for row in page.rows]
    notes = f"\n\n{heads[2]}\n" + "\n".join(f"    {note}" for note in page.notes) if page.notes else ""
    return f"{heads[0]}\n    {page.tool} - {page.summary}\n\n{heads[1]}\n" + "\n".join(rows) + notes + "\n"


@LAYOUTS.kind("session", weight=1)
def session(page: Page, rng: random.Random) -> str:
    """Calls as someone would have typed them, each under a remark on what it is for."""
    prompt = rng.choice(["$ ", "> ", "% ", "# "])
    lead = rng.choice(["", "-- ", ": "])
    rows = [f"{lead}{row.does or row.verb}\n  {prompt}{row.usage}" for row in page.rows]
    return _listed(f"{page.tool} ({page.summary})", rows, page)


@LAYOUTS.kind("stacked", weight=1)
def stacked(page: Page, rng: random.Random) -> str:
    """Each call on a line, what it does on the next."""
    lead = rng.choice(["   ... ", "    # ", "\t", "  |  "])
    rows = [row.usage + (f"\n{lead}{row.does}" if row.does else "") for row in page.rows]
    return f"# {page.tool}, {page.summary}\n" + "\n".join([*rows, *page.notes]) + "\n"


@LAYOUTS.kind("synopsis")
def synopsis(page: Page, rng: random.Random) -> str:
    """Bare calls first, footnotes on some of them below."""
    first = rng.choice(["usage: ", "Usage: ", "call:  "])
    lines = [(" " * len(first) if at else first) + row.usage for at, row in enumerate(page.rows)]
    notes = [f"{row.verb if row.verb in row.usage else row.usage}: {row.does}" for row in page.rows if row.does]
    return "\n".join([*lines, *notes, *page.notes]) + "\n"


@LAYOUTS.kind("table", weight=1)
def table(page: Page, rng: random.Random) -> str:
    """A ruled table."""
    wide, does = max(len(row.usage) for row in page.rows), max(len(row.does) for row in page.rows)
    corner = "+" if rng.random() < 0.5 else "|"
    rule = f"{corner}-{'-' * wide}-{corner}-{'-' * does}-{corner}"
    rows = [f"| {row.usage:<{wide}} | {row.does:<{does}} |" for row in page.rows]
    return f"{page.tool}: {page.summary}\n" + "\n".join([rule, *rows, rule, *page.notes]) + "\n"


@LAYOUTS.kind("tagged", weight=1)
def tagged(page: Page, rng: random.Random) -> str:
    """Tags before each part, as card files have them."""
    tags = rng.choice([("call", "effect"), ("form", "does"), ("type", "gives"), ("input", "outcome")])
    rows = [f"{tags[0]}: {row.usage}" + (f"\n{tags[1]}: {row.does}" if row.does else "") for row in page.rows]
    notes = [f"note: {note}" for note in page.notes]
    return f"program: {page.tool}\npurpose: {page.summary}\n\n" + "\n\n".join([*rows, *notes]) + "\n"
