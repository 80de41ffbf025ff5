"""Authors that draw a candidate once and learn nothing from a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from sekft.protocols import Author, Draft
from sekft.rejection import Rejected, unreadable
from sekft.scenario import Cell, Scenario


@dataclass
class SingleDraft:
    """candidate: the only one; it is awaited at the first next()."""

    candidate: Awaitable[Scenario]
    exchange: list[dict[str, str]] = field(default_factory=list)

    async def next(self, refused: Rejected | None) -> Scenario | Rejected | None:
        if refused is not None:
            return None
        try:
            return await self.candidate
        except ValidationError as error:
            return unreadable(error)


class DrawingAuthor(Author):
    """An author of which only draw() is to be written."""

    settings: Mapping[str, str] = {}
    skins = True

    async def draw(self, cell: Cell, seed: int, skin: int = 0) -> Scenario:
        """The same cell, seed and skin give the same scenario. May raise pydantic's ValidationError."""
        raise NotImplementedError(f"{type(self).__name__} draws nothing")

    def begin(self, cell: Cell, seed: int, skin: int = 0) -> Draft:
        return SingleDraft(self.draw(cell, seed, skin))
