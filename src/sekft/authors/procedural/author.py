"""The procedural author: one scenario for a cell and a seed, without a model."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from sekft.authors.procedural.bundle import bundle
from sekft.authors.procedural.host import Job
from sekft.authors.procedural.sketch import sketch
from sekft.protocols import Draft
from sekft.rejection import Rejected, unreadable
from sekft.scenario import Cell, Scenario


class ProceduralAuthor:
    """Draws scenarios without a model; the same cell, seed and skin give the same scenario.

    listed: each provider, syntax and layout has one tool, the same in every scenario, instead of always another one.
    """

    name = "procedural"
    settings: Mapping[str, str] = {}
    skins = True

    def __init__(self, listed: bool = False) -> None:
        self.listed = listed

    def begin(self, cell: Cell, seed: int, skin: int = 0) -> Draft:
        return SingleDraft(self.draw(cell, seed, skin))

    def met(self, scenario: Scenario) -> None:
        """Scenarios differ by their seeds alone."""

    async def draw(self, cell: Cell, seed: int, skin: int = 0) -> Scenario:
        return compose(cell, seed, skin, listed=self.listed)


@dataclass
class SingleDraft:
    """drawn: the one candidate, not yet drawn; it is awaited at the first next()."""

    drawn: Awaitable[Scenario]
    exchange: list[dict[str, str]] = field(default_factory=list)

    async def next(self, refused: Rejected | None) -> Scenario | Rejected | None:
        if refused is not None:
            return None
        try:
            return await self.drawn
        except ValidationError as error:
            return unreadable(error)


def compose(cell: Cell, seed: int, skin: int = 0, given: Job | None = None, listed: bool = False) -> Scenario:
    """One candidate for this cell. given, listed: see `sketch`. Raises KeyError for a value without a kind."""
    return bundle(sketch(cell, seed, skin, given, listed), cell, seed)
