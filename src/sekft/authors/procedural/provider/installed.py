"""The provider as installed: its interface, documentation and store, and the calls that reach an entry."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from sekft.authors.procedural.announcements import remarks
from sekft.authors.procedural.decoys import Decoy
from sekft.authors.procedural.grammar import phrase
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.provider.documentation import Documentation, document
from sekft.authors.procedural.provider.interface import Demand, Interface, draw_interface, entry_ids
from sekft.authors.procedural.provider.layouts import LAYOUTS
from sekft.authors.procedural.provider.program import PAGE_ROWS, RECEIPTS, Texts, render
from sekft.authors.procedural.provider.semantics import PROVIDERS, Operation, ProviderKind, QueueEntry, vocabulary
from sekft.authors.procedural.provider.storage import STORAGES, stored
from sekft.authors.procedural.provider.syntaxes import SYNTAXES
from sekft.scenario import Cell, File

_EXTRAS = {"plain": 0, "busy": 3, "double": 1, "triple": 2}
_PAST = {"plain": (0, 1), "busy": (2, 5), "double": (1, 2), "triple": (1, 3)}
_LONG_PAST = (5, 9)
_SEALED = (
    "[Exit status <n>: the store is sealed|When the store is sealed, calls end with status <n>|Status <n> stands for a sealed store]"
    " [, which only its keeper can undo|; a seal is lifted from outside, never from here|; nobody here can lift a seal]."
)


@dataclass(frozen=True)
class InstalledProvider:
    """groups: the shelves that entries lie on. password: what guarded calls want. sealed: why nothing answers.

    sentences: what the documentation says besides the calls, its summary first.
    """

    kind: ProviderKind
    interface: Interface
    documentation: Documentation
    storage: str
    store: str
    entries: tuple[QueueEntry, ...]
    files: tuple[File, ...]
    empty: str
    groups: tuple[str, ...] = ()
    password: str = ""
    sealed: str | None = None
    sentences: tuple[str, ...] = ()

    def store_files(self, host: Host, entries: Iterable[QueueEntry]) -> list[File]:
        """The store with these entries, as files."""
        texts = stored(self.storage, entries)
        texts |= {"sealed": self.sealed} if self.sealed else {}
        texts |= {"groups": "".join(f"{name}\n" for name in self.groups)} if self.groups else {}
        texts |= {"pass": self.password + "\n"} if self.password else {}
        files = [File(path=f"{self.store}/{name}", content=text, mtime=host.mtime) for name, text in texts.items()]
        folders = [self.store, *(f"{self.store}/{name}" for name in STORAGES[self.storage].folders)]
        folders += [f"{self.store}/{name}" for name in dict.fromkeys(n.split("/")[0] for n in texts if "/" in n)]
        return files + [host.folder(path) for path in dict.fromkeys(folders)]

    def calls(self, role: str, *values: str) -> list[str]:
        """Every way to type the call; the pass is added where it is wanted."""
        guarded = "pass" in self.interface.by_role(role).takes
        return self.interface.calls(role, *values, *([self.password] if guarded else []))

    def acknowledgement(self, entry: QueueEntry) -> list[str]:
        """Ways to say that the entry was carried out; empty where nothing is said."""
        if self.interface.has("commit"):
            return self.calls("commit", entry.id)
        if not self.interface.has("ack"):
            return []
        values = {
            "id": [entry.id],
            "receipt": [entry.receipt],
            "word": [entry.id, self.interface.done_word],
            "last": [],
        }
        return self.calls("ack", *values[self.interface.ack])

    def slips(self, typed: set[str]) -> list[str]:
        """Calls that go wrong and change nothing, for operations that these commands call: see Step.mistakes."""
        found = []
        for operation in self.interface.operations:
            spell, holders = self.interface.syntax.spell, [self.interface.holder(name) for name in operation.takes]
            if not holders or not any(self._calls(command, operation) for command in typed):
                continue
            found.append(spell(self.interface, operation, [])[0])
            if not set("<>'") & set("".join(holders)):
                found.append(spell(self.interface, operation, holders)[0])
            if operation.verb in self.interface.usage(operation):
                found.append(f"{self.interface.tool} {operation.verb}")
        return list(dict.fromkeys(found))

    def outdated(self, command: str) -> str | None:
        """How the documentation spells this call, where that is out of date."""
        if self.interface.former is None:
            return None
        old, new = self.interface.former
        for values in self._values(new):
            for form, former in zip(
                *(self.interface.syntax.spell(self.interface, o, values) for o in (new, old)), strict=True
            ):
                if form == command:
                    return str(former)
        return None

    def _calls(self, command: str, operation: Operation) -> bool:
        return any(
            command in self.interface.syntax.spell(self.interface, operation, values)
            for values in self._values(operation)
        )

    def _values(self, operation: Operation) -> Iterable[tuple[str, ...]]:
        """Every list of arguments with which a plan may call the operation."""
        ids = [entry.id for entry in self.entries]
        pages = [str(number) for number in range(1, len(ids) // PAGE_ROWS + 2)]
        of = {
            "entry": ids, "receipt": [entry.receipt for entry in self.entries], "position": [*ids, "0"], "page": pages, "group": self.groups,
            "word": [self.interface.done_word], "pass": [self.password],
        }  # fmt: skip
        return product(*(of[name] for name in operation.takes))


@dataclass
class CallPlan:
    """What an operator who uses the provider has seen so far, to know what must still be called for."""

    provider: InstalledProvider
    begun: bool = False
    seen: set[str] = field(default_factory=set)

    def reach(self, entry: QueueEntry) -> list[list[str]]:
        """Ways to get this entry's text shown; [[]] when it has been."""
        listing = self._listing(entry)
        roles = self.provider.kind.roles
        if "read" in roles:
            read = [self.provider.calls("read", entry.id)]
            return _ways(listing + read) if listing or not self.begun else _ways(read)
        if "next" in roles:
            return _ways([*listing, self.provider.calls("next")])
        return _ways(listing) if listing else [[]]

    def first(self) -> list[list[str]]:
        """The calls that show that nothing waits."""
        calls = self._entrance()
        role = next(role for role in self.provider.kind.roles if role not in ("pass", "position"))
        values = [self._position()] if role == "since" else [self.provider.groups[0]] if self._grouped(role) else []
        return _ways([*calls, self.provider.calls(role, *values)])

    def rest(self) -> list[list[str]]:
        """Calls that show that nothing more waits, where what was seen so far leaves it open; [[]] where not."""
        provider = self.provider
        if "next" in provider.kind.roles:
            return _ways([provider.calls("next")])
        pages = range(2, (len(provider.entries) - 1) // PAGE_ROWS + 2) if "page" in provider.kind.roles else ()
        left = [provider.calls("page", str(number)) for number in pages if f"page {number}" not in self.seen]
        return _ways(left) if left else [[]]

    def _listing(self, entry: QueueEntry) -> list[list[str]]:
        """The calls up to the one that names the entry, less what was called before."""
        provider, calls = self.provider, self._entrance()
        for role in provider.kind.roles:
            if role not in ("list", "sheet", "since"):
                continue
            at = entry.group if self._grouped(role) else role
            if at in self.seen:
                continue
            self.seen.add(at)
            values = [entry.group] if self._grouped(role) else [self._position()] if role == "since" else []
            calls.append(provider.calls(role, *values))
        if "page" in provider.kind.roles:
            ids = sorted(other.id for other in provider.entries)
            for number in range(2, ids.index(entry.id) // PAGE_ROWS + 2):
                if f"page {number}" not in self.seen:
                    self.seen.add(f"page {number}")
                    calls.append(provider.calls("page", str(number)))
        return calls

    def _entrance(self) -> list[list[str]]:
        """What comes before anything else, once."""
        if self.begun:
            return []
        self.begun = True
        return [
            self.provider.calls(role) for role in self.provider.kind.roles if role in ("pass", "groups", "position")
        ]

    def _grouped(self, role: str) -> bool:
        return bool(self.provider.groups) and role in ("list", "sheet")

    def _position(self) -> str:
        past = [entry.id for entry in self.provider.entries if not entry.waiting]
        return past[-1] if past else "0"


def _ways(calls: Sequence[Sequence[str]]) -> list[list[str]]:
    """The calls typed alike throughout: one way for each form that a call may take."""
    count = max(len(forms) for forms in calls)
    return [[forms[min(at, len(forms) - 1)] for forms in calls] for at in range(count)]


@dataclass(frozen=True)
class Order:
    """What the provider is to hold. beside: a directive that comes besides the jobs, open or over.

    sealed: why nothing answers. notes: sentences that its documentation must hold.
    """

    jobs: tuple[Job, ...]
    beside: tuple[Job, bool] | None = None
    decoy: Decoy | None = None
    sealed: str | None = None
    notes: tuple[str, ...] = ()


def furnish(host: Host, cell: Cell, tool: str, order: Order, face_of: Host | None = None) -> InstalledProvider:
    """Install the provider with these jobs waiting in it. face_of: what its interface is drawn from, if not the host."""
    decoy, drawn = order.decoy, face_of or host
    kind = PROVIDERS[cell["provider"]]
    syntax = SYNTAXES[cell["syntax"]]()
    rng, skin, names, difficulty = host.rng, drawn.skin, host.names, cell["difficulty"]
    demand = Demand(
        extras=_EXTRAS[difficulty],
        roles=tuple(role for role in (decoy.shown if decoy else ()) if role not in kind.roles),
        stale=cell["documentation"] == "stale",
        senders=decoy is not None and decoy.keeper is not None,
        ack=drawn.rng.choice(kind.acks),
    )
    interface = draw_interface(skin, kind, drawn.names, tool, cell["syntax"], syntax, demand)
    groups = tuple(sorted(names.word((2, 3)) for _ in range(rng.randint(2, 4)))) if "groups" in kind.roles else ()
    form, entries = _entries(host, kind, cell, order, groups, interface.ack)
    words = {"noun": interface.noun, "nouns": interface.nouns, "user": host.user, "host": host.name}
    summary = phrase(skin, skin.choice(kind.summary), **words)
    texts = _texts(skin, kind, interface, words)
    layout = LAYOUTS[cell["layout"]]
    storage = skin.choice(sorted(STORAGES))
    store = skin.choice([f"/var/lib/{tool}", f"/srv/{tool}", f"/var/spool/{tool}", f"/opt/{tool}/store"])
    told = _notes(host, interface, store, order.notes)
    documentation = document(skin, interface, cell["documentation"], layout, summary, told)
    helps, bare = documentation.helps, documentation.bare
    program = render(kind, interface, helps, STORAGES[storage].code, store, host.user, texts, bare)
    files = [File(path=f"/usr/local/bin/{tool}", content=program, mode="0755", mtime=host.mtime)]
    if cell["syntax"] == "tool_per_verb":
        files += [
            File(path=f"/usr/local/bin/{tool}-{operation.verb}", kind="symlink", target=tool, mtime=host.mtime)
            for operation in interface.known
        ]
    if documentation.page is not None:
        page = f"/usr/local/share/man/man1/{tool}.1"
        files.append(File(path=page, content=documentation.page, mtime=host.mtime))
    if documentation.text is not None:
        files.append(File(path=documentation.text[0], content=documentation.text[1], mtime=host.mtime))
    interface.facts.update({"ids": form, "storage": storage, "layout": cell["layout"], "depth": cell["documentation"]})
    password = names.word((2, 3)) if "pass" in kind.roles else ""
    return InstalledProvider(
        kind, interface, documentation, storage, store, entries, tuple(files), texts.empty, groups, password, order.sealed,
        (summary, *told),
    )  # fmt: skip


def _entries(
    host: Host, kind: ProviderKind, cell: Cell, order: Order, groups: Sequence[str], ack: str
) -> tuple[str, tuple[QueueEntry, ...]]:
    """What the provider holds, in the order of the ids, whose form is told first."""
    rng, names, decoy = host.rng, host.names, order.decoy
    keeper = decoy.keeper if decoy else None
    asked = [(job.title, job.text, keeper, True) for job in order.jobs]
    aside = []
    if order.beside:
        job, waiting = order.beside
        aside.append((job.title, job.text, keeper, waiting))
    if decoy and decoy.body is not None:
        aside.append((decoy.job.title, decoy.body, decoy.sender, decoy.waiting))
    past = rng.randint(*(_LONG_PAST if kind.every else _PAST[cell["difficulty"]]))
    aside += [(f"{names.subject()} {names.word()}", remarks(host, 1)[0], None, False) for _ in range(past)]
    rng.shuffle(aside)
    slots = list(range(len(aside), len(aside) + len(asked)))
    if "commit" not in kind.acks:
        slots = sorted(rng.sample(range(len(aside) + len(asked)), len(asked)))
    for slot, entry in zip(slots, asked, strict=True):
        aside.insert(slot, entry)
    form, ids = entry_ids(host.skin, names, kind.ids, len(aside))
    receipts = [""] * len(ids)
    if ack == "receipt":
        _, receipts = entry_ids(host.skin, names, ("hex", "lettered", "pair", "suffixed"), len(ids))
    former = remarks(host, len(ids)) if "older" in kind.extra else [""] * len(ids)
    return form, tuple(
        QueueEntry(
            name, title, body, sender or names.user(), waiting, rng.choice(groups) if groups else "", older, receipt
        )
        for name, older, receipt, (title, body, sender, waiting) in zip(ids, former, receipts, aside, strict=True)
    )


def _texts(skin: random.Random, kind: ProviderKind, interface: Interface, words: Mapping[str, str]) -> Texts:
    errors = vocabulary()["errors"]

    def draw(name: str, **slots: str) -> str:
        return phrase(skin, skin.choice(errors[name]), **slots)

    old, hint = interface.former, " " + draw("hint", help=f"{interface.tool} --help")
    return Texts(
        empty=phrase(skin, skin.choice(kind.empty), **words),
        done=phrase(skin, skin.choice(kind.done), **words),
        unknown={name: draw("unknown", what=key) for name, key in interface.keys.items()},
        missing={name: draw("missing", what=key) + hint for name, key in interface.keys.items()},
        wrong=draw("wrong") + hint,
        bare=draw("bare") + hint,
        version=f"{skin.randint(0, 4)}.{skin.randint(0, 30)}",
        renamed=draw("renamed", usage=interface.usage(old[1])) if old else "",
        receipt=skin.choice(RECEIPTS),
    )


def _notes(host: Host, interface: Interface, store: str, wanted: Sequence[str]) -> list[str]:
    """What the documentation says besides the calls, in any order."""
    skin = host.skin
    notes = [*wanted, phrase(skin, _SEALED, n=interface.codes["sealed"])]
    if interface.syntax.note:
        notes.append(phrase(skin, interface.syntax.note, tool=interface.tool))
    pool = skin.sample(vocabulary()["notes"]["harmless"], skin.randint(0, 2))
    notes += [host.say(text, n=skin.randint(3, 90), path=store, keeper=host.names.user()) for text in pool]
    skin.shuffle(notes)
    return notes
