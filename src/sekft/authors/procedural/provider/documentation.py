"""A tool's documentation, rendered from the interface that its program is rendered from.

A layout sets a `Page` as sections; the depth says where these are found. Add a layout as a function with
`@LAYOUTS.kind(name)`.
"""

from __future__ import annotations

import random
import shlex
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sekft.authors.procedural.provider.semantics import ACKNOWLEDGE, Operation
from sekft.authors.procedural.provider.syntaxes import Interface
from sekft.taxonomy import Kinds

_WIDE = 34
"""Characters of a call from which what it does stands below it."""


@dataclass(frozen=True)
class CallRow:
    """One call. does: what it does, "" where nothing is said. label: the same in few words."""

    verb: str
    usage: str
    does: str
    label: str


@dataclass(frozen=True)
class Page:
    """What a layout sets. notes: sentences on the whole program."""

    tool: str
    summary: str
    rows: tuple[CallRow, ...]
    notes: tuple[str, ...]

    @property
    def bare(self) -> list[str] | None:
        """The calls without the program's name, if each begins with it and is explained."""
        start = f"{self.tool} "
        if all(row.usage.startswith(start) and row.does for row in self.rows):
            return [row.usage.removeprefix(start) for row in self.rows]
        return None


@dataclass(frozen=True)
class Section:
    """Lines under a title. shown: where a plain text has the title; a manual page always has it."""

    title: str
    lines: tuple[str, ...]
    shown: Literal["above", "before", "nowhere"] = "above"

    def text(self) -> str:
        if self.shown == "before":
            first = f"{self.title} "
            return "\n".join(f"{' ' * len(first) if at else first}{line}" for at, line in enumerate(self.lines))
        return "\n".join([*([self.title] if self.shown == "above" else []), *self.lines])


Layout = Callable[[Page, random.Random], list[Section]]
"""What a page says below its first line, but for the notes. The random stream is for the layout's own variants."""


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
    title = rng.choice([f"{tool} - {summary}", f"{tool}: {summary}"])
    sections = layout(page, random.Random(style))
    full = _text(sections, [] if sections[0].title == "NAME" else [title], page.notes)
    told = next(row for row, o in zip(rows, interface.documented, strict=True) if o.role in _TELLING)
    bare = rng.random() < 0.5
    start = [[f"{tool} --help"], [f"{tool} -h"], [f"{tool} help"]]
    paged = man_page(page, sections) if depth == "manual" or rng.random() < 0.3 else None
    man = [f"man {tool}"]
    if depth == "layered":
        topics = {row.verb: _topic(row, style) for row in rows}
        needed = [o.verb for o in interface.documented if o.invented or o.role in _NEEDED]
        ways = [[*first, *(f"{tool} help {verb}" for verb in needed)] for first in start]
        needle = told.usage
        return Documentation(_helps(_contents(rng, page, title), topics), None, None, ways, needle, bare)
    needle = _needle(sections, told)
    if depth == "manual":
        said = f"See {tool}(1).", f"See 'man {tool}'.", f"Manual: man {tool}", f"The commands are in {tool}(1)."
        helps = _helps(f"{title}\n{rng.choice(said)}\n")
        return Documentation(helps, paged, None, [*([*first, *man] for first in start), man], needle, bare)
    if depth == "file":
        folders = "share/doc/{0}/README share/doc/{0}.txt share/{0}/README lib/{0}/README"
        path = f"/usr/local/{rng.choice(folders.format(tool).split())}"
        where = f"See {path}.", f"Documentation: {path}", f"Usage is described in {path}."
        helps, ways = _helps(f"{title}\n{rng.choice(where)}\n"), [[*first, f"cat {path}"] for first in start]
        return Documentation(helps, None, (path, full), ways, needle, bare)
    return Documentation(_helps(full), paged, None, [*start, *([man] if paged else [])], needle, bare)


_TELLING = ("read", "next", "sheet", "since")
"""Roles that print a directive's text."""
_NEEDED = ("list", "groups", "page", "pass", "position", "older", *_TELLING, *ACKNOWLEDGE)
_UNCLEAR = ("ack", "commit", "pass", "drop", "hold", "older")
"""Roles whose effect the call does not say."""


