"""Entries that are listed and claimed; a claim gives text and receipt, and the receipt closes it."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="job",
    roles=("list", "read"),
    ids=("number", "prefixed", "lettered", "hex"),
    heads=("plain", "titled", "barred", "indented"),
    empty=(
        "no <noun> to be had, <user>",
        "no <nouns> on offer for <user>",
        "nothing on offer",
        "every <noun> is taken",
    ),
    summary=(
        "<nouns> on offer, claimed one by one",
        "gives out <nouns> against a receipt",
        "<nouns> that anyone on the list may take",
        "a counter for <nouns>",
    ),
    acks=("receipt",),
)
