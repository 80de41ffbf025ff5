"""Messages with a sender and a subject, listed and read; nothing is acknowledged."""

from __future__ import annotations

from sekft.authors.procedural.meaning import Kind

KIND = Kind(
    nouns=(("message", "messages"), ("letter", "letters"), ("memo", "memos"), ("dispatch", "dispatches")),
    roles=("list", "read"),
    verbs={
        "list": "inbox headers list scan folder overview subjects",
        "read": "read open show message get unfold text",
    },
    ids=("number", "dotted", "prefixed"),
    does={
        "list": ("lists the <nouns> with sender and subject", "prints a line for each <noun> that is unanswered"),
        "read": ("prints <noun> <id>", "shows the text of <noun> <id>"),
    },
    heads=("mail", "mail_short", "titled"),
    empty=("no <nouns> for <user>", "the box of <user> holds no <nouns>", "<user>: nothing in the box"),
    summary=("<nouns> between the people of <host>", "the <noun> box of each user", "local <nouns>, without a network"),
)
