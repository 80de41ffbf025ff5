"""The request is a line in a file whose name is the only argument."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax
from sekft.authors.procedural.provider.semantics import Operation


def spell(interface: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    request, path = " ".join([operation.verb, *values]), interface.drop_file
    return [
        f"echo '{request}' > {path} && {interface.tool} {path}",
        f"echo '{request}' > {path}; {interface.tool} {path}",
        f"printf '%s\\n' '{request}' > {path} && {interface.tool} {path}",
    ]


def parse(interface: Interface) -> str:
    return '[ -f "$1" ] || wrong "$1"\nop= a1= a2=; read -r op a1 a2 <"$1" || :\n[ -n "$op" ] || nothing'


SYNTAX = Syntax(
    spell,
    parse,
    note="[<tool> takes one argument, a file; its first line is the request.|A request is one line in a file, and the file is all that <tool> is given.]",
)
