"""A queue that hands out the oldest entry; acknowledging it lets the next one come."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

EXCLUDES = {"decoy": {"forged", "revoked"}}
KIND = ProviderKind(
    theme="job",
    roles=("next",),
    ids=("hex", "prefixed", "dotted", "word", "suffixed"),
    heads=("plain", "titled", "barred", "signed", "indented"),
    empty=(
        "the queue of <user> is empty",
        "no <noun> is queued for <user>",
        "nothing queued, <user>",
        "queue length 0",
    ),
    summary=(
        "hands out <nouns>, oldest first",
        "the <noun> queue of <host>",
        "a queue of <nouns>",
        "<nouns> in the order in which they came",
    ),
    acks=("receipt", "last"),
)
