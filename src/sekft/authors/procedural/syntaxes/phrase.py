"""Operation and noun together, in one order or the other, like a short phrase."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax
from sekft.authors.procedural.provider.semantics import Operation


def spell(face: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    words = [operation.verb, face.noun] if face.variant == "verb_noun" else [face.noun, operation.verb]
    return [" ".join([face.tool, *words, *values])]


def parse(face: Interface) -> str:
    verb, noun = ("1", "2") if face.variant == "verb_noun" else ("2", "1")
    return (
        f'[ $# -ge 2 ] || wrong "$1"; [ "${noun}" = {face.noun} ] || wrong "${noun}"; op=${verb} a1=${{3-}} a2=${{4-}}'
    )


SYNTAX = Syntax(spell, parse, variants=("verb_noun", "noun_verb"))
