"""A queue that hands out the oldest entry; its receipt acknowledges it and lets the next one come."""

from __future__ import annotations

from sekft.authors.procedural.meaning import Kind

KIND = Kind(
    nouns=(("job", "jobs"), ("errand", "errands"), ("slip", "slips"), ("task", "tasks"), ("parcel", "parcels")),
    roles=("next", "ack"),
    verbs={
        "next": "next peek front fetch take head-of upcoming draw",
        "ack": "ack confirm release return receipt hand-in sign-off clear",
    },
    ids=("hex", "prefixed", "dotted", "word"),
    does={
        "next": (
            "prints the oldest <noun> and its receipt",
            "hands out the <noun> at the head of the queue, with a receipt",
        ),
        "ack": (
            "takes the receipt of a <noun> that has been carried out; only then does the next one come up",
            "turns in receipt <id> once the <noun> has been carried out, which moves the queue on",
        ),
    },
    heads=("receipt_last", "receipt_first", "receipt_field"),
    empty=("the queue of <user> is empty", "no <noun> is queued for <user>", "nothing queued, <user>"),
    done=("receipt <id> taken", "<id> accepted", "<id> turned in"),
    summary=("hands out <nouns>, oldest first", "the <noun> queue of <host>", "a queue of <nouns>"),
)
