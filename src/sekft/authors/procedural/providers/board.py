"""Boards that hold posts; a board is chosen, then a post on it is read."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="post",
    roles=("groups", "list", "read"),
    ids=("number", "word", "lettered", "serial"),
    heads=("titled", "signed", "barred", "plain"),
    empty=(
        "no <nouns> on any board for <user>",
        "all boards are bare, <user>",
        "nothing is up for <user>",
        "<nouns> up: none",
    ),
    summary=(
        "<nouns> that the people of <host> leave each other",
        "where <nouns> are put up",
        "the boards of <host>",
        "public <nouns>, sorted by place",
    ),
    acks=("none", "id"),
)
