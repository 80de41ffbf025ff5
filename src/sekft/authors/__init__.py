"""Where scenarios come from: authors, found by name. Another package adds one as an entry point of `sekft.authors`.

A name stands for a function from `AuthorConfig` to an author, which inherits from `protocols.Author`, or from
`DrawingAuthor` where it draws a candidate once and learns nothing from a refusal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from sekft.protocols import Author, AuthorConfig, Draft, Family
from sekft.rejection import Rejected, unreadable
from sekft.scenario import Cell, Scenario

VOLATILE = ["/tmp", "/var/tmp"]
"""What happens below these counts for nothing in a scenario."""
GRAMMAR = 12
"""Raised whenever a seed gives other scenarios than before: a folder of another grammar is not gone on with."""
KINDS = {
    "procedural": "sekft.authors.procedural.author:make",
    "teacher": "sekft.authors.teacher:make",
    "hybrid": "sekft.authors.hybrid:make",
}
_ASKING = ("repairs", "answer_tokens")
OPTIONS: dict[str, tuple[str, ...]] = {"procedural": ("listed_interfaces",), "teacher": _ASKING, "hybrid": _ASKING}
"""The options of each author of ours. Another package's author takes them all."""
FAMILY: Family[Callable[[AuthorConfig], Author]] = Family("author", "sekft.authors", KINDS)


def make(name: str, config: AuthorConfig) -> Author:
    """An author by its name.

    Raises UsageError for an unknown author, naming the known ones, and for an option that this one does not have.
    """
    author = FAMILY.load(name)
    config.refuse_inapplicable("--author", name, OPTIONS, AuthorConfig())
    return author(config)


@dataclass
class SingleDraft:
    """candidate: the only one; it is awaited at the first next()."""

    candidate: Awaitable[Scenario | Rejected]
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

    async def draw(self, cell: Cell, seed: int, skin: int = 0) -> Scenario | Rejected:
        """The same cell, seed and skin give the same scenario. May raise pydantic's ValidationError."""
        raise NotImplementedError(f"{type(self).__name__} draws nothing")

    def begin(self, cell: Cell, seed: int, skin: int = 0) -> Draft:
        return SingleDraft(self.draw(cell, seed, skin))
