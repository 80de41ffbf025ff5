"""A ruled table."""

from __future__ import annotations

import random

from sekft.authors.procedural.provider.documentation import Page


def lay_out(page: Page, rng: random.Random) -> str:
    wide, does = max(len(row.usage) for row in page.rows), max(len(row.does) for row in page.rows)
    rule = (
        f"+-{chr(45) * wide}-+-{chr(45) * does}-+" if rng.random() < 0.5 else f"|-{chr(45) * wide}-|-{chr(45) * does}-|"
    )
    rows = [f"| {row.usage:<{wide}} | {row.does:<{does}} |" for row in page.rows]
    return f"{page.tool}: {page.summary}\n" + "\n".join([rule, *rows, rule, *page.notes]) + "\n"
