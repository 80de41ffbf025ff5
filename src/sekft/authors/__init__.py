"""Where scenarios come from: authors, found by name. Another package adds one as an entry point of `sekft.authors`.

A name stands for a function from `AuthorConfig` to an author, which inherits from `protocols.Author`.
"""

from __future__ import annotations

from collections.abc import Callable

from sekft.errors import UsageError
from sekft.protocols import Author, AuthorConfig, Family

KINDS = {
    "procedural": "sekft.authors.procedural.author:make",
    "teacher": "sekft.authors.teacher:make",
    "hybrid": "sekft.authors.hybrid:make",
}
FAMILY: Family[Callable[[AuthorConfig], Author]] = Family("author", "sekft.authors", KINDS)


def make(name: str, config: AuthorConfig) -> Author:
    """An author by its name.

    Raises UsageError for an unknown author, naming the known ones, or for listed interfaces of another than procedural.
    """
    author = FAMILY.load(name)
    if config.listed_interfaces and name != "procedural":
        raise UsageError(f"--listed-interfaces: --author {name} has none, want procedural")
    return author(config)
