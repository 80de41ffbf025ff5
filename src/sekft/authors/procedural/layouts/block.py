"""A usage block: calls to the left, what they do to the right."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
    width = max(len(row.usage) for row in page.rows) + 2
    rows = [f"  {row.usage:<{width}}{row.does}".rstrip() for row in page.rows]
    title = rng.choice(["usage:", "Usage:", "USAGE", "calls:"])
    return f"{page.tool} - {page.summary}\n\n{title}\n" + "\n".join([*rows, *page.notes]) + "\n"
