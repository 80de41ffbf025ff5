"""A bullet for each call."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
    mark, dash = rng.choice([("*", "--"), ("-", ":"), ("o", "-"), (">", "=>")])
    rows = [f"  {mark} {row.usage}" + (f" {dash} {row.does}" if row.does else "") for row in page.rows]
    return f"{page.summary.capitalize()}\n\n" + "\n".join([*rows, "", *page.notes]).rstrip() + "\n"
