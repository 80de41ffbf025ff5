"""Sections with headings in capitals, calls indented below them."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
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
