"""Questions to the indexes: filters as they stand in an address, rows in an order, counts of every choice.

Several sources are asked at once: each index is attached, and views bring their rows together.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sekft.evaluation.metrics import CHAIN

SOURCES_AT_MOST = 8
"""SQLite attaches ten databases."""
CHOICES = ("run", "outcome", "expected", "operator", "sample", "model", "split", "keep", "ending", "fault", "verdict")
"""Fields with few values: a filter takes several values of each."""
LABELS = {"keep": "kept", "fault": "made to fail", "verdict": "check", "expected": "right ending"}
"""What a reader calls a field whose name says less."""
OTHERS = ("scenario", "family", "reason", "note", "id")
LIMITS = {"from": ("actions", ">="), "to": ("actions", "<=")}
MARKED = {"has": "IS NOT NULL", "lacks": "IS NULL"}
SORTS: Mapping[str, tuple[str, str]] = {
    "": ("", "file"),
    "actions": ("actions", "fewest actions"),
    "-actions": ("-actions", "most actions"),
    "-mistakes": ("-mistakes", "most mistakes"),
    "outcome": ("outcome", "outcome"),
    "tool": ("coalesce(tool, '')", "tool"),
    "-tokens": ("-tokens", "most tokens"),
    "-cost": ("-cost", "dearest"),
}
"""Name in an address → SQL of what comes before run and place, and what a reader calls it."""
NOTHING = "–"
ANSWERS_HELD = 200
LEAST_SEARCHED = 3
"""Characters: the index of texts is one of trigrams."""
Row = sqlite3.Row
_NOTED = ", ".join(
    f"(SELECT {field} FROM notes WHERE trajectory = rollouts.id) AS {name}"
    for field, name in (("verdict", "note"), ("comment", "comment"))
)
_FIELD = re.compile(r"^(typed|shown):\s*")


@dataclass(frozen=True)
class Filters:
    """terms: (field, value) as in an address; `axis` has values like task=append. q: text to search for."""

    terms: tuple[tuple[str, str], ...] = ()
    q: str = ""
    sort: str = ""

    @classmethod
    def of(cls, query: str) -> Filters:
        """Of an address's query; what is no filter is left out."""
        pairs = parse_qsl(query)
        known = {*CHOICES, *OTHERS, *LIMITS, *MARKED, "axis"}
        terms = tuple(dict.fromkeys((name, value) for name, value in pairs if name in known and value))
        said = dict(pairs)
        sort = said.get("sort", "")
        return cls(terms, said.get("q", "").strip(), sort if sort in SORTS else "")

    def query(self) -> str:
        """The address's query that gives these filters."""
        more = [(name, value) for name, value in (("q", self.q), ("sort", self.sort)) if value]
        return urlencode([*self.terms, *more])

    def values(self, field: str) -> list[str]:
        return [value for name, value in self.terms if name == field]

    def with_term(self, field: str, value: str) -> Filters:
        return replace(self, terms=(*(term for term in self.terms if term != (field, value)), (field, value)))

    def only(self, field: str, value: str) -> Filters:
        """With this value of the field and no other."""
        return replace(self, terms=(*(term for term in self.terms if term[0] != field), (field, value)))

    def plain(self) -> Filters:
        """Without the text that is searched for."""
        return replace(self, q="")

    def without(self, field: str, value: str | None = None) -> Filters:
        kept = tuple(term for term in self.terms if term[0] != field or (value is not None and term[1] != value))
        return replace(self, terms=kept)


