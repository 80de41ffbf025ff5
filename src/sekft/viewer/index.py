"""The index of a source: SQLite, built from its files once, then kept fresh by their times and sizes.

It lies in the folder's `.sekft/`; of a folder that is no run or cannot be written, in sekft's cache. Memory does not
grow with the rollouts: one file is held at a time.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path

from sekft.cache import cache_root
from sekft.errors import BundleError, SekftError, StoreError
from sekft.folder import HIDDEN
from sekft.folder.notes import NOTES, read_notes
from sekft.folder.places import is_remote
from sekft.rejection import Rejection
from sekft.scenario import Scenario
from sekft.viewer.reading import Reading
from sekft.viewer.sources import Source, Stamp
from sekft.viewer.terminal import plain

VERSION = 3
"""Of the tables; an index of another one is built again."""
FILE = f"view-{VERSION}.sqlite"
TOGETHER = 400
"""Files of one transaction."""
SHOWN_CHARACTERS = 200
ROLES = ("action", "env")
SessionStep = Callable[[int], None]
"""Is told how many files have been read so far."""


def index_file(source: Source) -> Path:
    """Where the index lies. Raises StoreError where no folder can be written."""
    own = source.root / HIDDEN
    if not is_remote(own) and own.is_dir() and os.access(own, os.W_OK) and not source.single:
        return own / FILE
    named = f"{source.root.resolve()}\0{source.single}\0{source.scenarios}"
    place = cache_root() / "view"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{place}: {error.strerror}: set SEKFT_CACHE to a writable folder") from error
    return place / f"{hashlib.sha256(named.encode()).hexdigest()[:16]}-{FILE}"


class Index:
    """One source's index, open for writing. Use refresh() to bring it up to date."""

    def __init__(self, source: Source) -> None:
        self.source, self.path = source, index_file(source)

    def refresh(self, step: SessionStep = lambda _: None) -> int:
        """Read what is new or has changed, forget what is gone; returns how many files that was.

        Two at once wait for each other. Raises StoreError where the index cannot be written.
        """
        try:
            with closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as base:
                base.execute("PRAGMA journal_mode = WAL")
                base.execute("PRAGMA synchronous = NORMAL")
                base.executescript(files("sekft.viewer").joinpath("index.sql").read_text("utf-8"))
                return _Refresh(self.source, base, step).run()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}; remove the file, and it is built again") from error


