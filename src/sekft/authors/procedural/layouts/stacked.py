"""Each call on a line, what it does on the next."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
    lead = rng.choice(["   ... ", "    # ", "\t", "  |  "])
    rows = [row.usage + (f"\n{lead}{row.does}" if row.does else "") for row in page.rows]
    return f"# {page.tool}, {page.summary}\n" + "\n".join([*rows, *page.notes]) + "\n"
