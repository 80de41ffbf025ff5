"""One sheet that says all there is; nothing is read one by one, nothing is acknowledged."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="post",
    roles=("sheet",),
    ids=("number", "lettered", "word", "dotted"),
    heads=("plain", "titled", "signed", "barred"),
    empty=(
        "the sheet of <user> is blank",
        "no <nouns> for <user> in this issue",
        "nothing to report to <user>",
        "<nouns> printed: 0",
    ),
    summary=(
        "the bulletin of <host>",
        "one sheet with all <nouns>",
        "prints the <nouns> of the day",
        "<nouns>, all on one sheet",
    ),
    acks=("none",),
)
