"""Long options only: one for the operation, others for what it takes."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax, arguments, by_name
from sekft.authors.procedural.provider.semantics import Operation


def spell(interface: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    words = [f"--{operation.verb}"]
    words += [
        f"--{interface.keys[name]}{interface.variant}{value}"
        for name, value in zip(operation.takes, values, strict=False)
    ]
    return [" ".join([interface.tool, *words])]


def parse(interface: Interface) -> str:
    rows = [f"--{operation.verb}) op={operation.verb} ;;" for operation in interface.known]
    for name, key in arguments(interface):
        rows.append(
            f"--{key}=*) v_{name}=${{1#*=}} ;;"
            if interface.variant == "="
            else f"--{key}) v_{name}=${{2-}}; [ $# -lt 2 ] || shift ;;"
        )
    return f'op=\nwhile [ $# -gt 0 ]; do case $1 in {" ".join(rows)} *) wrong "$1" ;; esac; shift; done\n{by_name(interface)}'


SYNTAX = Syntax(spell, parse, variants=("=", " "))
