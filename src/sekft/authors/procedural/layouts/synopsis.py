"""Bare calls first, footnotes on some of them below."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
    first = rng.choice(["usage: ", "Usage: ", "call:  "])
    lines = [(first if at == 0 else " " * len(first)) + row.usage for at, row in enumerate(page.rows)]
    told = [
        f"{row.verb}: {row.does}" if row.verb in row.usage else f"{row.usage}: {row.does}"
        for row in page.rows
        if row.does
    ]
    return "\n".join([*lines, *told, *page.notes]) + "\n"