def _row(interface: Interface, operation: Operation, depth: str) -> CallRow:
    """With a terse help a word is spent only on what the call does not say."""
    usage, short = interface.usage(operation), operation.short
    if depth != "terse":
        return CallRow(operation.verb, usage, operation.does, short)
    return CallRow(operation.verb, usage, short if explained(interface, operation) else "", short)


def explained(interface: Interface, operation: Operation) -> bool:
    """Whether a terse help says what the call does."""
    return operation.invented or operation.verb not in interface.usage(operation) or operation.role in _UNCLEAR


def _text(sections: Sequence[Section], head: Sequence[str], notes: Sequence[str]) -> str:
    """A plain text of paragraphs. The notes come last."""
    parts = [*head, *(section.text() for section in sections)]
    if notes and sections[0].title == "NAME":
        parts.append("\n".join(["NOTES", *(f"    {note}" for note in notes)]))
    elif notes:
        parts.append("\n".join(notes))
    return "\n\n".join(parts) + "\n"


def _topic(row: CallRow, style: int) -> str:
    """What the help says of one call."""
    lead = ("usage: ", "", "Usage: ")[style % 3]
    does = f"{row.does[:1].upper()}{row.does[1:]}."
    return f"{lead}{row.usage}\n" + (f"\n{does}\n" if lead else f"    {does}\n")


def _needle(sections: Sequence[Section], row: CallRow) -> str:
    """The call as the text has it; where it stands without the program's name, the whole line."""
    lines = "\n".join(line for section in sections for line in section.lines).splitlines()
    if any(row.usage in line for line in lines):
        return row.usage
    bare = row.usage.partition(" ")[2]
    return next(line.strip() for line in lines if bare in line)


def _contents(rng: random.Random, page: Page, title: str) -> str:
    verbs = [row.verb for row in page.rows]
    listed = rng.choice(["\n".join(f"  {verb}" for verb in verbs), "  " + ", ".join(verbs), "  " + "  ".join(verbs)])
    heading = rng.choice(["Commands:", "Topics:", "commands:"])
    more = rng.choice(["explains one of them", "for details", "tells more"])
    parts = [title, f"{heading}\n{listed}", f"'{page.tool} help {heading[:-2].upper()}' {more}."]
    return "\n\n".join([*parts, *(["\n".join(page.notes)] if page.notes else [])]) + "\n"


def _helps(main: str, topics: dict[str, str] | None = None) -> str:
    shown = f"main_help() {{ printf %s {shlex.quote(main)}; }}"
    if not topics:
        return shown + "\nshow_help() { main_help; }"
    cases = "\n".join(f"{verb}) printf %s {shlex.quote(text)} ;;" for verb, text in topics.items())
    return f"{shown}\nshow_help() {{ case ${{1-}} in\n{cases}\n*) main_help ;;\nesac; }}"


_SYNOPSIS = frozenset(("USAGE", "COMMANDS", "OPTIONS"))
"""Titles that a manual page calls SYNOPSIS where they come first."""


def man_page(page: Page, sections: Sequence[Section]) -> str:
    """The page as man(7) source; its text stays as it is, line by line."""
    source = [f".TH {page.tool.upper()} 1", ".SH NAME", f"{roff(page.tool)} \\- {roff(page.summary)}"]
    rest = [section for section in sections if section.title != "NAME"]
    for at, section in enumerate(rest):
        title = section.title.strip(":").upper()
        title = "SYNOPSIS" if not at and title in _SYNOPSIS else title
        lines = textwrap.dedent("\n".join(section.lines)).splitlines()
        source += [f".SH {title}", ".nf", *map(roff, lines), ".fi"]
    source += [line for at, note in enumerate(page.notes) for line in ((".PP" if at else ".SH NOTES"), roff(note))]
    return "\n".join(source) + "\n"


