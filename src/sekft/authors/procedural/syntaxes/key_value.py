"""Words of the form key=value, in any order."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax, arguments, by_name
from sekft.authors.procedural.provider.semantics import Operation


def spell(interface: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    first = f"{interface.opkey}{interface.variant}{operation.verb}"
    rest = [
        f"{interface.keys[name]}{interface.variant}{value}"
        for name, value in zip(operation.takes, values, strict=False)
    ]
    ways = [[first, *rest], [*rest, first]]
    return [" ".join([interface.tool, *way]) for way in (ways if rest else ways[:1])]


def parse(interface: Interface) -> str:
    sign = interface.variant
    rows = [f"{interface.opkey}{sign}*) op=${{word#*{sign}}} ;;"]
    for name, key in arguments(interface):
        rows.append(f"{key}{sign}*) v_{name}=${{word#*{sign}}} ;;")
    return f'op=\nfor word; do case $word in {" ".join(rows)} *) wrong "$word" ;; esac; done\n{by_name(interface)}'


SYNTAX = Syntax(
    spell, parse, variants=("=", ":"), note="[The order of the words is free.|Words may come in any order.]"
)
