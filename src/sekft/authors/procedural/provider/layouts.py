"""Documentation layouts: how a page sets out a tool's calls. Add one as a function with `@LAYOUTS.kind(name)`."""

from __future__ import annotations

import random
from collections.abc import Sequence

from sekft.authors.procedural.provider.documentation import Layout, Page
from sekft.taxonomy.kinds import Family

LAYOUTS = Family[Layout]()


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


@LAYOUTS.kind("bullets")
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


@LAYOUTS.kind("numbered")
def numbered(page: Page, rng: random.Random) -> str:
    """A numbered list."""
    point = rng.choice([".", ")", ":"])
    rows = [
        f" {at}{point} {row.usage}" + (f"\n    {row.does}" if row.does else "") for at, row in enumerate(page.rows, 1)
    ]
    return _listed(f"{page.summary.capitalize()} ({page.tool})", rows, page)


@LAYOUTS.kind("prose")
def prose(page: Page, rng: random.Random) -> str:
    """Running text that names each call in its sentence."""
    form = rng.choice(["`{}` {}.", "With `{}` the program {}.", "`{}`: {}."])
    if "With" in form and not all(row.does.split(" ")[0].endswith("s") for row in page.rows):
        form = "`{}`: {}."
    parts = [form.format(row.usage, row.does) if row.does else f"`{row.usage}` is there, too." for row in page.rows]
    return f"{page.tool}: {page.summary}.\n\n" + "\n".join([*parts, *page.notes]) + "\n"


@LAYOUTS.kind("questions")
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


@LAYOUTS.kind("session")
def session(page: Page, rng: random.Random) -> str:
    """Calls as someone would have typed them, each under a remark on what it is for."""
    prompt = rng.choice(["$ ", "> ", "% ", "# "])
    lead = rng.choice(["", "-- ", ": "])
    rows = [(f"{lead}{row.does}\n" if row.does else "") + f"  {prompt}{row.usage}" for row in page.rows]
    return _listed(f"{page.tool} ({page.summary})", rows, page)


@LAYOUTS.kind("stacked")
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


@LAYOUTS.kind("table")
def table(page: Page, rng: random.Random) -> str:
    """A ruled table."""
    wide, does = max(len(row.usage) for row in page.rows), max(len(row.does) for row in page.rows)
    corner = "+" if rng.random() < 0.5 else "|"
    rule = f"{corner}-{'-' * wide}-{corner}-{'-' * does}-{corner}"
    rows = [f"| {row.usage:<{wide}} | {row.does:<{does}} |" for row in page.rows]
    return f"{page.tool}: {page.summary}\n" + "\n".join([rule, *rows, rule, *page.notes]) + "\n"


@LAYOUTS.kind("tagged")
def tagged(page: Page, rng: random.Random) -> str:
    """Tags before each part, as card files have them."""
    tags = rng.choice([("call", "effect"), ("form", "does"), ("type", "gives"), ("input", "outcome")])
    rows = [f"{tags[0]}: {row.usage}" + (f"\n{tags[1]}: {row.does}" if row.does else "") for row in page.rows]
    notes = [f"note: {note}" for note in page.notes]
    return f"program: {page.tool}\npurpose: {page.summary}\n\n" + "\n\n".join([*rows, *notes]) + "\n"
