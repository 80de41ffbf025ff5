"""The entry comes first, what to do with it second."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.authors.procedural.provider.interface import Interface, Syntax
from sekft.authors.procedural.provider.semantics import Operation


def spell(interface: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
    return [" ".join([interface.tool, *values[:1], operation.verb, *values[1:]])]


def parse(interface: Interface) -> str:
    alone = "|".join(operation.verb for operation in interface.known if not operation.takes) or "''"
    every = "|".join(operation.verb for operation in interface.known)
    return f'case $1 in {alone}) op=$1 a1= a2= ;; *) case ${{2-}} in {every}) ;; *) wrong "${{2-$1}}" ;; esac; op=$2 a1=$1 a2=${{3-}} ;; esac'


SYNTAX = Syntax(spell, parse)
