"""Questions of a newcomer and the calls that answer them."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
    ask = rng.choice(["Q: which call {}?", "Which call {}?", "? the call that {}"])
    reply = rng.choice(["A: ", "  ", "-> "])
    rows = [
        f"{ask.format(row.does) if row.does and _is_verb(row.does) else (row.does or row.verb) + chr(63)}\n{reply}{row.usage}"
        for row in page.rows
    ]
    return f"{page.tool}, {page.summary}\n\n" + "\n".join([*rows, "", *page.notes]).rstrip() + "\n"


def _is_verb(text: str) -> bool:
    """Whether the phrase starts with a verb in the third person."""
    first = text.split(" ")[0]
    return first.endswith("s") and first.isalpha() and first not in ("this", "is")
