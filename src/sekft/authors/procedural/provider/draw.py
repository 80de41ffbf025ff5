"""Draws an interface: every part of it apart."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sekft.authors.procedural.grammar import phrase
from sekft.authors.procedural.names import Names
from sekft.authors.procedural.provider.interface import Interface
from sekft.authors.procedural.provider.semantics import Operation, ProviderKind, placeholder, vocabulary
from sekft.authors.procedural.provider.syntaxes import SYNTAXES

SENDER_HEADS = ("fields", "mail", "mail_short", "barred", "signed")
_EXTRAS = ("tally", "about", "past", "drop", "hold")
_INVENTED_SHARE = 0.4
_NO_LETTERS = "hVK"
_CODES = {"usage": (1, 2, 3, 64), "unknown": (1, 2, 4, 66), "sealed": (69, 75, 77, 5)}


@dataclass(frozen=True)
class Requirements:
    """What a scenario wants of its interface.

    extras:  how many operations that the work does not need. roles: such operations by name.
    stale:   documentation tells one call as it was spelt before.
    senders: who sent an entry is seen without a search for it. ack: the form of acknowledgement.
    """

    extras: int = 0
    roles: tuple[str, ...] = ()
    stale: bool = False
    senders: bool = False
    ack: str = "none"


def draw_interface(
    rng: random.Random, kind: ProviderKind, names: Names, tool: str, syntax_name: str, demand: Requirements
) -> Interface:
    """Draw every part apart."""
    words, syntax = vocabulary(), SYNTAXES[syntax_name]
    noun, nouns = rng.choice(words["nouns"][kind.theme].split(", ")).split()
    ack = demand.ack
    roles = [*kind.roles, *(["commit"] if ack == "commit" else ["ack"] if ack != "none" else []), *kind.extra]
    roles += demand.roles
    roles += rng.sample([role for role in _EXTRAS if role not in roles], demand.extras)
    keys = _keys(rng, noun)
    opkey = rng.choice([word for word in words["keys"]["op"].split() if word not in keys.values()])
    done_word = rng.choice(["done", "settled", "finished", "dealt-with", "over", "complete", "met", "carried-out"])
    variant, form = rng.choice(syntax.variants), rng.choice(sorted(words["placeholders"]))
    slots = {name: placeholder(form, key) for name, key in keys.items()}
    slots |= {"shelf": slots["group"], "id": slots["entry"], "group": keys["group"], "groups": keys["groups"]}
    slots |= {"noun": noun, "nouns": nouns, "done": done_word}
    drawn = _operations(rng, roles, kind, names, slots, set(keys.values()), ack)
    former = None
    if demand.stale:
        needed = [operation for operation in drawn if operation.role in (*kind.roles, "ack", "commit")]
        new = rng.choice([operation for operation in needed if operation.takes] or needed)
        letters = [letter for letter in _letters(new.verb) if letter not in {o.letter for o in drawn}]
        former = (replace(new, verb=names.word((1, 2)), number=len(drawn) + 1, letter=letters[0]), new)
    formats, heads = sorted(words["list_formats"]), list(kind.heads)
    if demand.senders and "list" in roles:
        formats = [name for name in formats if words["list_formats"][name][1].count("%") > 2]
    elif demand.senders:
        heads = [name for name in heads if name in SENDER_HEADS]
    list_format, head = rng.choice(formats), rng.choice(heads)
    codes = {name: rng.choice(values) for name, values in _CODES.items()}
    facts = {
        "syntax": f"{syntax_name}{':' if variant else ''}{variant}",
        "verbs": " ".join(f"{operation.role}={operation.verb}" for operation in drawn),
        "noun": noun,
        "options": " ".join([opkey, *sorted(keys.values())]),
        "placeholder": form,
        "list_format": list_format,
        "head": head,
        "ack": ack,
        "roles": " ".join(sorted(operation.role for operation in drawn)),
        "paging": "pages" if "page" in roles else "none",
        "exit_codes": " ".join(f"{name}={code}" for name, code in codes.items()),
        "stale": former[1].role if former else "",
    }
    drop_file = f"/tmp/{names.word((1, 2))}"
    return syntax(
        tool, noun, nouns, variant, keys, opkey, drawn, form, list_format, head, ack, done_word, codes,
        drop_file, facts, former,
    )  # fmt: skip


def _keys(rng: random.Random, noun: str) -> dict[str, str]:
    """One word for each argument, all different."""
    keys: dict[str, str] = {}
    group = rng.choice(vocabulary()["nouns"]["group"].split(", ")).split()
    for name in ("entry", "receipt", "page", "pass", "word", "position"):
        choices = vocabulary()["keys"][name].split() + ([noun] * 6 if name == "entry" else [])
        keys[name] = rng.choice([word for word in choices if word not in keys.values() and word not in group])
    return keys | {"group": group[0], "groups": group[1]}


def _operations(
    rng: random.Random,
    roles: Sequence[str],
    kind: ProviderKind,
    names: Names,
    slots: Mapping[str, str],
    taken: set[str],
    ack: str,
) -> tuple[Operation, ...]:
    """slots: what the phrases may name. taken: words that are no verbs here."""
    words = vocabulary()
    odd = rng.random() < _INVENTED_SHARE
    used = {slots["noun"], slots["nouns"], slots["done"], "help", *taken}
    letters: set[str] = set()
    drawn = []
    for number, role in enumerate(rng.sample(roles, len(roles)), 1):
        invented = odd and rng.random() < 0.6
        verbs = [verb for verb in words["verbs"][role].split() if verb not in used]
        verb = names.word((1, 2)) if invented else rng.choice(verbs)
        letter = next(letter for letter in _letters(verb) if letter not in letters)
        used.add(verb)
        letters.add(letter)
        key = _described_as(role, kind, ack)
        does = phrase(rng, rng.choice(words["does"][key]), **slots)
        short = phrase(rng, words["short"][key], **slots)
        drawn.append(Operation(role, verb, _takes_of(role, kind, ack), does, short, number, letter, invented))
    return tuple(drawn)


_TAKES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("read", "drop", "hold", "older", "id"), ("entry",)),
    **dict.fromkeys(("since", "commit"), ("position",)),
    "receipt": ("receipt",),
    "word": ("entry", "word"),
    "page": ("page",),
}
"""The arguments of a role, or of a form of acknowledgement."""


def _takes_of(role: str, kind: ProviderKind, ack: str) -> tuple[str, ...]:
    """The names of a role's arguments."""
    own = _TAKES.get(ack if role == "ack" else role, ())
    if role in ("list", "sheet") and "groups" in kind.roles:
        own = ("group",)
    guarded = "pass" in kind.roles and role not in ("pass", "about", "tally", "past")
    return (*own, "pass") if guarded else own


