"""Operation and noun together, in one order or the other, like a short phrase."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax
from sekft.authors.procedural.provider.semantics import Operation


def spell(interface: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    words = [operation.verb, interface.noun] if interface.variant == "verb_noun" else [interface.noun, operation.verb]
    return [" ".join([interface.tool, *words, *values])]


def parse(interface: Interface) -> str:
    verb, noun = ("1", "2") if interface.variant == "verb_noun" else ("2", "1")
    return f'[ $# -ge 2 ] || wrong "$1"; [ "${noun}" = {interface.noun} ] || wrong "${noun}"; op=${verb} a1=${{3-}} a2=${{4-}}'


SYNTAX = Syntax(spell, parse, variants=("verb_noun", "noun_verb"))
