"""One quoted expression: the operation, then conditions."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax, arguments, by_name
from sekft.authors.procedural.provider.semantics import Operation


def spell(face: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    conditions = [f"{face.keys[name]}={value}" for name, value in zip(operation.takes, values, strict=False)]
    text = operation.verb + (f" {face.variant} " if conditions else "") + " and ".join(conditions)
    return [f"{face.tool} '{text}'", f'{face.tool} "{text}"']


def parse(face: Interface) -> str:
    rows = [f"'{face.variant}'|and) ;;"]
    for name, key in arguments(face):
        rows.append(f"{key}=*) v_{name}=${{word#*=}} ;;")
    return f'set -f; set -- $*; set +f; op=$1; shift\nfor word; do case $word in {" ".join(rows)} *) wrong "$word" ;; esac; done\n{by_name(face)}'


SYNTAX = Syntax(spell, parse, variants=("where", "with", "for", "of"))
