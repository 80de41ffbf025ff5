"""Entries with an id, listed and shown one by one; each is closed once it has been carried out."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="case",
    roles=("list", "read"),
    ids=("number", "prefixed", "word", "dotted", "hex", "serial", "suffixed"),
    heads=("plain", "titled", "fields", "barred", "signed"),
    empty=(
        "no open <nouns> for <user>",
        "<user> has no <nouns> waiting",
        "0 <nouns> open for <user>",
        "nothing open, <user>",
    ),
    summary=(
        "<nouns> for the people of this host",
        "the <noun> desk of <host>",
        "keeps the <nouns> of <host>",
        "<nouns>, from opening to closing",
    ),
    acks=("id", "word"),
)
