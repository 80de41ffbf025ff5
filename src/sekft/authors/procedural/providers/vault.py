"""Everything but the first call wants a pass, which that first call gives."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="letter",
    roles=("pass", "list", "read"),
    ids=("number", "word", "lettered", "suffixed"),
    heads=("plain", "titled", "mail_short", "signed"),
    empty=(
        "nothing is kept for <user>",
        "no <nouns> under this pass",
        "the vault holds no <nouns> for <user>",
        "<nouns> kept: 0",
    ),
    summary=(
        "<nouns> kept behind a pass",
        "a vault for <nouns>",
        "<nouns> for those who have the pass",
        "guarded <nouns>",
    ),
    acks=("none", "id"),
)
