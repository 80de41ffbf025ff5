"""A log that grows; a mark says up to where all is settled, and is moved once the entries after it are."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

EXCLUDES = {"decoy": {"forged", "revoked"}}
KIND = ProviderKind(
    theme="event",
    roles=("position", "since"),
    ids=("number",),
    heads=("titled", "barred", "arrow"),
    empty=("nothing after that number", "no later <nouns>", "no <nouns> since", "that was the last one"),
    summary=(
        "a log of <nouns> with a mark in it",
        "numbered <nouns>, settled in order",
        "the running log of <host>",
        "<nouns>, one after the other",
    ),
    acks=("commit",),
)
