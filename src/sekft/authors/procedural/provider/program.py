"""The provider's program: one sh script rendered from its interface, storage and documentation.

A storage is where entries are kept: files, and the sh functions `ids` (of waiting entries, in order), `past` (ids of entries
that are done), `title ID`, `sender ID`, `group ID`, `body ID BEFORE` (with that before each line) and `retire ID`, over $store.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sekft.authors.procedural.provider.documentation import Documentation
from sekft.authors.procedural.provider.semantics import Operation, ProviderKind, QueueEntry, vocabulary
from sekft.authors.procedural.provider.syntaxes import Interface

_SLOT = re.compile(r"@(\w+)@")
PAGE_ROWS = 4
PAGING = f"""\
every() {{ {{ ids; past; }} | sort; }}
pages() {{ at=0; for id in $(every); do [ $((at % {PAGE_ROWS})) -gt 0 ] || echo $((at / {PAGE_ROWS} + 1)); at=$((at + 1)); done; }}
page() {{ number=$1 at=0 shown=; set -- $(every)
  for id; do [ $((at / {PAGE_ROWS} + 1)) -ne "$number" ] || shown="$shown $id"; at=$((at + 1)); done; rows $shown
  last=$((($# + {PAGE_ROWS} - 1) / {PAGE_ROWS}))
  if [ "$number" -lt "$last" ]; then echo "page $number of $last, next: page $((number + 1))"; else echo "page $number of $last"; fi; }}"""
LINES = """\
nl='
' tab='\t'
lines() { while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "${1-}$line"; done; }
has() { case $nl$2$nl in *"$nl$1$nl"*) ;; *) return 1 ;; esac; }"""
"""sh without a program of its own, because a call is made of many such steps and each start of a program costs more than all
else: `lines BEFORE` prints its input with that before each line, and `has LINE TEXT` looks for a line in a text."""


def render(
    kind: ProviderKind,
    interface: Interface,
    documentation: Documentation,
    code: str,
    store: str,
    user: str,
    texts: Mapping[str, str],
) -> str:
    """The whole script. code: of the storage.

    texts: what it prints, with $1 for an id or a word, and the name of the form of a receipt.
    """
    cases = "\n".join(f"{o.verb}) {_body(kind, interface, o, texts)} ;;" for o in interface.operations)
    if interface.former:
        cases += f'\n{interface.former[0].verb}) die {interface.codes["usage"]} "{texts["renamed"]}" ;;'
    nothing = "show_help >&2; exit" if documentation.bare else f'die {interface.codes["usage"]} "{texts["bare"]}"; exit'
    return f"""\
#!/bin/sh
store={shlex.quote(store)}
user={shlex.quote(user)}
{LINES}
{documentation.helps}
die() {{ printf '%s\\n' "{interface.tool}: $2" >&2; exit "$1"; }}
wrong() {{ die {interface.codes["usage"]} "{texts["wrong"]}"; }}
nothing() {{ {nothing} {interface.codes["usage"]}; }}
{code}
entry() {{ {_head(interface)}; }}
{_rows(kind, interface)}
{_guards(interface, texts)}
if {interface.bare.replace("@TOOL@", interface.tool).replace("@OPKEY@", interface.opkey.upper())}; then nothing; fi
case ${{1-}} in help) shift; show_help "$@"; exit 0 ;; esac
for word; do case $word in -h|--help) for word; do case $word in -*) ;; *) break ;; esac; done; show_help "$word"; exit 0 ;; esac; done
{interface.parse()}
case $op in
{cases}
*) wrong "$op" ;;
esac
"""


def _head(interface: Interface) -> str:
    noun = interface.noun
    return filled(vocabulary()["heads"][interface.head], noun=noun, Noun=noun.capitalize())


def _rows(kind: ProviderKind, interface: Interface) -> str:
    """sh that prints the list: `rows ID …`, `row ID`."""
    header, row = (
        filled(text, ID=interface.noun.upper(), id=interface.noun)
        for text in vocabulary()["list_formats"][interface.list_format]
    )
    arguments = ['"$id"', '"$(title "$id")"', '"$(sender "$id")"'][: row.count("%")]
    paging, state = "", ""
    if kind.every:
        header, row = f"STATE   {header}" if header else "", f"%-7s {row}"
        paging, state = PAGING + "\n", ' has "$id" "$over" && state="closed" || state="open";'
        arguments = ['"$state"', *arguments]
    top = ("over=$(past); " if kind.every else "") + (f"printf '{header}'; " if header else "")
    return f"{paging}rows() {{ {top}for id; do{state} printf '{row}' {' '.join(arguments)}; done; }}"


def _guards(interface: Interface, texts: Mapping[str, str]) -> str:
    """sh functions that refuse: a sealed store, a pass that is not the right one, ids that there are not."""
    usage, unknown = interface.codes["usage"], interface.codes["unknown"]
    lines = [
        f'open_one() {{ has "$1" "$(ids)" || die {unknown} "$1: not open"; }}',
        'receipt() { while read -r id slip; do [ "$id" != "$1" ] || echo "$slip"; done <"$store/receipts"; }',
        'holder() { while read -r id slip; do [ "$slip" != "$1" ] || echo "$id"; done <"$store/receipts"; }',
        f'unsealed() {{ [ ! -e "$store/sealed" ] || {{ lines <"$store/sealed" >&2; exit {interface.codes["sealed"]}; }}; }}',
    ]
    for name in dict.fromkeys(name for operation in interface.operations for name in operation.takes):
        known = filled(vocabulary()["known"][name], done_word=interface.done_word)
        lines.append(
            f'want_{name}() {{ [ -n "$1" ] || die {usage} "{texts[f"missing_{name}"]}"; '
            f'has "$1" "$({known})" || die {unknown} "{texts[f"unknown_{name}"]}"; }}'
        )
    return "\n".join(lines)


def _body(kind: ProviderKind, interface: Interface, operation: Operation, texts: Mapping[str, str]) -> str:
    """The operation's sh: refusals first, then what it does; $a1 and $a2 are its arguments."""
    pieces, role = vocabulary()["pieces"], operation.role
    key = interface.ack if role == "ack" else "paged" if role == "list" and kind.every else role
    unsealed = "" if role == "past" else "unsealed; "
    wants = "".join(f'want_{name} "$a{at}"; ' for at, name in enumerate(operation.takes, 1))
    slots = {
        "tool": interface.tool, "nouns": interface.nouns, "receipt": interface.keys["receipt"], "done_word": interface.done_word,
        "unknown": str(interface.codes["unknown"]),
        "waiting": pieces["in_group"] if operation.takes[:1] == ("group",) else "ids",
        "single": vocabulary()["receipts"][texts["receipt_form"]] if interface.ack == "receipt" else 'entry "$1"',
    }  # fmt: skip
    return unsealed + wants + filled(vocabulary()["bodies"][key], **pieces, **texts, **slots)


