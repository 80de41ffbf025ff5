"""Variables set before the command name say what is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax, arguments, by_name
from sekft.authors.procedural.provider.semantics import Operation


def _variable(word: str) -> str:
    """The word as a variable's name."""
    return word.upper().replace("-", "_")


def spell(interface: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    words = [f"{interface.opkey.upper()}={operation.verb}"]
    words += [
        f"{_variable(interface.keys[name])}={value}" for name, value in zip(operation.takes, values, strict=False)
    ]
    return [" ".join([*words, interface.tool])]


def parse(interface: Interface) -> str:
    values = " ".join(f"v_{name}=${{{_variable(key)}-}}" for name, key in arguments(interface))
    return f'[ $# -eq 0 ] || wrong "$1"\nop=${interface.opkey.upper()} {values}\n{by_name(interface)}'


SYNTAX = Syntax(
    spell,
    parse,
    bare='[ $# -eq 0 ] && [ -z "${@OPKEY@-}" ]',
    note="[<tool> takes no arguments: a call is made of variables set for it.|What is wanted is told by variables, not by arguments.]",
)
