"""Authors that can be told what is wrong with their candidate, and how any author is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from pydantic import ValidationError

from sekft.protocols import Author
from sekft.rejection import Rejected
from sekft.scenario import Cell, Scenario
from sekft.structure import unreadable


class Draft(Protocol):
    """One scenario in the making. exchange: what was said with a model, in order; kept beside a rejected draw."""

    exchange: list[dict[str, str]]

    async def next(self, refused: Rejected | None) -> Scenario | Rejected | None:
        """A candidate, why there is none this time, or None: no other will come.

        refused: why the last one was not admitted; None at first.
        Raises InfraError and EndpointError.
        """
        ...


@runtime_checkable
class Mender(Protocol):
    """An author that mends what is refused. settings: what a folder made by it is made with."""

    name: str
    settings: Mapping[str, str]

    def begin(self, cell: Cell, seed: int) -> Draft: ...

    def met(self, scenario: Scenario) -> None:
        """This one was admitted: later candidates are to differ from it."""
        ...


@dataclass
class Single:
    """The draft of an author that draws once and learns nothing."""

    author: Author
    cell: Cell
    seed: int
    skin: int
    exchange: list[dict[str, str]] = field(default_factory=list)

    async def next(self, refused: Rejected | None) -> Scenario | Rejected | None:
        if refused is not None:
            return None
        try:
            return await self.author.draw(self.cell, self.seed, self.skin)
        except ValidationError as error:
            return unreadable(error)


def begin(author: Author | Mender, cell: Cell, seed: int, skin: int) -> Draft:
    return author.begin(cell, seed) if isinstance(author, Mender) else Single(author, cell, seed, skin)
