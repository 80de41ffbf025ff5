"""Authors: where scenarios come from. `make` builds one by its name."""

from __future__ import annotations

from sekft.errors import UsageError
from sekft.protocols import Author

NAMES = ("procedural",)


def make(name: str) -> Author:
    """Raises UsageError for an unknown author."""
    if name == "procedural":
        from sekft.authors.procedural.author import ProceduralAuthor

        return ProceduralAuthor()
    raise UsageError(f"--author {name!r}: known authors: {', '.join(NAMES)}")
