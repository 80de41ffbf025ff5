"""What the author asks of a provider, be it made by the grammar or a real program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from sekft.authors.procedural.host import Host
from sekft.authors.procedural.provider.semantics import QueueEntry
from sekft.scenario import File, Inspection

Ways = list[list[str]]


class CallsMade(Protocol):
    """What an operator who uses the provider has seen so far, to know what must still be called for."""

    def reach(self, entry: QueueEntry) -> Ways:
        """Ways to get this entry's text shown; [[]] when it has been."""

    def first(self) -> Ways:
        """The calls that show that nothing waits."""

    def rest(self) -> Ways:
        """Calls that show that nothing more waits, where what was seen so far leaves it open; [[]] where not."""

    def pages(self) -> Ways:
        """Calls that show what is left of a list of several pages; [[]] where nothing is."""

    def again(self, entry: QueueEntry) -> Ways:
        """Calls that show how this entry is listed now."""


class Provides(Protocol):
    """command: the program's name as typed. facts: the drawn parts of the interface. files: programs and documents.

    places:   what an announcement names it by. words: names that its documentation uses.
    sentences: what stands in its files and may be put in other words.
    learn:    ways to have the documentation shown, the reference's first. needle: what shows that it was.
    evidence: what shows that nothing waits. volatile: paths that its use may change.
    """

    @property
    def command(self) -> str: ...

    @property
    def facts(self) -> Mapping[str, str]: ...

    @property
    def entries(self) -> tuple[QueueEntry, ...]: ...

    @property
    def files(self) -> tuple[File, ...]: ...

    @property
    def hidden(self) -> list[str]:
        """What it alone reaches."""

    @property
    def places(self) -> tuple[str, ...]: ...

    @property
    def words(self) -> tuple[str, ...]: ...

    @property
    def sentences(self) -> tuple[str, ...]: ...

    @property
    def sealed(self) -> str | None: ...

    @property
    def learn(self) -> Ways: ...

    @property
    def needle(self) -> str: ...

    @property
    def evidence(self) -> tuple[str | Inspection, ...]: ...

    @property
    def volatile(self) -> list[str]: ...

    @property
    def first_forms(self) -> list[str]:
        """Forms of the call that comes first when something is wanted: where the store is sealed, it is refused."""

    @property
    def relists(self) -> bool:
        """Whether a list shows what is still open once one is acknowledged."""

    @property
    def goes_one_by_one(self) -> bool: ...

    @property
    def claims(self) -> bool: ...

    @property
    def alike(self) -> list[str]:
        """Calls that may be taken for the first one."""

    def store_files(self, host: Host, entries: Iterable[QueueEntry]) -> list[File]:
        """The store with these entries, as files."""

    def apart(self, answered: Sequence[QueueEntry]) -> Mapping[str, str]:
        """What of the store the checker judges by sh of the provider's own: see tree_checker."""

    @property
    def setup(self) -> str:
        """sh before the checker's walk: see tree_checker."""

    def call_plan(self) -> CallsMade: ...

    def acknowledgement(self, entry: QueueEntry) -> list[str]:
        """Ways to say that the entry was carried out; empty where nothing is said."""

    def reread(self, entry: QueueEntry) -> list[str]:
        """Calls that show an entry that is over."""

    def slips(self, typed: set[str]) -> list[str]:
        """Calls that go wrong and change nothing, before one of these."""

    def outdated(self, command: str) -> str | None:
        """How the documentation spells this call, where that is out of date."""

    def reworded(self, text: Callable[[str], str], file: Callable[[File], File]) -> Provides:
        """The same with its entries' texts and its files put in other words."""

    def told(self, reason: str, waiting: Sequence[QueueEntry]) -> str:
        """The reason with names in place of its slots."""
