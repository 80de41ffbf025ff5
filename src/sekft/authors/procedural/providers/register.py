"""Named slots, each holding one directive, read by name; nothing is acknowledged."""

from __future__ import annotations

from sekft.authors.procedural.meaning import Kind

KIND = Kind(
    nouns=(("slot", "slots"), ("page", "pages"), ("card", "cards"), ("pin", "pins"), ("leaf", "leaves")),
    roles=("list", "read"),
    verbs={
        "list": "keys names slots directory which labels contents",
        "read": "get lookup value cat-of recall consult pull",
    },
    ids=("word", "pair"),
    does={
        "list": ("prints the names of the <nouns> that are set", "names every <noun> that holds something"),
        "read": ("prints what <noun> <id> holds", "gives the content of <noun> <id>"),
    },
    heads=("plain", "keyed"),
    empty=("no <noun> is set for <user>", "<user> has no <nouns> set", "all <nouns> of <user> are blank"),
    summary=("a register of named <nouns>", "<nouns> with names, for <host>", "keeps short texts by name"),
)