def filled(template: str, **slots: str) -> str:
    """sh of vocabulary.toml with every @slot@ filled, those that the slots themselves have included."""
    return _SLOT.sub(lambda match: filled(slots[match[1]], **slots), template)


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
names() { for at in "$1"/*; do [ ! -e "$at" ] || echo "${at##*/}"; done; }
ids() { names "$store/new"; }
past() { names "$store/old"; }
at() { at=$store/new/$1; [ -e "$at" ] || at=$store/old/$1; }
head() { at "$1"; { IFS= read -r from; IFS= read -r title; IFS= read -r group; } <"$at"; }
title() { head "$1"; printf '%s\n' "$title"; }
sender() { head "$1"; printf '%s\n' "$from"; }
group() { head "$1"; printf '%s\n' "$group"; }
body() { at "$1"; { read -r line; read -r line; read -r line; lines "${2-}"; } <"$at"; }
retire() { mv "$store/new/$1" "$store/old/$1"; }""",
        folders=("new", "old"),
    ),
    "stamped": Storage(
        _stamped,
        """\
in_state() { for at in "$store"/*.entry; do
    [ -e "$at" ] && IFS= read -r line <"$at" && [ "$line" = "state: $1" ] || continue
    at=${at##*/}; echo "${at%.entry}"; done; }
