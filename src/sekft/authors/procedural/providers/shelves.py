"""Shelves, each read as a whole; the operator finds out which of them holds something."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="note",
    roles=("groups", "sheet"),
    ids=("number", "word", "lettered", "pair"),
    heads=("titled", "arrow", "barred", "keyed"),
    empty=(
        "every shelf is empty",
        "nothing lies there for <user>",
        "no <nouns> anywhere for <user>",
        "<nouns> lying there: 0",
    ),
    summary=("<nouns> sorted by place", "the filing of <host>", "where <nouns> lie", "<nouns>, place by place"),
    acks=("none", "id"),
)