def _described_as(role: str, kind: ProviderKind, ack: str) -> str:
    """The key under which vocabulary.toml describes the role."""
    if role == "ack":
        return ack
    if role in ("list", "sheet") and "groups" in kind.roles:
        return "grouped" if role == "list" else "grouped_sheet"
    return "claim" if role == "read" and ack == "receipt" else role


def _letters(verb: str) -> list[str]:
    """Letters for a short option, the verb's own first."""
    own = [letter for letter in verb + verb.upper() if letter.isalpha()]
    return [letter for letter in [*own, *string.ascii_letters] if letter not in _NO_LETTERS]


def entry_ids(rng: random.Random, names: Names, forms: tuple[str, ...], count: int) -> tuple[str, list[str]]:
    """The form that was drawn, and ids in it, ascending, so that the order of files is the order of entries."""
    form = rng.choice(forms)
    if form == "word":
        return form, sorted(names.word() for _ in range(count))
    if form == "pair":
        return form, sorted(f"{names.word((1, 2))}-{names.word((1, 2))}" for _ in range(count))
    if form == "hex":
        return form, sorted(f"{rng.randrange(1 << 20, 1 << 24):06x}" for _ in range(count))
    if form == "date":
        days = sorted(rng.sample(range(12 * 28), count))
        year = rng.randint(2027, 2039)
        return form, [f"{year}-{day // 28 + 1:02d}-{day % 28 + 1:02d}" for day in days]
    numbers = sorted(rng.sample(range(101, 999), count))
    prefix = names.word((1, 1))[:4]
    letter = rng.choice("abcdefgkmnprstx")
    patterns = {
        "number": "{n}",
        "prefixed": prefix.upper() + "-{n}",
        "dotted": f"{rng.randint(1, 9)}.{{n}}",
        "serial": "00{n}",
        "lettered": letter + "{n}",
        "year": f"{rng.randint(11, 29)}-0{{n}}",
        "suffixed": "{n}" + letter.upper(),
    }
    return form, [patterns[form].format(n=number) for number in numbers]
