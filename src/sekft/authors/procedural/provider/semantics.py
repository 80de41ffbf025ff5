"""What a provider means: its operations and the rules of its queue, apart from how it is called."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from sekft.taxonomy import Kinds

ACKNOWLEDGE = ("ack", "commit")
"""Roles that tell the provider that an entry was carried out."""


@dataclass(frozen=True)
class ProviderKind:
    """A provider kind: a table of kinds.toml.

    theme: which nouns of vocabulary.toml may name an entry.
    roles: the operations that the work needs, in the order in which they are used; see `bodies` in vocabulary.toml.
    acks:  forms of acknowledgement to draw from: none, id, receipt, last, word, commit.
    ids:   forms an id may take: see `provider.entry_ids`.
    heads: how an entry's text is shown, by the names of `heads` in vocabulary.toml.
    every: whether the list shows closed entries, too, each with its state.
    extra: operations that the work does not need and this kind always has.
    verbs: by role, what an operation is called here, where the usual verbs do not fit.
    entry: words for what names an entry.
    """

    theme: str
    roles: tuple[str, ...]
    ids: tuple[str, ...]
    heads: tuple[str, ...]
    empty: tuple[str, ...]
    summary: tuple[str, ...]
    acks: tuple[str, ...] = ("none",)
    done: tuple[str, ...] = ("<noun> $1 closed", "$1 closed", "closed $1", "$1: done", "$1 is done")
    every: bool = False
    extra: tuple[str, ...] = ()
    verbs: Mapping[str, str] = field(default_factory=dict)
    entry: str = ""


def _read_kinds() -> None:
    for name, body in tomllib.loads(files(__package__).joinpath("kinds.toml").read_text(encoding="utf-8")).items():
        brief, excludes, weight = body.pop("brief"), body.pop("excludes", {}), body.pop("weight", 2)
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in body.items()
        }
        PROVIDERS.kind(name, weight, excludes, brief)(ProviderKind(**fields))


PROVIDERS = Kinds[ProviderKind](_read_kinds)


@dataclass(frozen=True)
class QueueEntry:
    """One thing that the provider holds.

    group: the shelf it lies on. older: its text before a change. receipt: what closes it, where that is not its id.
    """

    id: str
    title: str
    body: str
    sender: str
    waiting: bool = True
    group: str = ""
    older: str = ""
    receipt: str = ""


@dataclass(frozen=True)
class Operation:
    """A role with the verb that names it here.

    takes:    names of its arguments, keys of Interface.keys, in order.
    does:     as an order, such as "list open tickets". short: the same as a label.
    number:   its place in a menu, from 1. letter: its short option.
    invented: the verb itself tells nothing.
    """

    role: str
    verb: str
    takes: tuple[str, ...]
    does: str
    short: str
    number: int
    letter: str
    invented: bool


@cache
def vocabulary() -> Mapping[str, Any]:
    """The tables of vocabulary.toml."""
    text = files("sekft.authors.procedural").joinpath("vocabulary.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def draw_noun(rng: random.Random, theme: str, most: int | None) -> tuple[str, str]:
    """What an entry is called, in the singular and plural. most: of the theme's nouns, of which usual ones come first."""
    noun, nouns = rng.choice(vocabulary()["nouns"][theme].split(", ")[:most]).split()
    return noun, nouns


def placeholder(form: str, name: str) -> str:
    """A name as placeholder, in one of the forms of vocabulary.toml."""
    text: str = vocabulary()["placeholders"][form]
    return text.format(name=name, NAME=name.upper())
