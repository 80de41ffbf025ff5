"""The operation is the first word, its arguments follow."""

from __future__ import annotations

from sekft.authors.procedural.provider.interface import Syntax

SYNTAX = Syntax(
    spell=lambda interface, operation, values: [" ".join([interface.tool, operation.verb, *values])],
    parse=lambda interface: "op=$1 a1=${2-} a2=${3-}",
)
