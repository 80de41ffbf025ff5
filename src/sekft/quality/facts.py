"""Facts of scenarios: what of each the audit needs, and a store of them that takes the same memory for any number."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from sekft.quality.texts import documentation, login_text, names, sentences, words
from sekft.scenario import ExpectedKind, Scenario

INTERFACE_PARTS = ("syntax", "verbs", "options", "ids", "paging", "ack", "list_format", "layout")
"""What makes two interfaces the same."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What a scenario says. login: the words shown at login, each once; names, sentences: see quality/texts.py."""

    login: str
    directives: tuple[str, ...]
    documentation: str
    names: frozenset[str]
    sentences: frozenset[str]

    @classmethod
    def of(cls, one: Scenario, documented: str) -> Texts:
        login = " ".join(sorted(set(words(login_text(one).lower()))))
        return cls(
            login,
            tuple(directive.text for directive in one.directives),
            documented,
            frozenset(names(one)),
            frozenset(sentences(one, documented)),
        )


@dataclass(frozen=True, slots=True)
class ScenarioFacts:
    """What the audit needs of a scenario.

    interface: None where the bundle tells none, as where a real program has its own.
    shown:     digest of what is read before the directives.
    proven:    whether it ran in a sandbox. texts: None where they are not held or not asked for.
    """

    id: str
    family: str
    split: str
    cell: Mapping[str, str]
    kind: ExpectedKind
    twin_of: str | None
    reskin_of: str | None
    command: str
    author: str
    model: str | None
    proven: bool
    interface: tuple[str, ...] | None
    shown: bytes
    texts: Texts | None

    @classmethod
    def of(cls, one: Scenario, with_texts: bool = True) -> ScenarioFacts:
        told, documented = one.provider.interface, documentation(one)
        return cls(
            id=one.id,
            family=one.family,
            split=one.split,
            cell=one.cell,
            kind=one.expected.kind,
            twin_of=one.twin_of,
            reskin_of=one.reskin_of,
            command=one.provider.command,
            author=one.provenance.model or one.provenance.author,
            model=one.provenance.model,
            proven=one.gate is not None and one.gate.mode == "sandbox",
            interface=tuple(told.get(part, "") for part in INTERFACE_PARTS) if told.get("syntax") else None,
            shown=blake2b(f"{login_text(one)}\0{documented}".encode(), digest_size=16).digest(),
            texts=Texts.of(one, documented) if with_texts else None,
        )

    @property
    def is_base(self) -> bool:
        """One of each family is."""
        return self.twin_of is None and self.reskin_of is None

    @property
    def is_surface(self) -> bool:
        """One of each surface is: a twin shares its base's, a re-skin does not."""
        return self.twin_of is None


@dataclass(frozen=True, slots=True)
class PackedFacts:
    """Facts as they are stored, so that who reads a scenario packs them, and who adds up need not know them."""

    id: str
    facts: bytes
    texts: bytes | None

    @classmethod
    def of(cls, one: ScenarioFacts) -> PackedFacts:
        return cls(one.id, _packed(replace(one, texts=None)), _packed(one.texts) if one.texts else None)


class StoredFacts:
    """Facts by id, in the order in which each id first came, in a temporary file that no name leads to.

    Of a set of any size a few megabytes are in memory. Goes through them without their texts; see with_texts.
    """

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.execute("CREATE TABLE facts (at INTEGER PRIMARY KEY, id TEXT UNIQUE, facts BLOB, texts BLOB)")
        self._base.execute("BEGIN")  # and no end: nobody else reads it

    @classmethod
    def of(cls, facts: Iterable[ScenarioFacts]) -> StoredFacts:
        stored = cls()
        for one in facts:
            stored.add(PackedFacts.of(one))
        return stored

    def add(self, one: PackedFacts) -> None:
        """In the place of what is there under this id."""
        self._base.execute(
            "INSERT INTO facts (id, facts, texts) VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET facts = excluded.facts, texts = excluded.texts",
            (one.id, one.facts, one.texts),
        )

    def __len__(self) -> int:
        (count,) = self._base.execute("SELECT count(*) FROM facts").fetchone()
        return int(count)

    def __iter__(self) -> Iterator[ScenarioFacts]:
        return (pickle.loads(facts) for (facts,) in self._base.execute("SELECT facts FROM facts ORDER BY at"))

    def get(self, scenario_id: str) -> ScenarioFacts | None:
        row = self._base.execute("SELECT facts FROM facts WHERE id = ?", (scenario_id,)).fetchone()
        return pickle.loads(row[0]) if row else None

    def with_texts(self) -> Iterator[ScenarioFacts]:
        """Those whose texts are held, with them."""
        query = "SELECT facts, texts FROM facts WHERE texts IS NOT NULL ORDER BY at"
        return (replace(pickle.loads(facts), texts=pickle.loads(texts)) for facts, texts in self._base.execute(query))


def _packed(value: Any) -> bytes:
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
