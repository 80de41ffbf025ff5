"""Named notes that are changed over time; only the present text counts, a former one can be looked at."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="note",
    roles=("list", "read"),
    ids=("word", "pair", "prefixed"),
    heads=("plain", "titled", "keyed", "indented"),
    empty=(
        "no current <noun> for <user>",
        "<user> has no <nouns>",
        "no <noun> holds anything for <user>",
        "<nouns> in force: none",
    ),
    summary=(
        "<nouns> and their former texts",
        "keeps <nouns>, and what they said before",
        "<nouns> of <host>, with their history",
        "texts that change, under names that stay",
    ),
    acks=("none",),
    extra=("older",),
)
