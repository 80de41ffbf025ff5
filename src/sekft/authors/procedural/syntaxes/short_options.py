"""Short options only: the operation's takes the first argument, a second has an option of its own."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax
from sekft.authors.procedural.provider.semantics import Operation

_SECOND = "-K"


def spell(interface: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    words = [f"-{operation.letter}", *values[:1], *(f"{_SECOND} {value}" for value in values[1:])]
    return [" ".join([interface.tool, *words])]


def parse(interface: Interface) -> str:
    rows = [
        f"-{o.letter}) op={o.verb};" + (" a1=${2-}; [ $# -lt 2 ] || shift ;;" if o.takes else " ;;")
        for o in interface.known
    ]
    rows.append(f"{_SECOND}) a2=${{2-}}; [ $# -lt 2 ] || shift ;;")
    return f'op= a1= a2=\nwhile [ $# -gt 0 ]; do case $1 in {" ".join(rows)} *) wrong "$1" ;; esac; shift; done'


SYNTAX = Syntax(spell, parse)
