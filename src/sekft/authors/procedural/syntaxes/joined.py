"""Operation and arguments are one word, joined by a sign."""

from __future__ import annotations

from sekft.authors.procedural.provider.interface import Interface, Syntax


def parse(face: Interface) -> str:
    cut = f"case $rest in *'{face.variant}'*) %s=${{rest%%%%'{face.variant}'*}} rest=${{rest#*'{face.variant}'}} ;; *) %s=$rest rest= ;; esac"
    return "rest=$1\n" + "\n".join(cut % (name, name) for name in ("op", "a1", "a2"))


SYNTAX = Syntax(
    spell=lambda face, operation, values: [f"{face.tool} {face.variant.join([operation.verb, *values])}"],
    parse=parse,
    variants=(":", "/", "=", "@", ",", "::"),
)
