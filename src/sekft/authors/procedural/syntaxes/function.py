"""One quoted expression in the form of a function call."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax
from sekft.authors.procedural.provider.semantics import Operation


def spell(interface: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    text = f"{operation.verb}({', '.join(values)})"
    return [f"{interface.tool} '{text}'", f'{interface.tool} "{text}"']


def parse(interface: Interface) -> str:
    return (
        "case $1 in *'('*')') ;; *) wrong \"$1\" ;; esac\n"
        "op=${1%%'('*} rest=${1#*'('}; rest=${rest%')'} a2=\n"
        "a1=${rest%%,*}; case $rest in *,*) a2=${rest#*,}; a2=${a2# } ;; esac"
    )


SYNTAX = Syntax(spell, parse)
