"""Dates, each with something noted for it; a date is read for what it asks."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="date",
    roles=("list", "read"),
    ids=("date",),
    heads=("plain", "keyed", "titled", "barred"),
    empty=(
        "no <noun> is noted for <user>",
        "nothing is planned for <user>",
        "the calendar of <user> is clear",
        "<nouns> ahead: none",
    ),
    summary=(
        "the calendar of <host>",
        "<nouns> and what is noted for them",
        "what is planned on <host>, by date",
        "keeps <nouns> for each user",
    ),
    acks=("none", "id"),
)
