"""A long list in pages that shows closed entries, too; the open one is looked for, read and closed."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="case",
    roles=("list", "page", "read"),
    ids=("number", "prefixed", "serial", "hex", "year"),
    heads=("titled", "fields", "barred", "plain"),
    empty=("nothing open for <user>", "no <noun> of <user> is open", "open <nouns>: none", "all <nouns> are closed"),
    summary=(
        "all <nouns> of <host>, in pages",
        "the long list of <nouns>",
        "every <noun> since the beginning",
        "a roster of <nouns>",
    ),
    acks=("id",),
    every=True,
)
