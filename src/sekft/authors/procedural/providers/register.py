"""Named slots; some hold a directive, read by name; nothing is acknowledged."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="slot",
    roles=("list", "read"),
    ids=("word", "pair"),
    heads=("plain", "keyed", "arrow", "indented"),
    empty=(
        "no <noun> is set for <user>",
        "<user> has no <nouns> set",
        "all <nouns> of <user> are blank",
        "<nouns> set: 0",
    ),
    summary=(
        "a register of named <nouns>",
        "<nouns> with names, for <host>",
        "keeps short texts by name",
        "<nouns> under names, for <user> and others",
    ),
    acks=("none",),
)
