"""What a provider means: its operations and the rules of its queue, apart from how it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Role = Literal["list", "read", "next", "ack", "tally", "about", "all"]


@dataclass(frozen=True)
class Kind:
    """A provider kind as data; one instance, KIND, a module.

    nouns:  what an entry is called (singular, plural).
    roles:  the operations, in the order in which they are used.
    verbs:  for each role, the words that may name it.
    ids:    forms an id may take: see `entry_ids`.
    does:   for each role, phrases that say what it does; <noun>, <nouns>, <id> are slots.
    heads:  header lines shown above an entry's text, by format name.
    empty:  what is printed when nothing waits.
    """

    nouns: tuple[tuple[str, str], ...]
    roles: tuple[Role, ...]
    verbs: Mapping[Role, str]
    ids: tuple[str, ...]
    does: Mapping[Role, tuple[str, ...]]
    heads: tuple[str, ...]
    empty: tuple[str, ...]
    done: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One thing that the provider holds. receipt: what acknowledges it, where that is not the id."""

    id: str
    title: str
    body: str
    sender: str
    waiting: bool = True


@dataclass(frozen=True)
class Operation:
    """A role with the verb that names it here.

    takes: the placeholder's name, None for no argument. invented: the verb itself tells nothing.
    """

    role: Role
    verb: str
    takes: str | None
    does: str
    invented: bool


COMMON_VERBS: Mapping[Role, str] = {
    "tally": "tally stats figures status gauge sum numbers",
    "about": "about version origin build who credits",
    "all": "history past everything shelf ever",
}
COMMON_DOES: Mapping[Role, tuple[str, ...]] = {
    "tally": ("prints how many <nouns> [are here|there are] in all", "[counts|gives the number of] <nouns>"),
    "about": ("prints the [version|build] of this program", "[tells|says] which build this is"),
    "all": ("lists <nouns> that are over and done with", "[shows|prints] the <nouns> of the past"),
}
