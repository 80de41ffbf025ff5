"""One quoted expression: the operation, then conditions."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax, arguments, by_name
from sekft.authors.procedural.provider.semantics import Operation


def spell(interface: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    conditions = [f"{interface.keys[name]}={value}" for name, value in zip(operation.takes, values, strict=False)]
    text = operation.verb + (f" {interface.variant} " if conditions else "") + " and ".join(conditions)
    return [f"{interface.tool} '{text}'", f'{interface.tool} "{text}"']


def parse(interface: Interface) -> str:
    rows = [f"'{interface.variant}'|and) ;;"]
    for name, key in arguments(interface):
        rows.append(f"{key}=*) v_{name}=${{word#*=}} ;;")
    return f'set -f; set -- $*; set +f; op=$1; shift\nfor word; do case $word in {" ".join(rows)} *) wrong "$word" ;; esac; done\n{by_name(interface)}'


SYNTAX = Syntax(spell, parse, variants=("where", "with", "for", "of"))
