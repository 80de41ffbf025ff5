"""Where scenarios come from: authors, found by name. Another package adds one as an entry point of `sekft.authors`.

A name stands for a function from `AuthorSettings` to an author, which inherits from `protocols.Author`.
"""

from __future__ import annotations

from collections.abc import Callable

from sekft.errors import UsageError
from sekft.protocols import Author, AuthorSettings, Family

KINDS = {
    "procedural": "sekft.authors.procedural.author:make",
    "teacher": "sekft.authors.teacher:make",
    "hybrid": "sekft.authors.hybrid:make",
}
FAMILY: Family[Callable[[AuthorSettings], Author]] = Family("author", "sekft.authors", KINDS)


def make(name: str, repairs: int = 2, max_tokens: int | None = None, listed: bool = False) -> Author:
    """An author by its name; the rest is `AuthorSettings`.

    Raises UsageError for an unknown author, naming the known ones, or for listed interfaces of another than procedural.
    """
    author = FAMILY.load(name)
    if listed and name != "procedural":
        raise UsageError(f"--listed-interfaces: --author {name} has none, want procedural")
    return author(AuthorSettings(repairs, max_tokens, listed))