ids() { in_state waiting; }
past() { in_state over; }
line() { while IFS= read -r line; do case $line in "$1: "*) printf '%s\n' "${line#*: }"; return ;; esac; done <"$store/$2.entry"; }
title() { line title "$1"; }
sender() { line from "$1"; }
group() { line in "$1"; }
body() { { while IFS= read -r line && [ -n "$line" ]; do :; done; lines "${2-}"; } <"$store/$1.entry"; }
retire() { text=$({ IFS= read -r line; lines; } <"$store/$1.entry"); printf '%s\n' "state: over" "$text" >"$store/$1.entry"; }""",
    ),
    "ledger": Storage(
        _ledger,
        """\
in_state() { while IFS= read -r line; do case $line in "$1|"*) line=${line#*|}; echo "${line%%|*}" ;; esac; done <"$store/ledger"; }
ids() { in_state +; }
past() { in_state -; }
row() { while IFS= read -r row; do case $row in ?"|$1|"*) return ;; esac; done <"$store/ledger"; row=; }
title() { row "$1"; row=${row#*|*|*|*|}; printf '%s\n' "${row%%|*}"; }
sender() { row "$1"; row=${row#*|*|}; printf '%s\n' "${row%%|*}"; }
group() { row "$1"; row=${row#*|*|*|}; printf '%s\n' "${row%%|*}"; }
body() { row "$1"; printf '%s\n' "${2-}${row#*|*|*|*|*|}"; }
retire() { text=$(while IFS= read -r line; do case $line in ?"|$1|"*) line=-${line#?} ;; esac; printf '%s\n' "$line"; done <"$store/ledger")
  printf '%s\n' "$text" >"$store/ledger"; }""",
    ),
    "index": Storage(
        _index,
        """\
names() { while IFS= read -r line; do echo "${line%%"$tab"*}"; done <"$1"; }
ids() { names "$store/waiting"; }
past() { names "$store/over"; }
row() { for at in waiting over; do
    while IFS= read -r row; do case $row in "$1$tab"*) return ;; esac; done <"$store/$at"; done; row=; }
title() { row "$1"; printf '%s\n' "${row##*"$tab"}"; }
sender() { row "$1"; row=${row#*"$tab"}; printf '%s\n' "${row%%"$tab"*}"; }
group() { row "$1"; row=${row#*"$tab"*"$tab"}; printf '%s\n' "${row%%"$tab"*}"; }
body() { lines "${2-}" <"$store/text.$1"; }
retire() { row "$1"; printf '%s\n' "$row" >>"$store/over"; sort -o "$store/over" "$store/over"
  left=$(while IFS= read -r line; do case $line in "$1$tab"*) ;; *) printf '%s\n' "$line" ;; esac; done <"$store/waiting")
  printf %s "${left:+$left$nl}" >"$store/waiting"; }""",
    ),
    "drawers": Storage(
        _drawers,
        """\
in_state() { for at in "$store"/*/state; do
    [ -e "$at" ] && IFS= read -r line <"$at" && [ "$line" = "$1" ] || continue
    at=${at%/state}; echo "${at##*/}"; done; }
ids() { in_state waiting; }
past() { in_state over; }
title() { lines <"$store/$1/title"; }
sender() { lines <"$store/$1/from"; }
group() { lines <"$store/$1/in"; }
body() { lines "${2-}" <"$store/$1/text"; }
retire() { echo over >"$store/$1/state"; }""",
    ),
}