def roff(line: str) -> str:
    """One line of text as man(7) source."""
    escaped = line.replace("\\", "\\e")
    for plain, glyph in (("-", "\\-"), ("`", "\\(ga"), ("'", "\\(aq"), ("^", "\\(ha"), ("~", "\\(ti")):
        escaped = escaped.replace(plain, glyph)
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


LAYOUTS = Kinds[Layout]()


def _beside(calls: Sequence[str], page: Page, indent: str = "  ", lead: str = "") -> tuple[str, ...]:
    """Calls to the left, what they do to the right, or below where a call is long."""
    width = max(map(len, calls))
    if width > _WIDE:
        return _below(calls, page, indent, f"{indent}    {lead}")
    return tuple(
        f"{indent}{call:<{width}}  {lead}{row.does}".rstrip() if row.does else f"{indent}{call}"
        for call, row in zip(calls, page.rows, strict=True)
    )


def _below(calls: Sequence[str], page: Page, indent: str, lead: str) -> tuple[str, ...]:
    """Each call on a line, what it does on the next."""
    return tuple(
        f"{indent}{call}" + (f"\n{lead}{row.does}" if row.does else "")
        for call, row in zip(calls, page.rows, strict=True)
    )


def _usages(page: Page) -> list[str]:
    return [row.usage for row in page.rows]


def _quoted(call: str) -> str:
    return f'"{call}"' if "'" in call else f"'{call}'"


@LAYOUTS.kind("block", weight=6)
def block(page: Page, rng: random.Random) -> list[Section]:
    """A usage block: calls to the left, what they do to the right."""
    return [Section(rng.choice(["Usage:", "usage:", "Usage:", "USAGE"]), _beside(_usages(page), page))]


@LAYOUTS.kind("bullets", weight=1.2)
def bullets(page: Page, rng: random.Random) -> list[Section]:
    """A bullet for each call."""
    mark, dash = rng.choice([("*", " - "), ("-", ": "), ("*", ": ")])
    rows = [f"{mark} {row.usage}" + (f"{dash}{row.does}" if row.does else "") for row in page.rows]
    return [Section("COMMANDS", tuple(rows), "nowhere")]


@LAYOUTS.kind("columns", weight=4.5)
def columns(page: Page, rng: random.Random) -> list[Section]:
    """A usage line, then the commands or options in one column and what they do in the next."""
    if (calls := page.bare) is None or len(calls) == 1:
        return block(page, rng)
    kind = "option" if all(call.startswith("-") for call in calls) else "command"
    usage = f"{page.tool} {rng.choice([kind.upper(), f'<{kind}>'])}"
    title = rng.choice([f"{kind.capitalize()}s:", f"{kind}s:"])
    return [Section("Usage:", (usage,), "before"), Section(title, _beside(calls, page))]


@LAYOUTS.kind("numbered", weight=0.9)
def numbered(page: Page, rng: random.Random) -> list[Section]:
    """A numbered list."""
    point = rng.choice([".", ")"])
    rows = [
        f"{at}{point} {row.usage}" + (f"\n   {row.does}" if row.does else "") for at, row in enumerate(page.rows, 1)
    ]
    return [Section("COMMANDS", tuple(rows), "nowhere")]


@LAYOUTS.kind("prose", weight=1.2)
def prose(page: Page, rng: random.Random) -> list[Section]:
    """Running text that names each call in its sentence."""
    form = rng.choice(["Use {0} to {1}.", "To {1}, type {0}.", "{0}: {1}."])
    form = form if all(" " in row.does and row.does != row.label for row in page.rows) else "{0}: {1}."
    lines = [form.format(_quoted(row.usage), row.does) for row in page.rows if row.does]
    if others := [_quoted(row.usage) for row in page.rows if not row.does]:
        lines.insert(0, f"Commands: {', '.join(others)}.")
    return [Section("DESCRIPTION", tuple(lines), "nowhere")]