class Indexes:
    """The indexes of several sources, to be asked. names: of the sources, in order."""

    def __init__(self, indexes: Mapping[str, Path]) -> None:
        self.names = list(indexes)
        self._lock = threading.Lock()
        self._state: list[int] = []
        self._held: dict[tuple[str, tuple[object, ...]], list[Row]] = {}
        self._base = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None, timeout=60)
        self._base.row_factory = sqlite3.Row
        for at, path in enumerate(indexes.values()):
            self._base.execute(f"ATTACH ? AS r{at}", (str(path),))
        for table in ("rollouts", "scenarios", "pairs", "rejections", "notes", "cells", "reasons", "files"):
            parts = (f"SELECT {at} AS db, ? AS run, * FROM r{at}.{table}" for at in range(len(indexes)))
            body = " UNION ALL ".join(
                part.replace("?", _quoted(name)) for part, name in zip(parts, indexes, strict=True)
            )
            self._base.execute(f"CREATE TEMP VIEW {table} AS {body}")

    def ask(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """The rows of a question of our own."""
        with self._lock:
            return self._base.execute(sql, values).fetchall()

    def held(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """As ask(), for counts of a whole set: until an index changes, the same question is answered from memory."""
        state = [self.ask(f"PRAGMA r{at}.data_version")[0][0] for at in range(len(self.names))]
        if state != self._state or len(self._held) > ANSWERS_HELD:
            self._state, self._held = state, {}
        held, asked = self._held, (sql, tuple(values))
        if asked not in held:
            held[asked] = self.ask(sql, values)
        return held[asked]

    def close(self) -> None:
        self._base.close()

    def generation(self) -> str:
        """Changes when the indexes do."""
        rows = self.ask(
            "SELECT count(*), coalesce(max(key), 0) FROM rollouts UNION ALL SELECT count(*), 0 FROM scenarios"
        )
        return "-".join(f"{a}.{b}" for a, b in rows)

    def where(self, filters: Filters, without: Sequence[str] = ()) -> tuple[str, list[object]]:
        """A condition on the view `rollouts`, with its values. without: fields whose filters are left out."""
        parts, values = [], []
        for sql, given in self._conditions(filters, without):
            parts.append(sql)
            values += given
        return " AND ".join(parts) or "1", values

    def _conditions(self, filters: Filters, without: Sequence[str]) -> Iterator[tuple[str, list[object]]]:
        fields = dict.fromkeys(name for name, _ in filters.terms if name not in without)
        for field in fields:
            values = filters.values(field)
            if field in CHOICES or field in ("scenario", "family", "id"):
                told = f"coalesce(nullif(CAST({field} AS TEXT), ''), {_quoted(NOTHING)})"
                yield f"{told if NOTHING in values else field} IN ({_marks(values)})", [*map(_stored, values)]
            elif field in MARKED:
                for mark in values:
                    if mark in CHAIN:
                        own = " AND expected IN ('work', '')" if mark == "executed" and field == "lacks" else ""
                        yield f"{mark} {MARKED[field]}{own}", []
            elif field in LIMITS:
                column, sign = LIMITS[field]
                yield f"{column} {sign} ?", [int(values[-1]) if values[-1].isdigit() else 0]
            elif field == "reason":
                told = f"reason IN ({_marks(values)}) AND reasons.db = rollouts.db"
                asked = f"key IN (SELECT rollout FROM reasons WHERE {told})"
                yield asked, [*values]
            elif field == "note":
                yield self._noted(values)
            elif field == "axis":
                yield from self._cells(values)
        if filters.q and "q" not in without:
            yield self._searched(filters.q)

    def _noted(self, values: Sequence[str]) -> tuple[str, list[object]]:
        noted = "id IN (SELECT trajectory FROM notes WHERE coalesce(verdict, 'comment') IN ({}))"
        if "any" in values:
            return "id IN (SELECT trajectory FROM notes)", []
        if "none" in values:
            return "id NOT IN (SELECT trajectory FROM notes)", []
        return noted.format(_marks(values)), [*values]

    def _cells(self, values: Sequence[str]) -> Iterator[tuple[str, list[object]]]:
        by_axis: dict[str, list[str]] = {}
        for value in values:
            axis, _, name = value.partition("=")
            by_axis.setdefault(axis, []).append(name)
        for axis, names in by_axis.items():
            asked = f"scenario IN (SELECT scenario FROM cells WHERE axis = ? AND value IN ({_marks(names)}))"
            yield asked, [axis, *names]

    def _searched(self, text: str) -> tuple[str, list[object]]:
        """The text as it stands, but for case; the index knows nothing shorter than three characters."""
        field = _FIELD.match(text)
        wanted = (text[field.end() :] if field else text).replace("\0", "")
        if len(wanted) < LEAST_SEARCHED:
            return "0", []
        phrase = wanted.replace('"', '""')
        match = (f"{field[1]} : " if field else "") + f'"{phrase}"'
        parts = (
            f"(db = {at} AND key IN (SELECT rowid FROM r{at}.texts WHERE texts MATCH ?))"
            for at in range(len(self.names))
        )
        return f"({' OR '.join(parts)})", [match] * len(self.names)

    def rows(self, filters: Filters, limit: int, offset: int = 0) -> list[Row]:
        """Rollouts in the order asked for, with their notes. Those before the offset are not read whole."""
        where, values = self.where(filters)
        order = ", ".join(_order(filters))
        return self.ask(
            f"SELECT rollouts.*, {_NOTED} FROM (SELECT db AS d, key AS k FROM rollouts WHERE {where} ORDER BY {order} "
            f"LIMIT ? OFFSET ?) JOIN rollouts ON db = d AND key = k ORDER BY {order}",
            [*values, limit, offset],
        )

    def count(self, filters: Filters) -> int:
        where, values = self.where(filters)
        return int(self.ask(f"SELECT count(*) FROM rollouts WHERE {where}", values)[0][0])

    def choices(self, filters: Filters) -> dict[str, Counter[str]]:
        """field → value → rollouts, each under the filters of all other fields; one pass over the index."""
        where, values = self.where(filters, CHOICES)
        columns = ", ".join(CHOICES)
        groups = self.held(f"SELECT {columns}, count(*) AS n FROM rollouts WHERE {where} GROUP BY {columns}", values)
        wanted = {field: set(filters.values(field)) for field in CHOICES}
        counted: dict[str, Counter[str]] = {field: Counter() for field in CHOICES}
        for group in groups:
            shown = {field: _shown(field, group[field]) for field in CHOICES}
            misses = [field for field in CHOICES if wanted[field] and shown[field] not in wanted[field]]
            for field in misses if len(misses) == 1 else CHOICES if not misses else ():
                counted[field][shown[field]] += group["n"]
        return counted

    def reasons(self, filters: Filters) -> Counter[str]:
        """Why rollouts are not kept → how many."""
        where, values = self.where(filters, ["reason"])
        chosen = f"(SELECT db AS d, key FROM rollouts WHERE {where}) CROSS JOIN reasons ON rollout = key AND db = d"
        told = f"FROM {chosen if where != '1' else 'reasons'} GROUP BY reason"
        rows = self.held(f"SELECT reason, count(*) AS n {told} ORDER BY n DESC LIMIT 40", values)
        return Counter({row["reason"]: row["n"] for row in rows})

    def axes(self) -> dict[str, list[str]]:
        """axis → its values here."""
        found: dict[str, list[str]] = {}
        for row in self.held("SELECT DISTINCT axis, value FROM cells ORDER BY axis, value"):
            found.setdefault(row["axis"], []).append(row["value"])
        return found

    def rollout(self, run: str, place: str) -> Row | None:
        rows = self.ask(f"SELECT *, {_NOTED} FROM rollouts WHERE run = ? AND place = ?", (run, place))
        return rows[0] if rows else None

    def neighbours(self, filters: Filters, row: Row) -> tuple[Row | None, Row | None, int, int]:
        """The rollouts before and after this one in the list, its place there from 1, and how long the list is.

        Place 0: it is not in the list.
        """
        where, values = self.where(filters)
        order = ", ".join(_order(filters))
        keys = self.ask(
            f"SELECT {order} FROM rollouts WHERE run = ? AND place = ? AND {where}", [row["run"], row["place"], *values]
        )
        if not keys:
            return None, None, 0, self.count(filters)
        own = tuple(keys[0])
        told = self.ask(
            f"SELECT count(*) total, sum(({order}) < ({_marks(own)})) before FROM rollouts WHERE {where}",
            [*own, *values],
        )[0]
        before, after = (
            self.ask(
                f"SELECT run, place FROM rollouts WHERE {where} AND ({order}) {sign} ({_marks(own)}) "
                f"ORDER BY {', '.join(f'{each} {way}' for each in _order(filters))} LIMIT 1",
                [*values, *own],
            )
            for sign, way in (("<", "DESC"), (">", "ASC"))
        )
        return before[0] if before else None, after[0] if after else None, told["before"] + 1, told["total"]


def _order(filters: Filters) -> list[str]:
    """What a list is ordered by, as SQL; never null."""
    return [*filter(None, [SORTS[filters.sort][0]]), "run", "place"]


def _shown(field: str, value: Any) -> str:
    if field == "keep" and value is not None:
        return "yes" if value else "no"
    return NOTHING if value in (None, "") else str(value)


def _stored(value: str) -> object:
    return {"yes": "1", "no": "0"}.get(value, value)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
