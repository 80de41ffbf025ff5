"""A numbered menu: the number says what is to be done, its arguments follow."""

from __future__ import annotations

from sekft.authors.procedural.provider.interface import Interface, Syntax


def parse(interface: Interface) -> str:
    rows = " ".join(f"{operation.number}) op={operation.verb} ;;" for operation in interface.known)
    return f'case $1 in {rows} *) wrong "$1" ;; esac; a1=${{2-}} a2=${{3-}}'


SYNTAX = Syntax(
    spell=lambda interface, operation, values: [" ".join([interface.tool, str(operation.number), *values])],
    parse=parse,
)
