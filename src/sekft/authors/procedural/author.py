"""The procedural author: one scenario for a cell and a seed, without a model."""

from __future__ import annotations

from sekft.authors.drafts import DrawingAuthor
from sekft.authors.procedural.bundle import bundle
from sekft.authors.procedural.host import Job
from sekft.authors.procedural.sketch import sketch
from sekft.protocols import AuthorConfig
from sekft.scenario import Cell, Scenario


def make(config: AuthorConfig) -> ProceduralAuthor:
    return ProceduralAuthor(config.listed_interfaces)


class ProceduralAuthor(DrawingAuthor):
    """Draws scenarios without a model; the same cell, seed and skin give the same scenario.

    listed: each provider, syntax and layout has one tool, the same in every scenario, instead of always another one.
    """

    name = "procedural"

    def __init__(self, listed: bool = False) -> None:
        self.listed = listed

    async def draw(self, cell: Cell, seed: int, skin: int = 0) -> Scenario:
        return compose(cell, seed, skin, listed=self.listed)


def compose(cell: Cell, seed: int, skin: int = 0, given: Job | None = None, listed: bool = False) -> Scenario:
    """One candidate for this cell. given, listed: see `sketch`. Raises KeyError for a value without a kind."""
    return bundle(sketch(cell, seed, skin, given, listed), cell, seed)
