"""Authors: where scenarios come from. `make` builds one by its name."""

from __future__ import annotations

from sekft.errors import UsageError
from sekft.protocols import Author

NAMES = ("procedural", "teacher", "hybrid")


def make(name: str, repairs: int = 2, max_tokens: int | None = None, listed: bool = False) -> Author:
    """An author by its name.

    repairs:    how often a model may mend a candidate that was refused.
    max_tokens: for one answer of a model; None takes the author's own.
    listed:     the procedural author takes interfaces from a list instead of composing each anew.
    Raises UsageError for an unknown author, or a list for another one.
    """
    if listed and name != "procedural":
        raise UsageError(f"--listed-interfaces: --author {name} has none, want procedural")
    if name == "procedural":
        from sekft.authors.procedural.author import ProceduralAuthor

        return ProceduralAuthor(listed)
    if name == "teacher":
        from sekft.authors import teacher

        return teacher.make(repairs, max_tokens or teacher.MAX_TOKENS)
    if name == "hybrid":
        from sekft.authors import hybrid

        return hybrid.make(repairs, max_tokens or hybrid.MAX_TOKENS)
    raise UsageError(f"--author {name!r}: known authors: {', '.join(NAMES)}")
