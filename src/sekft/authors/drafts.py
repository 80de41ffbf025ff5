"""The draft of an author that draws once and learns nothing."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field

from pydantic import ValidationError

from sekft.rejection import Rejected, unreadable
from sekft.scenario import Scenario


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
