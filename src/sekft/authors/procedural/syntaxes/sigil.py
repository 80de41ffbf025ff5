"""The operation is a word behind a sign."""

from __future__ import annotations

from sekft.authors.procedural.provider.interface import Interface, Syntax


def parse(interface: Interface) -> str:
    sign = interface.variant
    return f"case $1 in '{sign}'*) op=${{1#'{sign}'}} a1=${{2-}} a2=${{3-}} ;; *) wrong \"$1\" ;; esac"


SYNTAX = Syntax(
    spell=lambda interface, operation, values: [
        " ".join([f"{interface.tool} {interface.variant}{operation.verb}", *values])
    ],
    parse=parse,
    variants=("+", "-", "%", ":", "@", ","),
)
