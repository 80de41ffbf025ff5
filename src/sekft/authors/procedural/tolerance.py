"""Filters that make each sensible way to write a result the same: sh of every userland, for `tasks.job(alike=…)`.

Where people ask for a number, a list or a table, they rarely say whether it has a label, in which order it stands or
whether its header comes along. So the file and the right text go through the same filter, and what comes out is compared.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

FIGURES = "tr -cs 'A-Za-z0-9_-' '\\n' | grep -x '[0-9][0-9]*'"
"""Its numbers: a name or a unit may stand beside one."""

NAMES = "sed 's/: FAILED.*//' | tr -s ' ,;\\t' '\\n' | sed 's|.*/||; /^$/d' | sort"
"""Its names, in any order, with or without their folder; also as `md5sum -c` prints those that fail."""

SUMS = "sed 's/ [*]/ /; s|[^ ]*/||' | awk 'NF {$1 = $1; print}' | sort"
"""Lines of sums and names, in any order, with or without a folder."""

PAIRS = (
    "tr ':=,;|\\t' '      ' | sed 's|[^ ]*/||g; /^ *[0-9][0-9]* total *$/d'"
    " | awk 'NF == 2 && $1 ~ /^[0-9]+$/ {print $2, $1; next} NF {$1 = $1; print}' | sort"
)
"""Lines of a name and a number, in either order, also as `wc -l` prints them."""

SUBJECTS = "sed 's/^Subject: //' | sort"
"""Lines in any order, with or without the name of the header."""


def only(name: str, besides: Sequence[str]) -> str:
    """The words that are neither numbers nor one of these. name: the right answer, which is kept."""
    left_out = "|".join(word for word in ["[0-9]*", *besides] if word != name)
    return f"tr -cs 'A-Za-z0-9_-' '\\n' | grep -vxE '{left_out}'"


def rows(header: str) -> str:
    """The rows of a table in any order, quoted or not, without its header, "" where it has none."""
    cut = f" | grep -vxF {shlex.quote(' '.join(header.replace(chr(34), '').split()))}" if header else ""
    return f"tr -d '\"' | awk 'NF {{$1 = $1; print}}'{cut} | sort"


def words(rule: str = "", ordered: bool = True) -> str:
    """Lines whose words any blanks may part. rule: of awk, what to make of a line before. ordered: or in any order."""
    return f"awk '{rule}{{$1 = $1; print}}'{'' if ordered else ' | sort'}"


def alike(result: str, normal: str) -> str:
    """sh that succeeds when the file "$1" and this text are the same once both went through the filter."""
    right = f"printf '%s\\n' {shlex.quote(result.removesuffix(chr(10)))} | {{ {normal}; }}"
    return (
        '[ -f "$1" ] && [ ! -L "$1" ] && [ "$(stat -c %s "$1")" -lt 65536 ] &&'
        f' [ -n "$({right})" ] && [ "$({{ {normal}; }} < "$1" | sha256sum)" = "$({right} | sha256sum)" ]'
    )
