"""What is wanted to the left, the call for it to the right."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
    width = max(len(row.does or row.verb) for row in page.rows) + 2
    rows = [f"{row.does or row.verb:<{width}}{row.usage}" for row in page.rows]
    return f"{page.tool} ({page.summary})\n\n" + "\n".join([*rows, "", *page.notes]).rstrip() + "\n"
