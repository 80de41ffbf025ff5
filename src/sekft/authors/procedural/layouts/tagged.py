"""Tags before each part, as card files have them."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
    tags = rng.choice([("call", "effect"), ("form", "does"), ("type", "gives"), ("input", "outcome")])
    rows = [f"{tags[0]}: {row.usage}" + (f"\n{tags[1]}: {row.does}" if row.does else "") for row in page.rows]
    return (
        f"program: {page.tool}\npurpose: {page.summary}\n\n"
        + "\n\n".join(rows)
        + "".join(f"\n\nnote: {note}" for note in page.notes)
        + "\n"
    )
