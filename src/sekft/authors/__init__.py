"""Authors: where scenarios come from. `make` builds one by its name."""

from __future__ import annotations

from typing import Literal, overload

from sekft.drafts import Mender
from sekft.errors import UsageError
from sekft.protocols import Author

NAMES = ("procedural", "teacher", "hybrid")


@overload
def make(name: Literal["procedural"], repairs: int = ..., max_tokens: int | None = ...) -> Author: ...
@overload
def make(name: str, repairs: int = ..., max_tokens: int | None = ...) -> Author | Mender: ...
def make(name: str, repairs: int = 2, max_tokens: int | None = None) -> Author | Mender:
    """An author by its name.

    repairs:    how often a model may mend a candidate that was refused.
    max_tokens: for one answer of a model; None takes the author's own.
    Raises UsageError for an unknown author.
    """
    if name == "procedural":
        from sekft.authors.procedural.author import ProceduralAuthor

        return ProceduralAuthor()
    if name == "teacher":
        from sekft.authors import teacher

        return teacher.make(repairs, max_tokens or teacher.MAX_TOKENS)
    if name == "hybrid":
        from sekft.authors import hybrid

        return hybrid.make(repairs, max_tokens or hybrid.MAX_TOKENS)
    raise UsageError(f"--author {name!r}: known authors: {', '.join(NAMES)}")
