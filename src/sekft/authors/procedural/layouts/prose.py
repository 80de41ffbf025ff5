"""Running text that names each call in its sentence."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
    form = rng.choice(["`{}` {}.", "With `{}` the program {}.", "`{}`: {}."])
    if "With" in form and not all(row.does.split(" ")[0].endswith("s") for row in page.rows):
        form = "`{}`: {}."
    parts = [form.format(row.usage, row.does) if row.does else f"`{row.usage}` is there, too." for row in page.rows]
    return f"{page.tool}: {page.summary}.\n\n" + "\n".join([*parts, *page.notes]) + "\n"
