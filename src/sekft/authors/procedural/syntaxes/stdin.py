"""The request is a line on standard input; there are no arguments."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax
from sekft.authors.procedural.provider.semantics import Operation


def spell(interface: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    words = [operation.verb, *values]
    if interface.variant == "lines":
        text = "\\n".join(words)
        return [f"printf '{text}\\n' | {interface.tool}", f"{interface.tool} <<'EOF'\n" + "\n".join(words) + "\nEOF"]
    request = " ".join(words)
    return [
        f"echo '{request}' | {interface.tool}",
        f"printf '%s\\n' '{request}' | {interface.tool}",
        f"{interface.tool} <<'EOF'\n{request}\nEOF",
    ]


def parse(interface: Interface) -> str:
    if interface.variant == "lines":
        return '[ $# -eq 0 ] || wrong "$1"\na1= a2=; read -r op || op=; read -r a1 || :; read -r a2 || :\n[ -n "$op" ] || nothing'
    return '[ $# -eq 0 ] || wrong "$1"\nop= a1= a2=; read -r op a1 a2 || :\n[ -n "$op" ] || nothing'


SYNTAX = Syntax(
    spell,
    parse,
    variants=("words", "lines"),
    bare="false",
    note="[The request is read from standard input.|<tool> reads its request from standard input; it takes no arguments.]",
)
