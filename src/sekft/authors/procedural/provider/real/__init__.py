"""Providers that are real programs: git, sqlite3, mail, make, and a service that curl asks.

The program that is typed is a script of its name in /usr/local/bin, behind the door (docs/sandbox.md): it runs Debian's
program where the store is open. To everybody else the store is closed, so that directives come from the program alone. A
kind says where things are kept there, what the calls are, and what documents them; add one as a module with
`@REAL.kind(name, **TRAITS)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

from sekft.authors.procedural.host import Host, expand, phrase, wording
from sekft.authors.procedural.provider import Contents, queue_entries
from sekft.authors.procedural.provider.contract import Ways
from sekft.authors.procedural.provider.semantics import ProviderKind, QueueEntry, draw_noun
from sekft.authors.procedural.world import INVENTED
from sekft.scenario import Cell, File, Inspection
from sekft.taxonomy import Kinds, import_modules

_USUAL_NOUNS = 4
_DESKS = ("requests", "tickets", "worklist", "helpdesk", "jobdesk", "workdesk", "todo-list", "to-be-done", "taskboard")
_DESK_ENDS = ("desk", "requests", "tickets", "todo", "jobs")
"""Names for what holds the requests of a place, or those of one of its groups."""
_NATIVE = dict.fromkeys(("syntax", "layout", "documentation"), ("native",))
TRAITS: Mapping[str, Any] = {
    "weight": 1.3,
    "only": {**_NATIVE, "userland": ("workstation",)},
    # The name of a file or the target of a link tells no call; on a workstation nobody is told by mail.
    "excludes": {"announcement": ("filename", "link", "mail")},
}
SEALS = tuple(wording()["seals"])
_TOLD = (
    "{things} for {whom} are in <where>.",
    "{things} for {whom} are [kept|entered|filed|left] in <where>.",
    "{since}, {things} for {whom} are in <where>.",
    "<who> [enters|files|leaves] {things} for {whom} in <where>.",
    "What <role> [wants from|has for] {whom} is in <where>.",
    "{things} for {whom}: <call>, [kept by <who>|set up by <who>].",
    "{old} is gone; {things} for {whom} are in <where>.",
    "[requests|jobs|work orders] from <room> are left for {whom} in <where>.",
)


@dataclass(frozen=True)
class Place:
    """Where a real program keeps what waits, drawn before anything is put there.

    path:  the store as the program is told of it. call: how channels with little room spell it. where: in a sentence.
    style: the other parts of the draw.
    """

    kind: type[RealProvider]
    path: str
    noun: str
    nouns: str
    style: Mapping[str, str]

    @property
    def call(self) -> str:
        return self.kind.call.format(path=self.path, **self.style)

    @property
    def where(self) -> str:
        return self.kind.where.format(path=self.path, **self.style)

    @property
    def barred(self) -> tuple[str, ...]:
        """Obstacles that this kind cannot be met with."""
        return () if self.kind.shuts else SEALS

    def install(self, host: Host, cell: Cell, contents: Contents) -> RealProvider:
        """Put these directives there."""
        ack = host.rng.choice(self.kind.acks(self.style))
        kind = ProviderKind("", (), self.kind.ids, (), (), (), (ack,))
        form, entries = queue_entries(host, kind, cell, contents, (), ack)
        words = {"noun": self.noun, "nouns": self.nouns, "user": host.user, "host": host.name}
        told = host.part("guide")  # apart, so that it is the same whatever waits
        empty = phrase(told.skin, told.skin.choice(_EMPTY), **words)
        facts = {"program": self.kind.program, "ids": form, "ack": ack, "noun": self.noun, **self.style}
        return self.kind(self, told, entries, ack, contents.sealed, empty, facts).installed()


_EMPTY = (
    "no open <nouns> for <user>", "no open <nouns>", "<user> has no open <nouns>", "nothing open", "no <nouns> at the moment",
)  # fmt: skip


def told(host: Host, place: Place) -> str:
    """The sentence of an announcement; never an imperative."""
    return expand(host, host.skin.choice(_TOLD), where=place.where, call=place.call)


@dataclass(frozen=True)
class RealProvider(ABC):
    """Satisfies Provides. A kind is a subclass; `shapes` and `styles` are drawn apart, one of each.

    shapes: what decides which steps a plan has, the same in every skin.

    program: as typed. theme: which nouns may name an entry. ids: see entry_ids. paths: one is drawn, of <stem> and
    <user>. shuts: whether its store can be sealed while its documentation is not.
    """

    program: ClassVar[str]
    theme: ClassVar[str] = "case"
    ids: ClassVar[tuple[str, ...]] = ("number", "word", "prefixed", "hex", "serial")
    paths: ClassVar[tuple[str, ...]]
    shapes: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    styles: ClassVar[Mapping[str, tuple[str, ...]]]
    call: ClassVar[str]
    where: ClassVar[str]
    shuts: ClassVar[bool] = False
    goes_one_by_one: ClassVar[bool] = False
    claims: ClassVar[bool] = False
    relists: ClassVar[bool] = True
    lists_by_learning: ClassVar[bool] = False
    """Whether whoever has read the documentation has seen the list, too."""

    place: Place
    host: Host = field(repr=False)
    entries: tuple[QueueEntry, ...]
    ack: str
    sealed: str | None
    empty: str
    facts: Mapping[str, str]
    guide: tuple[str, ...] = ()
    files: tuple[File, ...] = ()

    @classmethod
    def placed(cls, host: Host) -> Place:
        """A place of this kind."""
        skin = host.skin
        usual = None if host.names.dial == INVENTED else _USUAL_NOUNS
        groups = host.world.setting.groups.split()
        noun, nouns = draw_noun(skin, cls.theme, usual)
        stem = host.world.stem(" ".join([*_DESKS, *(f"{group}-{end}" for group in groups for end in _DESK_ENDS)]))
        style = {name: host.rng.choice(values) for name, values in cls.shapes.items()}
        style |= {name: skin.choice(values) for name, values in cls.styles.items()}
        path = skin.choice(cls.paths).format(stem=stem, user=host.user, **style)
        return Place(cls, path, noun, nouns, style)

    @classmethod
    def acks(cls, style: Mapping[str, str]) -> tuple[str, ...]:
        """Forms of acknowledgement to draw from."""
        return ("none",)

    def installed(self) -> RealProvider:
        """The provider with its documentation drawn and its program in place."""
        told = replace(self, guide=tuple(self.explain()))
        program = File(path=self.wrapper_path, content=told.wrapper(), mode="0755", mtime=self.host.mtime)
        return replace(told, files=(program, *told.documents()))

    @abstractmethod
    def explain(self) -> list[str]:
        """What its documentation says, in lines; drawn once."""

    @property
    def wrapper_path(self) -> str:
        return f"/usr/local/bin/{self.program}"

    def wrapper(self) -> str:
        """The script behind the door."""
        return f'#!/bin/sh\nexec /usr/bin/{self.program} "$@"\n'

    def documents(self) -> list[File]:
        """Files beside the store that everybody may read."""
        return []

    @property
    def command(self) -> str:
        return self.program

    @property
    def places(self) -> tuple[str, ...]:
        return self.program, self.place.path

    @property
    def words(self) -> tuple[str, ...]:
        return self.program, self.noun, self.nouns

    @property
    def sentences(self) -> tuple[str, ...]:
        """None: its documentation lies in the store, in a form of its own."""
        return ()

    def reworded(self, text: Callable[[str], str], file: Callable[[File], File]) -> RealProvider:
        return replace(self, entries=tuple(replace(entry, body=text(entry.body)) for entry in self.entries))

    @property
    def noun(self) -> str:
        return self.place.noun

    @property
    def nouns(self) -> str:
        return self.place.nouns

    @property
    def style(self) -> Mapping[str, str]:
        return self.place.style

    @property
    def hidden(self) -> list[str]:
        return [self.wrapper_path, *self.store]

    @property
    @abstractmethod
    def store(self) -> list[str]:
        """What is closed to everybody else."""

    @abstractmethod
    def store_files(self, host: Host, entries: Iterable[QueueEntry]) -> list[File]: ...

    def apart(self, answered: Sequence[QueueEntry]) -> Mapping[str, str]:
        return {}

    @property
    def setup(self) -> str:
        return ""

    @property
    def volatile(self) -> list[str]:
        return []

    @property
    @abstractmethod
    def learn(self) -> Ways: ...

    @property
    @abstractmethod
    def needle(self) -> str: ...

    @property
    def evidence(self) -> tuple[str | Inspection, ...]:
        return (self.empty, *(Inspection(target=f"{self.program} {words}", aspect="answer") for words in self.asks))

    @property
    @abstractmethod
    def asks(self) -> list[str]:
        """Words of a call, each of which is a question for what is open."""

    @abstractmethod
    def lists(self) -> Ways:
        """Ways to have listed what is open."""

    @abstractmethod
    def reads(self, entry: QueueEntry) -> list[str]:
        """Forms of the call that shows one entry, in the order of `lists`."""

    @property
    def whole(self) -> list[str]:
        """Calls that show every open entry with its text."""
        return []

    def acknowledgement(self, entry: QueueEntry) -> list[str]:
        return []

    def reread(self, entry: QueueEntry) -> list[str]:
        return self.reads(entry)[:1]

    @property
    def first_forms(self) -> list[str]:
        return [way[-1] for way in self.lists()]

    @property
    def alike(self) -> list[str]:
        return []

    def slips(self, typed: set[str]) -> list[str]:
        return []

    def outdated(self, command: str) -> str | None:
        return None

    def call_plan(self) -> RealCalls:
        return RealCalls(self)

    def told(self, reason: str, waiting: Sequence[QueueEntry]) -> str:
        call = self.first_forms[0].split(" | ")[0].replace("'", "").replace('"', "")
        words = {"tool": self.program, "nouns": self.nouns, "call": call}
        words |= dict(zip(("id", "other"), (f"{self.noun} {entry.id}" for entry in waiting), strict=False))
        for name, word in words.items():
            reason = reason.replace(f"<{name}>", word)
        return reason

    def opened(self, entries: Iterable[QueueEntry]) -> list[QueueEntry]:
        return [entry for entry in entries if entry.waiting]

    def say(self, *templates: str, **slots: str) -> str:
        """One of these, with a capital, unless it begins with a slot: that must be copied as it is."""
        words = {"noun": self.noun, "nouns": self.nouns, "user": self.host.user, "host": self.host.name}
        words["house"] = self.host.world.setting.place
        text = phrase(self.host.skin, self.host.skin.choice(templates), **words, **slots)
        verbatim = text.startswith((*slots.values(), self.host.user, self.host.name))
        return text if verbatim else text[:1].upper() + text[1:]


@dataclass
class RealCalls:
    """Satisfies CallsMade."""

    provider: RealProvider
    begun: bool = False

    def reach(self, entry: QueueEntry) -> Ways:
        reads = self.provider.reads(entry)
        if self.begun or self.provider.lists_by_learning:
            return [[form] for form in reads] if reads else [[]]
        self.begun = True
        lists = self.provider.lists()
        if not reads:
            return lists
        count = max(len(lists), len(reads))
        ways = [[*lists[min(at, len(lists) - 1)], reads[min(at, len(reads) - 1)]] for at in range(count)]
        return [*ways, *([form] for form in self.provider.whole)]

    def first(self) -> Ways:
        return [*self.provider.lists(), *([form] for form in self.provider.whole)]

    def rest(self) -> Ways:
        return [[]]

    def pages(self) -> Ways:
        return [[]]

    def again(self, entry: QueueEntry) -> Ways:
        return self.provider.lists()


REAL = Kinds[type[RealProvider]](partial(import_modules, __name__))
