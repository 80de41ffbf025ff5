"""The provider's program: one sh script rendered from its interface, storage and documentation."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from sekft.authors.procedural.documentation import Documentation
from sekft.authors.procedural.interface import LIST_FORMATS, Interface
from sekft.authors.procedural.meaning import Operation, Role

_HEADS: Mapping[str, str] = {
    "plain": 'body "$1"',
    "titled": 'echo "$1: $(title "$1")"; echo; body "$1"',
    "fields": 'echo "@noun@   $1"; echo "from     $(sender "$1")"; echo "subject  $(title "$1")"; echo; body "$1"',
    "mail": 'echo "From: $(sender "$1")"; echo "To: $user"; echo "Subject: $(title "$1")"; echo; body "$1"',
    "mail_short": 'echo "$(sender "$1") writes, on $(title "$1"):"; body "$1" | sed "s/^/  /"',
    "keyed": 'echo "$1 ="; body "$1" | sed "s/^/    /"',
    "receipt_last": 'body "$1"; echo; echo "receipt: $1"',
    "receipt_first": 'echo "[receipt $1]"; body "$1"',
    "receipt_field": 'echo "@noun@: $(title "$1")"; echo "receipt: $1"; echo "text: $(body "$1")"',
}


def render(
    interface: Interface,
    documentation: Documentation,
    storage_code: str,
    store: str,
    user: str,
    texts: Mapping[str, str],
) -> str:
    """The whole script. texts: the messages `empty`, `done` and `unknown`, with $1 for an id."""
    cases = "\n".join(_case(interface, operation, texts) for operation in interface.operations)
    tool = interface.tool
    bare = "main_help >&2" if documentation.bare else f"echo \"{tool}: nothing asked for, see '{tool} --help'\" >&2"
    return f"""\
#!/bin/sh
store={shlex.quote(store)}
user={shlex.quote(user)}
{_helps(documentation)}
die() {{ echo "{tool}: $2" >&2; exit "$1"; }}
wrong() {{ die 2 "cannot make sense of '$1', see '{tool} --help'"; }}
need() {{ [ -n "$arg" ] || die 2 "$op wants {_article(interface)}, see '{tool} --help'"; ids | grep -qxF -e "$arg" || die 1 "{texts["unknown"]}"; }}
{storage_code}
entry() {{ {_HEADS[interface.head].replace("@noun@", interface.noun)}; }}
[ $# -gt 0 ] || {{ {bare}; exit 2; }}
case $1 in help|-h|--help) shift; show_help "$@"; exit 0 ;; esac
{interface.parser()}
case $op in
{cases}
*) wrong "$op" ;;
esac
"""


def _case(interface: Interface, operation: Operation, texts: Mapping[str, str]) -> str:
    empty = texts["empty"]
    header, row = LIST_FORMATS[interface.list_format]
    header, row = (
        part.replace("@ID@", interface.noun.upper()).replace("@id@", interface.noun) for part in (header, row)
    )
    arguments = '"$id" "$(title "$id")"' + (' "$(sender "$id")"' if row.count("%") > 2 else "")
    top = f"printf '{header}'; " if header else ""
    listing = f'[ -n "$(ids)" ] || {{ echo "{empty}"; exit 0; }}\n  {top}for id in $(ids); do printf \'{row}\' {arguments}; done'
    bodies: Mapping[Role, str] = {
        "list": f"{_SEAL}\n  {listing}",
        "read": f'{_SEAL}\n  need; entry "$arg"',
        "next": f'{_SEAL}\n  set -- $(ids); [ $# -gt 0 ] || {{ echo "{empty}"; exit 0; }}; entry "$1"',
        "ack": f'{_SEAL}\n  need; set -- "$arg"; retire "$1" && echo "{texts["done"]}"',
        "tally": f'echo "$(past | grep -c .) {interface.nouns} of the past"',
        "about": f'echo "{interface.tool} {texts["version"]}"',
        "all": f'past | sed "s/$/ (over)/"; [ -n "$(past)" ] || echo "no past {interface.nouns}"',
    }
    return f"{operation.verb}) {bodies[operation.role]} ;;"


_SEAL = '[ ! -e "$store/sealed" ] || { cat "$store/sealed" >&2; exit 75; }'


def _helps(documentation: Documentation) -> str:
    main = f"main_help() {{ cat <<'HELP'\n{documentation.help}HELP\n}}"
    if not documentation.topics:
        return main + "\nshow_help() { main_help; }"
    topics = "\n".join(f"{verb}) cat <<'HELP'\n{text}HELP\n;;" for verb, text in documentation.topics.items())
    return (
        f'{main}\nshow_help() {{ case ${{1-}} in\n"") main_help ;;\n{topics}\n*) die 2 "no topic \'$1\'" ;;\nesac; }}'
    )


def _article(interface: Interface) -> str:
    operation = next((o for o in interface.operations if o.takes), None)
    word = (operation.takes if operation else None) or interface.noun
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
