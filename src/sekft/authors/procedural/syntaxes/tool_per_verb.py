"""A program of its own for each operation; the bare name only explains."""

from __future__ import annotations

from sekft.authors.procedural.provider.interface import Syntax

SYNTAX = Syntax(
    spell=lambda interface, operation, values: [" ".join([f"{interface.tool}-{operation.verb}", *values])],
    parse=lambda interface: (
        f'op=${{0##*/}}; case $op in {interface.tool}-*) op=${{op#{interface.tool}-}} a1=${{1-}} a2=${{2-}} ;; *) wrong "$1" ;; esac'
    ),
    bare='[ $# -eq 0 ] && [ "${0##*/}" = @TOOL@ ]',
)
