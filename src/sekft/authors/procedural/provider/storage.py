"""Where a provider keeps its entries: the files, and the sh functions that read and change them.

Each storage defines the functions `ids` (of waiting entries, in order), `past` (ids of
entries that are done), `title ID`, `sender ID`, `group ID`, `body ID` and `retire ID`, over $store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sekft.authors.procedural.provider.semantics import QueueEntry

Texts = dict[str, str]
"""Paths below the store, and what they hold."""


@dataclass(frozen=True)
class Storage:
    """files: the entries as they lie in the store. code: the sh functions. folders: that there always are."""

    files: Callable[[list[QueueEntry]], Texts]
    code: str
    folders: tuple[str, ...] = ()


def stored(name: str, entries: Iterable[QueueEntry]) -> Texts:
    """The store's files with these entries in it; former texts and receipts lie apart, whatever the storage."""
    listed = list(entries)
    receipts = "".join(f"{e.id} {e.receipt}\n" for e in listed if e.receipt)
    apart = {f"former.{e.id}": e.older + "\n" for e in listed if e.older} | ({"receipts": receipts} if receipts else {})
    return STORAGES[name].files(listed) | apart


def _folders(entries: list[QueueEntry]) -> Texts:
    return {f"{'new' if e.waiting else 'old'}/{e.id}": f"{e.sender}\n{e.title}\n{e.group}\n{e.body}\n" for e in entries}


def _stamped(entries: list[QueueEntry]) -> Texts:
    return {
        f"{e.id}.entry": f"state: {'waiting' if e.waiting else 'over'}\nfrom: {e.sender}\nin: {e.group}\n"
        f"title: {e.title}\n\n{e.body}\n"
        for e in entries
    }


def _ledger(entries: list[QueueEntry]) -> Texts:
    rows = [f"{'+' if e.waiting else '-'}|{e.id}|{e.sender}|{e.group}|{e.title}|{e.body}" for e in entries]
    return {"ledger": "".join(row + "\n" for row in rows)}


def _index(entries: list[QueueEntry]) -> Texts:
    texts = {f"text.{e.id}": e.body + "\n" for e in entries}
    for name, waiting in (("waiting", True), ("over", False)):
        rows = sorted(f"{e.id}\t{e.sender}\t{e.group}\t{e.title}\n" for e in entries if e.waiting is waiting)
        texts[name] = "".join(rows)
    return texts


def _drawers(entries: list[QueueEntry]) -> Texts:
    return {
        f"{e.id}/{name}": text + "\n"
        for e in entries
        for name, text in (
            ("from", e.sender), ("title", e.title), ("in", e.group), ("text", e.body),
            ("state", "waiting" if e.waiting else "over"),
        )
    }  # fmt: skip


STORAGES: Mapping[str, Storage] = {
    "folders": Storage(
        _folders,
        """\
ids() { ls "$store/new"; }
past() { ls "$store/old"; }
at() { if [ -e "$store/new/$1" ]; then echo "$store/new/$1"; else echo "$store/old/$1"; fi; }
title() { sed -n 2p "$(at "$1")"; }
sender() { sed -n 1p "$(at "$1")"; }
group() { sed -n 3p "$(at "$1")"; }
body() { sed 1,3d "$(at "$1")"; }
retire() { mv "$store/new/$1" "$store/old/$1"; }""",
        folders=("new", "old"),
    ),
    "stamped": Storage(
        _stamped,
        """\
ids() { cd "$store" && grep -l '^state: waiting' *.entry 2>/dev/null | sed 's/.entry$//'; }
past() { cd "$store" && grep -l '^state: over' *.entry 2>/dev/null | sed 's/.entry$//'; }
line() { sed -n "s/^$1: //p" "$store/$2.entry" | head -n 1; }
title() { line title "$1"; }
sender() { line from "$1"; }
group() { line in "$1"; }
body() { sed '1,/^$/d' "$store/$1.entry"; }
retire() { sed -i '1s/waiting/over/' "$store/$1.entry"; }""",
    ),
    "ledger": Storage(
        _ledger,
        """\
ids() { sed -n 's/^+|//p' "$store/ledger" | cut -d '|' -f 1; }
past() { sed -n 's/^-|//p' "$store/ledger" | cut -d '|' -f 1; }
row() { awk -F '|' -v id="$1" '$2 == id' "$store/ledger"; }
title() { row "$1" | cut -d '|' -f 5; }
sender() { row "$1" | cut -d '|' -f 3; }
group() { row "$1" | cut -d '|' -f 4; }
body() { row "$1" | cut -d '|' -f 6-; }
retire() { awk -F '|' -v OFS='|' -v id="$1" '$2 == id { $1 = "-" } 1' "$store/ledger" >"/tmp/.ledger.$$" &&
  cat "/tmp/.ledger.$$" >"$store/ledger"; rm -f "/tmp/.ledger.$$"; }""",
    ),
    "index": Storage(
        _index,
        """\
tab=$(printf '\\t')
ids() { cut -f 1 "$store/waiting"; }
past() { cut -f 1 "$store/over"; }
row() { cat "$store/waiting" "$store/over" | grep "^$1$tab"; }
title() { row "$1" | cut -f 4; }
sender() { row "$1" | cut -f 2; }
group() { row "$1" | cut -f 3; }
body() { cat "$store/text.$1"; }
retire() { row "$1" >>"$store/over"; sort -o "$store/over" "$store/over"; grep -v "^$1$tab" "$store/waiting" >"/tmp/.wait.$$"
  cat "/tmp/.wait.$$" >"$store/waiting"; rm -f "/tmp/.wait.$$"; }""",
    ),
    "drawers": Storage(
        _drawers,
        """\
in_state() { cd "$store" && grep -lx "$1" */state 2>/dev/null | sed 's,/state$,,'; }
ids() { in_state waiting; }
past() { in_state over; }
title() { cat "$store/$1/title"; }
sender() { cat "$store/$1/from"; }
group() { cat "$store/$1/in"; }
body() { cat "$store/$1/text"; }
retire() { echo over >"$store/$1/state"; }""",
    ),
}
