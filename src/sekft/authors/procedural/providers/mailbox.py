"""Messages with a sender and a subject, listed and read; nothing is acknowledged."""

from __future__ import annotations

from sekft.authors.procedural.provider.semantics import ProviderKind

KIND = ProviderKind(
    theme="letter",
    roles=("list", "read"),
    ids=("number", "dotted", "prefixed", "lettered", "serial"),
    heads=("mail", "mail_short", "titled", "signed"),
    empty=(
        "no <nouns> for <user>",
        "the box of <user> holds no <nouns>",
        "<user>: nothing in the box",
        "no unanswered <nouns>, <user>",
    ),
    summary=(
        "<nouns> between the people of <host>",
        "the <noun> box of each user",
        "local <nouns>, without a network",
        "<nouns> sent and received on <host>",
    ),
    acks=("none",),
)
