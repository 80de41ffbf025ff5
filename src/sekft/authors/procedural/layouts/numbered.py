"""A numbered list."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
    point = rng.choice([".", ")", ":"])
    rows = [
        f" ({at}{point} ".replace("(", "") + row.usage + (f"\n    {row.does}" if row.does else "")
        for at, row in enumerate(page.rows, 1)
    ]
    return f"{page.summary.capitalize()} ({page.tool})\n\n" + "\n".join([*rows, "", *page.notes]).rstrip() + "\n"
