"""Calls as someone would have typed them, each under a remark on what it is for."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
    prompt = rng.choice(["$ ", "> ", "% ", "# "])
    lead = rng.choice(["", "-- ", ": "])
    rows = [(f"{lead}{row.does}\n" if row.does else "") + f"  {prompt}{row.usage}" for row in page.rows]
    return f"{page.tool} ({page.summary})\n\n" + "\n".join([*rows, "", *page.notes]).rstrip() + "\n"
