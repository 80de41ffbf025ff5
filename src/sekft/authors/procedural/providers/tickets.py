"""Entries with an id, listed and shown one by one; each is closed once it has been carried out."""

from __future__ import annotations

from sekft.authors.procedural.meaning import Kind

KIND = Kind(
    nouns=(("ticket", "tickets"), ("order", "orders"), ("request", "requests"), ("case", "cases"), ("chit", "chits")),
    roles=("list", "read", "ack"),
    verbs={
        "list": "list open pending index roster queue waiting survey outline",
        "read": "show view detail print display open-up inspect expand",
        "ack": "close finish resolve settle complete done retire conclude",
    },
    ids=("number", "prefixed", "word", "dotted", "hex"),
    does={
        "list": ("lists the <nouns> that [wait|are open]", "prints [one line for each|every] open <noun>"),
        "read": ("prints what <noun> <id> asks for", "shows the [whole|full] text of <noun> <id>"),
        "ack": (
            "closes <noun> <id>, which counts as carried out only then",
            "marks <noun> <id> as carried out; until then it stays open",
        ),
    },
    heads=("plain", "titled", "fields"),
    empty=("no open <nouns> for <user>", "<user> has no <nouns> waiting", "0 <nouns> open for <user>"),
    done=("<noun> <id> closed", "<id>: closed", "closed <id>"),
    summary=("<nouns> for the people of this host", "the <noun> desk of <host>", "keeps the <nouns> of <host>"),
)