class _Refresh:
    def __init__(self, source: Source, base: sqlite3.Connection, step: SessionStep) -> None:
        self._source, self._base, self._step = source, base, step
        self._done = 0

    def run(self) -> int:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            gone = {row[0] for row in self._base.execute("SELECT DISTINCT folder FROM files")}
            for folder, stamps in self._source.folders():
                gone.discard(folder)
                self._folder(folder, stamps)
            for folder in gone:
                self._folder(folder, [])
            self._notes()
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")
        return self._done

    def _folder(self, folder: str, stamps: Sequence[Stamp]) -> None:
        rows = self._base.execute("SELECT path, mtime, size FROM files WHERE folder = ?", (folder,))
        known = {path: (mtime, size) for path, mtime, size in rows}
        for path in known.keys() - {stamp.path for stamp in stamps}:
            self._forget(path)
            self._told()
        for stamp in stamps:
            if known.get(stamp.path) != (stamp.mtime_ns, stamp.size):
                if stamp.path in known:
                    self._forget(stamp.path)
                self._read(folder, stamp)
                self._told()

    def _told(self) -> None:
        """Count a file; now and then let readers see what there is."""
        self._done += 1
        self._step(self._done)
        if self._done % TOGETHER == 0:
            self._base.execute("COMMIT")
            self._base.execute("BEGIN IMMEDIATE")

    def _forget(self, path: str) -> None:
        base = self._base
        base.execute("DELETE FROM reasons WHERE rollout IN (SELECT key FROM rollouts WHERE file = ?)", (path,))
        base.execute("DELETE FROM cells WHERE scenario IN (SELECT id FROM scenarios WHERE file = ?)", (path,))
        for table in ("rollouts", "scenarios", "pairs", "rejections"):
            base.execute(f"DELETE FROM {table} WHERE file = ?", (path,))
        base.execute("DELETE FROM files WHERE path = ?", (path,))

    def _read(self, folder: str, stamp: Stamp) -> None:
        fault = None
        try:
            self._take(stamp)
        except (SekftError, OSError, ValueError, RecursionError) as error:
            fault = str(error)
        self._base.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)",
            (stamp.path, folder, stamp.kind, stamp.mtime_ns, stamp.size, fault),
        )

    def _take(self, stamp: Stamp) -> None:
        if stamp.kind == "scenario":
            for entry in self._source.entries(stamp):
                self._scenario(entry.scenario(), stamp.path)
        elif stamp.kind == "rejected":
            self._rejection(stamp)
        elif stamp.kind == "pairs":
            self._pairs(stamp)
        else:
            for reading in self._source.readings(stamp):
                self._rollout(reading, stamp.path)

    def _scenario(self, one: Scenario, file: str) -> None:
        gate = one.gate
        counts = (
            (gate.mutants - gate.equivalent, len(gate.survivors), gate.right, len(gate.refused)) if gate else (0,) * 4
        )
        self._insert(
            "scenarios",
            (
                one.id, file, one.expected.kind, one.split, one.family, one.twin_of, one.reskin_of,
                one.provenance.model or one.provenance.author, len(one.provenance.mended), *counts,
                gate is not None and gate.mode == "sandbox",
            ),
        )  # fmt: skip
        self._cells(one.id, one.cell.items())

    def _cells(self, scenario: str, cell: Iterable[tuple[str, str]]) -> None:
        rows = ((scenario, axis, value) for axis, value in cell)
        self._base.executemany("INSERT OR REPLACE INTO cells VALUES (?, ?, ?)", rows)

    def _rollout(self, reading: Reading, file: str) -> None:
        scenario, marks = reading.scenario, reading.mechanism
        key = self._insert(
            "rollouts",
            (
                None, file, reading.place, reading.id, reading.scenario_id, reading.sample,
                reading.operator.kind, reading.operator.model, reading.outcome, reading.right, reading.keep,
                reading.expected, reading.split, reading.family, reading.ending.kind if reading.ending else None,
                len(reading.actions), len(reading.mistakes), reading.usage.tokens, reading.usage.cost_usd,
                reading.fault.kind if reading.fault else None, reading.check.verdict if reading.check else None,
                marks.seen, marks.noticed, marks.learnt, marks.retrieved, marks.executed, marks.ended,
                _short(" · ".join(reading.asked)), scenario.provider.command if scenario else None,
                _short(reading.actions[-1] if reading.actions else ""), _short("; ".join(_told_otherwise(reading))),
            ),
        )  # fmt: skip
        self._base.executemany("INSERT INTO reasons VALUES (?, ?)", ((key, reason) for reason in reading.against))
        typed, shown = ("\n".join(plain(turn.content) for turn in reading.turns if turn.role == role) for role in ROLES)
        self._base.execute("INSERT INTO texts (rowid, typed, shown) VALUES (?, ?, ?)", (key, typed, shown))
        if scenario is None and reading.cell:
            self._cells(reading.scenario_id, reading.cell.items())

    def _rejection(self, stamp: Stamp) -> None:
        for entry in self._source.entries(stamp):
            one = entry.load(Rejection)
            place = entry.below(self._source.root)
            row = (None, stamp.path, place, one.id, one.slot, one.attempt, one.reason, _short(one.detail))
            self._insert("rejections", (*row, len(one.exchange)))

    def _pairs(self, stamp: Stamp) -> None:
        for number, pair in self._source.pairs(stamp):
            sides = (_short(pair.chosen[0].content), _short(pair.rejected[0].content))
            self._insert(
                "pairs",
                (
                    None, stamp.path, f"{stamp.path}#{number}", pair.id, pair.scenario_id, pair.split, pair.outcome,
                    pair.cause, pair.source, pair.margin, pair.turn, *sides, pair.chosen_side.trajectory,
                    pair.rejected_side.trajectory,
                ),
            )  # fmt: skip

    def _insert(self, table: str, row: Sequence[object]) -> int:
        marks = ", ".join("?" * len(row))
        if table == "rollouts":  # a key is never given twice: the text index keeps those of rows that are gone
            row = (self._next_key(), *row[1:])
        return self._base.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row).lastrowid or 0

    def _next_key(self) -> int:
        last = self._base.execute("SELECT rowid FROM texts ORDER BY rowid DESC LIMIT 1").fetchone()  # max() reads all
        return last[0] + 1 if last else 1

    def _notes(self) -> None:
        """Notes as the file has them now: it is small, and read whole."""
        path = self._source.root / NOTES
        stamp = str(path.stat().st_mtime) if path.is_file() else ""
        before = self._base.execute("SELECT body FROM facts WHERE name = 'notes'").fetchone()
        if before == (stamp,):
            return
        try:
            notes = read_notes(self._source.root)
        except BundleError as error:
            self._base.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", (NOTES, NOTES, NOTES, 0, 0, str(error))
            )
            return
        self._base.execute("DELETE FROM notes")
        self._base.executemany(
            "INSERT INTO notes VALUES (?, ?, ?)",
            ((name, note.verdict, note.comment) for name, note in notes.items() if note.verdict or note.comment),
        )
        self._base.execute("INSERT OR REPLACE INTO facts VALUES ('notes', ?)", (stamp,))


def _told_otherwise(reading: Reading) -> list[str]:
    """Why it is not kept, but for what the outcome and the marks tell in a list already."""
    return [why for why in reading.against if not why.startswith(("outcome ", "mechanism lacks "))]


def _short(text: str) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(plain(text).split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"
