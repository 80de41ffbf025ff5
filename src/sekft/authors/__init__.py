"""Authors: where scenarios come from. `make` builds one by its name."""

from __future__ import annotations

from typing import Literal, overload

from sekft.drafts import Mender
from sekft.errors import UsageError
from sekft.protocols import Author

NAMES = ("procedural", "teacher", "hybrid")


@overload
def make(name: Literal["procedural"], repairs: int = ...) -> Author: ...
@overload
def make(name: str, repairs: int = ...) -> Author | Mender: ...
def make(name: str, repairs: int = 2) -> Author | Mender:
    """repairs: how often a model may mend a candidate that was refused. Raises UsageError for an unknown author."""
    if name == "procedural":
        from sekft.authors.procedural.author import ProceduralAuthor

        return ProceduralAuthor()
    if name == "teacher":
        from sekft.authors import teacher

        return teacher.make(repairs)
    if name == "hybrid":
        from sekft.authors import hybrid

        return hybrid.make(repairs)
    raise UsageError(f"--author {name!r}: known authors: {', '.join(NAMES)}")
