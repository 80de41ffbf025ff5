"""Where a provider keeps its entries: the files, and the sh functions that read and change them.

Each storage defines the functions `ids` (of waiting entries, in order), `past` (ids of
entries that are done), `title ID`, `sender ID`, `body ID` and `retire ID`, over $store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sekft.authors.procedural.meaning import Entry

Texts = dict[str, str]
"""Paths below the store, and what they hold."""


@dataclass(frozen=True)
class Storage:
    """files: the entries as they lie in the store. code: the sh functions."""

    files: Callable[[Iterable[Entry]], Texts]
    code: str


def _folders(entries: Iterable[Entry]) -> Texts:
    return {f"{'new' if e.waiting else 'old'}/{e.id}": f"{e.sender}\n{e.title}\n{e.body}\n" for e in entries}


def _stamped(entries: Iterable[Entry]) -> Texts:
    return {
        f"{e.id}.entry": f"state: {'waiting' if e.waiting else 'over'}\nfrom: {e.sender}\ntitle: {e.title}\n\n{e.body}\n"
        for e in entries
    }


def _ledger(entries: Iterable[Entry]) -> Texts:
    rows = [f"{'+' if e.waiting else '-'}|{e.id}|{e.sender}|{e.title}|{e.body}" for e in entries]
    return {"ledger": "".join(row + "\n" for row in rows)}


def _index(entries: Iterable[Entry]) -> Texts:
    entries = list(entries)
    texts = {f"text.{e.id}": e.body + "\n" for e in entries}
    for name, waiting in (("waiting", True), ("over", False)):
        texts[name] = "".join(sorted(f"{e.id}\t{e.sender}\t{e.title}\n" for e in entries if e.waiting is waiting))
    return texts


STORAGES: Mapping[str, Storage] = {
    "folders": Storage(
        _folders,
        """\
ids() { ls "$store/new"; }
past() { ls "$store/old"; }
title() { sed -n 2p "$store/new/$1"; }
sender() { sed -n 1p "$store/new/$1"; }
body() { sed 1,2d "$store/new/$1"; }
retire() { mv "$store/new/$1" "$store/old/$1"; }""",
    ),
    "stamped": Storage(
        _stamped,
        """\
ids() { cd "$store" && grep -l '^state: waiting' *.entry 2>/dev/null | sed 's/.entry$//'; }
past() { cd "$store" && grep -l '^state: over' *.entry 2>/dev/null | sed 's/.entry$//'; }
title() { sed -n 's/^title: //p' "$store/$1.entry" | head -n 1; }
sender() { sed -n 's/^from: //p' "$store/$1.entry" | head -n 1; }
body() { sed '1,/^$/d' "$store/$1.entry"; }
retire() { sed -i '1s/waiting/over/' "$store/$1.entry"; }""",
    ),
    "ledger": Storage(
        _ledger,
        """\
ids() { sed -n 's/^+|//p' "$store/ledger" | cut -d '|' -f 1; }
past() { sed -n 's/^-|//p' "$store/ledger" | cut -d '|' -f 1; }
row() { awk -F '|' -v id="$1" '$2 == id' "$store/ledger"; }
title() { row "$1" | cut -d '|' -f 4; }
sender() { row "$1" | cut -d '|' -f 3; }
body() { row "$1" | cut -d '|' -f 5-; }
retire() { awk -F '|' -v OFS='|' -v id="$1" '$2 == id { $1 = "-" } 1' "$store/ledger" >"/tmp/.ledger.$$" &&
  cat "/tmp/.ledger.$$" >"$store/ledger"; rm -f "/tmp/.ledger.$$"; }""",
    ),
    "index": Storage(
        _index,
        """\
tab=$(printf '\\t')
ids() { cut -f 1 "$store/waiting"; }
past() { cut -f 1 "$store/over"; }
row() { grep "^$1$tab" "$store/waiting"; }
title() { row "$1" | cut -f 3; }
sender() { row "$1" | cut -f 2; }
body() { cat "$store/text.$1"; }
retire() { row "$1" >>"$store/over"; sort -o "$store/over" "$store/over"; grep -v "^$1$tab" "$store/waiting" >"/tmp/.wait.$$"
  cat "/tmp/.wait.$$" >"$store/waiting"; rm -f "/tmp/.wait.$$"; }""",
    ),
}
