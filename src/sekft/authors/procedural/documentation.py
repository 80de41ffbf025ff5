"""A tool's documentation, rendered from the interface that its program is rendered from."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sekft.authors.procedural.interface import Interface
from sekft.authors.procedural.meaning import Operation

SEALED = (
    "[Exit status 75: the store is sealed|When the store is sealed, calls end with status 75]"
    " [, which only its keeper can undo|; a seal is lifted from outside, never from here]."
)


@dataclass(frozen=True)
class Documentation:
    """help: what --help prints. topics: per verb, for layered help. page: the manual page's text.

    learn: command lists that show the documentation, the reference's first.
    bare: whether a call without arguments prints the help, too.
    """

    layout: str
    help: str
    topics: Mapping[str, str]
    page: str | None
    learn: list[list[str]]
    needle: str
    bare: bool


Layout = Callable[[Interface, str], str]


def _block(interface: Interface, summary: str) -> str:
    width = max(len(interface.usage(operation)) for operation in interface.operations) + 2
    rows = [f"  {interface.usage(operation):<{width}} {operation.does}" for operation in interface.operations]
    return f"{interface.tool} - {summary}\n\nusage:\n" + "\n".join(rows) + "\n"


def _sections(interface: Interface, summary: str) -> str:
    rows = [f"    {interface.usage(operation)}\n        {operation.does}" for operation in interface.operations]
    return f"NAME\n    {interface.tool} - {summary}\n\nCALLS\n" + "\n\n".join(rows) + "\n"


def _prose(interface: Interface, summary: str) -> str:
    parts = [f"`{interface.usage(operation)}` {operation.does}." for operation in interface.operations]
    return f"{interface.tool}: {summary}.\n\n" + "\n".join(parts) + "\n"


def _bullets(interface: Interface, summary: str) -> str:
    rows = [f"  * {interface.usage(operation)} -- {operation.does}" for operation in interface.operations]
    return f"{summary.capitalize()}\n\n" + "\n".join(rows) + "\n"


def _columns(interface: Interface, summary: str) -> str:
    width = max(len(operation.does) for operation in interface.operations) + 2
    rows = [f"{operation.does:<{width}}{interface.usage(operation)}" for operation in interface.operations]
    return f"{interface.tool} ({summary})\n\n" + "\n".join(rows) + "\n"


def _stacked(interface: Interface, summary: str) -> str:
    rows = [f"{interface.usage(operation)}\n   ... {operation.does}" for operation in interface.operations]
    return f"# {interface.tool}, {summary}\n" + "\n".join(rows) + "\n"


LAYOUTS: Mapping[str, Layout] = {
    "block": _block,
    "sections": _sections,
    "prose": _prose,
    "bullets": _bullets,
    "columns": _columns,
    "stacked": _stacked,
}


def document(rng: random.Random, interface: Interface, depth: str, summary: str, sealed: str) -> Documentation:
    """Render help, topics and manual page at one depth.

    depth: a value of the documentation axis. sealed: a phrase of the exit status, or "".
    """
    layout = rng.choice(sorted(LAYOUTS))
    note = f"\n{sealed}\n" if sealed else ""
    full = LAYOUTS[layout](interface, summary) + note
    paged = full if layout != "sections" else _stacked(interface, summary) + note  # a page has its own sections
    tool = interface.tool
    key = next(operation for operation in interface.operations if operation.role in ("read", "next"))
    needle = interface.usage(key)
    bare = rng.random() < 0.5
    start = [[f"{tool} --help"], [f"{tool} -h"], [f"{tool} help"]]
    man = [f"man {tool}"]
    if depth == "terse":
        return Documentation(
            "synopsis", _synopsis(interface), {}, paged, [*start, man, [*start[0], *man]], needle, bare
        )
    if depth == "layered":
        topics = {operation.verb: _topic(interface, operation) for operation in interface.operations}
        needed = [o.verb for o in interface.operations if o.invented or o.role in ("list", "read", "next", "ack")]
        ways = [[*first, *(f"{tool} help {verb}" for verb in needed)] for first in start]
        ways.append([f"{tool} --help", *(f"{tool} --help {verb}" for verb in needed)])
        return Documentation("topics", _contents(interface, summary), topics, None, ways, needle, bare)
    if depth == "manual":
        pointer = f"{tool}: {summary}\nThe calls are described in {tool}(1).\n"
        ways = [*([*first, *man] for first in start), man]
        return Documentation(layout, pointer, {}, paged, ways, needle, bare)
    page = paged if rng.random() < 0.5 else None
    return Documentation(layout, full, {}, page, [*start, *([man] if page else [])], needle, bare)


def _synopsis(interface: Interface) -> str:
    """The bare calls; a word is spent only on what the verb does not say."""
    lines = [f"usage: {interface.usage(interface.operations[0])}"]
    lines += [f"       {interface.usage(operation)}" for operation in interface.operations[1:]]
    unclear = [operation for operation in interface.operations if operation.invented or operation.role == "ack"]
    notes = [f"{operation.verb}: {operation.does}" for operation in unclear]
    return "\n".join(lines + notes) + "\n"


def _topic(interface: Interface, operation: Operation) -> str:
    return f"{interface.usage(operation)}\n{textwrap.indent(textwrap.fill(operation.does, 66), '    ')}\n"


def _contents(interface: Interface, summary: str) -> str:
    verbs = "\n".join(f"  {operation.verb}" for operation in interface.operations)
    return (
        f"{interface.tool}: {summary}\n\ntopics:\n{verbs}\n\n`{interface.tool} help TOPIC` says how each is called.\n"
    )


def man_page(tool: str, summary: str, text: str) -> str:
    """The page as man(7) source; its text stays as it is, line by line."""
    body = "\n".join(_roff(line) for line in text.splitlines())
    return f".TH {tool.upper()} 1\n.SH NAME\n{_roff(tool)} \\- {_roff(summary)}\n.SH DESCRIPTION\n.nf\n{body}\n.fi\n"


def _roff(line: str) -> str:
    escaped = line.replace("\\", "\\e")
    for plain, glyph in (("-", "\\-"), ("`", "\\(ga"), ("'", "\\(aq"), ("^", "\\(ha"), ("~", "\\(ti")):
        escaped = escaped.replace(plain, glyph)
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped
