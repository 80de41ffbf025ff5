"""The provider as installed: its interface, documentation and store, and the calls that reach an entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from sekft.authors.procedural.host import Host
from sekft.authors.procedural.provider.documentation import Documentation, explained
from sekft.authors.procedural.provider.program import PAGE_ROWS, STORAGES, stored
from sekft.authors.procedural.provider.semantics import Operation, ProviderKind, QueueEntry
from sekft.authors.procedural.provider.syntaxes import Interface
from sekft.scenario import File, Inspection

_VAGUE_VERBS = frozenset(("archive", "log"))


@dataclass(frozen=True)
class InstalledProvider:
    """groups: the shelves that entries lie on. password: what guarded calls want. sealed: why nothing answers.

    files:     its program, then links to it and documentation.
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

    @property
    def command(self) -> str:
        return self.interface.tool

    @property
    def places(self) -> tuple[str, ...]:
        return (self.interface.tool,)

    @property
    def words(self) -> tuple[str, ...]:
        told = self.interface
        return told.tool, told.noun, told.nouns, *(operation.verb for operation in told.operations)

    def reworded(self, text: Callable[[str], str], file: Callable[[File], File]) -> InstalledProvider:
        entries = tuple(replace(entry, body=text(entry.body)) for entry in self.entries)
        return replace(self, entries=entries, files=tuple(map(file, self.files)))

    @property
    def facts(self) -> Mapping[str, str]:
        return self.interface.facts

    @property
    def learn(self) -> list[list[str]]:
        return self.documentation.learn

    @property
    def needle(self) -> str:
        return self.documentation.needle

    @property
    def evidence(self) -> tuple[str | Inspection, ...]:
        return (self.empty,)

    @property
    def volatile(self) -> list[str]:
        return []

    @property
    def setup(self) -> str:
        return ""

    def apart(self, answered: Sequence[QueueEntry]) -> Mapping[str, str]:
        return {}

    @property
    def hidden(self) -> list[str]:
        """What it alone reaches: its program and its store, with a folder of its own above it."""
        return [self.files[0].path, self.store.removesuffix("/store")]

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
        operation = self.interface.by_role(role)
        return self.interface.spell(operation, [*values, self.password] if "pass" in operation.takes else values)

    def acknowledgement(self, entry: QueueEntry) -> list[str]:
        """Ways to say that the entry was carried out; empty where nothing is said."""
        if self.interface.has("commit"):
            return self.calls("commit", entry.id)
        if not self.interface.has("ack"):
            return []
        ack, done = self.interface.ack, self.interface.done_word
        values = {"id": [entry.id], "receipt": [entry.receipt], "word": [entry.id, done], "last": []}
        return self.calls("ack", *values[ack])

    @property
    def first_forms(self) -> list[str]:
        return self.calls(self.kind.roles[0])

    @property
    def relists(self) -> bool:
        return "list" in self.kind.roles and not self.groups

    def reread(self, entry: QueueEntry) -> list[str]:
        return [self.calls("past")[0], self.calls("read", entry.id)[0]] if "read" in self.kind.roles else []

    def call_plan(self) -> CallPlan:
        return CallPlan(self)

    def slips(self, typed: set[str]) -> list[str]:
        """Calls that go wrong and change nothing, for operations that these commands call: see Step.mistakes."""
        slips: list[str] = []
        for operation in () if self.interface.stays else self.interface.operations:
            spell = self.interface.spell
            if not operation.takes or not any(self._calls(command, operation) for command in typed):
                continue
            slips.append(spell(operation, [])[0])
            if self.interface.usage(operation).startswith(without := f"{self.interface.tool} {operation.verb}"):
                slips.append(without)
        return list(dict.fromkeys(slips))

    @property
    def goes_one_by_one(self) -> bool:
        """Whether an entry has to be closed before the next is shown, or before another is read."""
        return "next" in self.kind.roles or self.interface.ack == "last"

    @property
    def claims(self) -> bool:
        """Whether who reads an entry has taken it on: nobody does so before the one before is done."""
        return "read" in self.kind.roles and self.interface.ack == "receipt"

    def told(self, reason: str, waiting: Sequence[QueueEntry]) -> str:
        """The reason with the program's name, and the entries' ids where a call has shown them, else what they are called."""
        noun, nouns = self.interface.noun, self.interface.nouns
        named = [f"the {noun}", f"another open {noun}"]
        if self.sealed is None and ("read" in self.kind.roles or self.interface.head != "plain"):
            named = [f"{noun} {entry.id}" for entry in waiting]
        words = {"tool": self.interface.tool, "nouns": nouns, "call": self._first_call()}
        words |= dict(zip(("id", "other"), named, strict=False))
        for name, word in words.items():
            reason = reason.replace(f"<{name}>", word)
        return reason

    def _first_call(self) -> str:
        """What is called first, as people mention it: without quotes, pipes, files and a second command."""
        role = self.kind.roles[0]
        call, verb = self.calls(role)[0], self.interface.by_role(role).verb
        return f"{self.interface.tool} {verb}" if set('\n|&<>$`"') & set(call) else call.replace("'", "")

    @property
    def alike(self) -> list[str]:
        """Calls that tell of the past and change nothing, whose names and terse help leave open what they tell."""
        if self.interface.facts["depth"] != "terse":
            return []
        told = self.interface
        untold = (o for o in told.operations if o.verb in _VAGUE_VERBS and not (o.takes or explained(told, o)))
        return [told.spell(operation, [])[0] for operation in untold if operation.role == "past"]

    def outdated(self, command: str) -> str | None:
        """How the documentation spells this call, where that is out of date."""
        if self.interface.former is None:
            return None
        old, new = self.interface.former
        for values in self._values(new):
            for form, former in zip(*(self.interface.spell(o, values) for o in (new, old)), strict=True):
                if form == command:
                    return str(former)
        return None

    def _calls(self, command: str, operation: Operation) -> bool:
        return any(command in self.interface.spell(operation, values) for values in self._values(operation))

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
        if role == "groups":
            return _ways(calls)
        values = [self._position()] if role == "since" else [self.provider.groups[0]] if self._grouped(role) else []
        return _ways([*calls, self.provider.calls(role, *values)])

    def rest(self) -> list[list[str]]:
        """Calls that show that nothing more waits, where what was seen so far leaves it open; [[]] where not."""
        provider = self.provider
        return _ways([provider.calls("next")]) if "next" in provider.kind.roles else self.pages()

    def pages(self) -> list[list[str]]:
        """Calls that show what is left of a list of several pages; [[]] where nothing is."""
        provider = self.provider
        pages = range(2, (len(provider.entries) - 1) // PAGE_ROWS + 2) if "page" in provider.kind.roles else ()
        left = [provider.calls("page", str(number)) for number in pages if f"page {number}" not in self.seen]
        return _ways(left) if left else [[]]

    def again(self, entry: QueueEntry) -> list[list[str]]:
        """Calls that show how this entry is listed now."""
        if (page := self._page(entry)) > 1:
            return [[form] for form in self.provider.calls("page", str(page))]
        return [[form] for form in self.provider.calls("list")]

    def _page(self, entry: QueueEntry) -> int:
        if "page" not in self.provider.kind.roles:
            return 1
        return sorted(other.id for other in self.provider.entries).index(entry.id) // PAGE_ROWS + 1

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
        for number in range(2, self._page(entry) + 1):
            if f"page {number}" not in self.seen:
                self.seen.add(f"page {number}")
                calls.append(provider.calls("page", str(number)))
        return calls

    def _entrance(self) -> list[list[str]]:
        """What comes before anything else, once."""
        if self.begun:
            return []
        self.begun = True
        first = [role for role in self.provider.kind.roles if role in ("pass", "groups", "position")]
        return [self.provider.calls(role) for role in first]

    def _grouped(self, role: str) -> bool:
        return bool(self.provider.groups) and role in ("list", "sheet")

    def _position(self) -> str:
        past = [entry.id for entry in self.provider.entries if not entry.waiting]
        return past[-1] if past else "0"


def _ways(calls: Sequence[Sequence[str]]) -> list[list[str]]:
    """The calls typed alike throughout: one way for each form that a call may take."""
    count = max(len(forms) for forms in calls)
    return [[forms[min(at, len(forms) - 1)] for forms in calls] for at in range(count)]
