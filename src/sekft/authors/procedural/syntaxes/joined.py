"""Operation and arguments are one word, joined by a sign."""

from __future__ import annotations

from sekft.authors.procedural.provider.interface import Interface, Syntax


def parse(interface: Interface) -> str:
    cut = f"case $rest in *'{interface.variant}'*) %s=${{rest%%%%'{interface.variant}'*}} rest=${{rest#*'{interface.variant}'}} ;; *) %s=$rest rest= ;; esac"
    return "rest=$1\n" + "\n".join(cut % (name, name) for name in ("op", "a1", "a2"))


SYNTAX = Syntax(
    spell=lambda interface, operation, values: [
        f"{interface.tool} {interface.variant.join([operation.verb, *values])}"
    ],
    parse=parse,
    variants=(":", "/", "=", "@", ",", "::"),
)
