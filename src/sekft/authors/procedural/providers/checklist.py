"""One sheet with all points and their text; each point is ticked once it has been carried out."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="point",
    roles=("sheet",),
    ids=("number", "lettered", "dotted"),
    heads=("arrow", "titled", "keyed", "signed"),
    empty=(
        "every <noun> of <user> is ticked",
        "no <noun> left for <user>",
        "the list of <user> is done",
        "<nouns> left: 0",
    ),
    summary=(
        "the check list of <host>",
        "a list of <nouns> to be ticked",
        "<nouns> for <user>, ticked one by one",
        "what has to be looked after, <noun> by <noun>",
    ),
    acks=("id", "word"),
)