@LAYOUTS.kind("questions", weight=0.9)
def questions(page: Page, rng: random.Random) -> list[Section]:
    """Questions of a newcomer and the calls that answer them."""
    ask, reply = rng.choice([("How do I {}?", "    "), ("Q: How do I {}?", "A: "), ("How to {}:", "    ")])
    if any(row.does in ("", row.label) for row in page.rows):
        return tagged(page, rng)
    lines = [f"{ask.format(row.does)}\n{reply}{row.usage}" for row in page.rows]
    return [Section("QUESTIONS", tuple(lines), "nowhere")]


@LAYOUTS.kind("sections", weight=3.5)
def sections(page: Page, rng: random.Random) -> list[Section]:
    """Sections as a manual page has them, calls indented below their heading."""
    heading = rng.choice(["COMMANDS", "USAGE", "SYNOPSIS", "DESCRIPTION"])
    calls = _usages(page)
    rows = _beside(calls, page, "    ") if rng.random() < 0.5 else _below(calls, page, "    ", "        ")
    return [Section("NAME", (f"    {page.tool} - {page.summary}",)), Section(heading, rows)]


@LAYOUTS.kind("session", weight=1)
def session(page: Page, rng: random.Random) -> list[Section]:
    """Calls as someone would have typed them, each with a remark on what it is for."""
    calls = [f"$ {row.usage}" for row in page.rows]
    if rng.random() < 0.5:
        return [Section(rng.choice(["Examples:", "examples:"]), _beside(calls, page, lead="# "))]
    rows = [(f"  # {row.does}\n" if row.does else "") + f"  {call}" for call, row in zip(calls, page.rows, strict=True)]
    return [Section("Examples:", tuple(rows))]


@LAYOUTS.kind("stacked", weight=2.5)
def stacked(page: Page, rng: random.Random) -> list[Section]:
    """Each call on a line, what it does on the next."""
    indent = rng.choice(["", "  "])
    return [Section("USAGE", _below(_usages(page), page, indent, indent + rng.choice(["    ", "        "])), "nowhere")]


@LAYOUTS.kind("synopsis", weight=4.5)
def synopsis(page: Page, rng: random.Random) -> list[Section]:
    """Bare calls first, what they do below."""
    title = rng.choice(["usage:", "Usage:"])
    calls = [row.usage.removeprefix(f"{page.tool} ") for row in page.rows]
    short = all(call != row.usage and not set("|'") & set(call) for call, row in zip(calls, page.rows, strict=True))
    names = [call.partition(" ")[0].partition("=")[0] for call in calls]
    if not short or len(set(names)) < len(names):
        names = [row.verb if row.verb in row.usage else row.usage for row in page.rows]
    one_line = f"{page.tool} {' | '.join(calls)}"
    lines = (one_line,) if short and len(one_line) < 70 and rng.random() < 0.5 else tuple(_usages(page))
    width = max(map(len, names))
    told = [f"  {name:<{width}}  {row.does}" for name, row in zip(names, page.rows, strict=True) if row.does]
    return [Section(title, lines, "before"), *([Section("DESCRIPTION", tuple(told), "nowhere")] if told else [])]


@LAYOUTS.kind("table", weight=0.9)
def table(page: Page, rng: random.Random) -> list[Section]:
    """A table with a heading."""
    if len(page.rows) == 1:
        return block(page, rng)
    wide = max(len(row.usage) for row in page.rows)
    heads = rng.choice([("Command", "What it does"), ("COMMAND", "DESCRIPTION"), ("command", "effect")])
    rows = [f"{row.usage:<{wide}}  {row.does}".rstrip() for row in page.rows]
    rule = [f"{'-' * wide}  {'-' * len(heads[1])}"] if rng.random() < 0.5 else []
    return [Section("COMMANDS", (f"{heads[0]:<{wide}}  {heads[1]}", *rule, *rows), "nowhere")]


@LAYOUTS.kind("tagged", weight=0.9)
def tagged(page: Page, rng: random.Random) -> list[Section]:
    """A short card: a label before each call."""
    width = max(len(row.label) for row in page.rows) + 1
    rows = [f"{row.label.capitalize() + ':':<{width}} {row.usage}" for row in page.rows]
    return [Section("COMMANDS", tuple(rows), "nowhere")]
