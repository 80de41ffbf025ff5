"""The run folder: files written whole or not at all, settings remembered, one writer at a time.

FOLDER/<…>.json            what the stage makes, where it is much in FOLDER/<…>/shards/; see entries.py
FOLDER/.sekft/<stage>.json the settings that made it
FOLDER/.sekft/sources.json where the scenarios of its rollouts lie, if elsewhere
FOLDER/.sekft/times.json   how long each stage took
FOLDER/.sekft/lock         held while a command writes
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, Literal

from sekft.errors import BundleError, OtherSettings, StoreError, UsageError
from sekft.folder import locks
from sekft.folder.config import Setting
from sekft.folder.entries import Entry, Finder, by_folder, entries
from sekft.folder.places import UNFINISHED as UNFINISHED
from sekft.folder.places import beside, is_remote, put, written_whole
from sekft.folder.places import documents as documents
from sekft.folder.places import explained as explained
from sekft.folder.shard_writer import ShardWriter
from sekft.folder.shards import SHARDS, index_of, index_text, shards
from sekft.scenario import Scenario

HIDDEN = ".sekft"
TIMES, SOURCES = "times.json", "sources.json"
ROLLOUTS = "*/*-*.json"
"""Names of rollouts below the folder of trajectories, and of those that broke below `errors/`."""
FAULTS_SHOWN = 5
MANY = 20_000
"""Documents of a folder: where there are more, they go into shards."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a command puts what it makes. root holds the lock and the settings."""

    kind: Literal["run", "stage"]
    root: Path
    scenarios: Path
    rejected: Path
    trajectories: Path
    errors: Path

    @classmethod
    def of_run(cls, root: Path) -> Layout:
        return cls("run", root, root / "scenarios", root / "rejected", root / "trajectories", root / "errors")

    @classmethod
    def of_stage(cls, root: Path) -> Layout:
        """One stage's own folder: what it makes at the top, the rest beside it."""
        return cls("stage", root, root, root / "rejected", root, root / "errors")

    @classmethod
    def found(cls, root: Path) -> Layout:
        """The layout that a folder has, or that a stage alone would give it."""
        is_run = any((root / name).is_dir() for name in ("scenarios", "trajectories"))
        return cls.of_run(root) if is_run else cls.of_stage(root)

    @classmethod
    def around(cls, path: Path) -> Layout:
        """The layout of the folder that a trajectory lies in."""
        folders = path.resolve().parents
        usual = folders[min(2, len(folders) - 1)]
        return cls.found(next((folder for folder in folders if (folder / HIDDEN).is_dir()), usual))

    @classmethod
    def of_rollouts(cls, root: Path) -> Layout:
        """The layout of a folder of trajectories. Raises UsageError where it holds none."""
        layout = cls.found(root)
        if next(layout.grouped(), None) is None:
            raise UsageError(f"--trajectories {root}: {_held_instead(root)}")
        return layout

    @property
    def pairs(self) -> Path:
        return self.root / "pairs" if self.kind == "run" else self.root

    def bundles(self) -> Iterator[Entry]:
        """The scenarios: its own or, where it has none, those of its rollouts, wherever they lie."""
        own = entries(self.scenarios)
        if first := next(own, None):
            yield from chain((first,), own)
        else:
            find = self.finder()
            yield from filter(None, (find(name) for name, _ in self.grouped()))

    def finder(self) -> Callable[[str], Entry | None]:
        """Finds scenarios by id: here, where the rollouts took them from, or in `scenarios/` beside this folder."""
        finders = [Finder(place) for place in self._places()]
        return lambda scenario_id: next(filter(None, (find(f"{scenario_id}.json") for find in finders)), None)

    def bundle(self, scenario_id: str) -> Entry | None:
        """The scenario of that id; see finder, which is for many."""
        return self.finder()(scenario_id)

    def scenario(self, scenario_id: str) -> Scenario:
        """Raises UsageError where it is in none of these places."""
        return self.scenario_of(scenario_id, self.finder())

    def scenario_of(self, scenario_id: str, find: Callable[[str], Entry | None]) -> Scenario:
        """The same with a finder of this layout."""
        if entry := find(scenario_id):
            return entry.scenario()
        places = ", ".join(map(str, self._places()))
        raise UsageError(f"scenario {scenario_id}: not in {places}; --scenarios says where it is")

    def _places(self) -> list[Path]:
        recorded = [Layout.found(beside(self.root, name)).scenarios for name in sources(self.root)]
        near = self.root.resolve().parent / "scenarios"
        return [self.scenarios, *recorded, *([near] if self.kind == "stage" and near.is_dir() else [])]

    def kinds(self) -> Iterator[str]:
        """The kind of each rollout's operator; who looks for one need not go through them all."""
        return (entry.stem.rpartition("-")[0] for entry in self.rollouts())

    def rollouts(self) -> Iterator[Entry]:
        """The trajectories by name; in a stage's own folder other files lie beside them."""
        others = {place.name for place in (self.errors, self.rejected) if place.parent == self.trajectories}
        found = entries(self.trajectories, ROLLOUTS)
        return (entry for entry in found if not others or entry.name.partition("/")[0] not in others)

    def grouped(self) -> Iterator[tuple[str, list[Entry]]]:
        """Each scenario's id with its trajectories, both by name."""
        return by_folder(self.rollouts())


def _held_instead(root: Path) -> str:
    """What a folder without trajectories of its own is, as far as its files tell."""
    if not root.is_dir():
        return "no such folder" if not root.exists() else "a file, want a folder"
    if next(entries(root, "*-*.json"), None):
        return f"holds the trajectories of one scenario; want the folder of all: {root.parent}"
    if next(entries(root), None):
        in_run = (root.parent / HIDDEN).is_dir() and root.name == "scenarios"
        return "holds scenarios, not trajectories" + (f"; want the run folder: {root.parent}" if in_run else "")
    return "holds no trajectories"


class Folder:
    """A folder that one command at a time fills and any number of commands read."""

    def __init__(self, root: Path) -> None:
        self.root, self._many, self._live = root, False, True
        self._begun: dict[Path, IO[bytes]] = {}
        self._writers: dict[Path, ShardWriter] = {}
        self._held: dict[Path, set[str]] = {}
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Folder]:
        """Make the folder, take its lock and clear what a killed writer left half-written.

        Where there are no locks (an object store, some network file systems) several may write: no two of them ever
        write one shard, and what two did alike counts once. Raises StoreError when it cannot be written or another
        process is known to be writing.
        """
        lock = None if is_remote(self.root) else self._locked()
        try:
            if lock is not None:
                self._clear()
            yield self
        finally:
            try:
                self._close()
            finally:
                self._abandon()
                if lock is not None:
                    os.close(lock)

    def _locked(self) -> int | None:
        """The lock as an open file; None where the file system has none."""
        with explained(self.root):
            (self.root / HIDDEN).mkdir(parents=True, exist_ok=True)
            lock = os.open(self.root / HIDDEN / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            locks.take(lock, str(self.root))
        except BlockingIOError:
            os.close(lock)
            raise StoreError(f"{self.root}: another sekft is writing here: wait for it or use another --out") from None
        except StoreError:
            os.close(lock)
            return None
        return lock

    def _clear(self) -> None:
        """Of killed writers: half-written files go, and shards get their index."""
        with explained(self.root):
            for place, _, names in os.walk(self.root):
                for name in (each for each in names if each.endswith(UNFINISHED)):
                    Path(place, name).unlink(missing_ok=True)
                for shard in shards(Path(place).parent) if place.endswith(f"/{SHARDS}") else ():
                    if not shard.sealed:
                        self.write(index_of(shard.body), index_text(shard.since()))

    def _close(self) -> None:
        """What shards hold that is not in its place yet."""
        for place in list(self._writers):
            self.finish(place)

    def settle(
        self, stage: str, settings: Mapping[str, Setting], growing: Collection[str] = (), *, empty: bool = False
    ) -> None:
        """Remember what this stage is made with; refuse to go on with anything else.

        growing: settings that may be larger than before (how many, how often).
        empty:   the stage has made nothing here yet, so that any settings will do.
        Raises StoreError naming each setting that differs.
        """
        file = self.root / HIDDEN / f"{stage}.json"
        if file.exists() and not empty:
            _refuse_differences(file, _read(file), settings, growing)
        self.write(file, json.dumps(dict(settings), indent=1, sort_keys=True, ensure_ascii=False) + "\n")

    def take_from(self, scenarios: Path) -> None:
        """Record where the scenarios of this folder's rollouts lie, so that they are found later; see Layout.bundle."""
        if scenarios.resolve() in (self.root.resolve(), self.root.resolve() / "scenarios"):
            return
        apart = is_remote(scenarios) or is_remote(self.root)
        name = str(scenarios.resolve()) if apart else os.path.relpath(scenarios.resolve(), self.root.resolve())
        known = sources(self.root)
        self.write(self.root / HIDDEN / SOURCES, json.dumps({"scenarios": sorted({*known, name})}, indent=1) + "\n")

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add what this takes, in wall seconds, to what the stage took before."""
        began = time.monotonic()
        try:
            yield
        finally:
            taken = times(self.root)
            taken[stage] = round(taken.get(stage, 0.0) + time.monotonic() - began, 2)
            self.write(self.root / HIDDEN / TIMES, json.dumps(taken, indent=1) + "\n")

    def write(self, path: Path, content: str | bytes) -> None:
        """Put the content at that path, whole or not at all. Raises StoreError."""
        written_whole(path, content.encode() if isinstance(content, str) else content)

    def expect(self, documents: int, *, live: bool = True) -> None:
        """So many are to come, or are there already: keep() goes by it. live: see ShardWriter."""
        self._many, self._live = documents > MANY, live

    def keep(self, place: Path, name: str, content: str) -> None:
        """Put a document into a folder of them: into a shard where there are many or the folder is far away, else into
        a file of its own. Threads may share this. Raises StoreError."""
        if not self._many and not is_remote(place):
            self.write(place / name, content)
            return
        with explained(place / SHARDS):
            try:
                self.writer(place).add(name, content)
            except json.JSONDecodeError as error:
                raise BundleError(f"{place / name}: {error}; want JSON") from error

    def writer(self, place: Path) -> ShardWriter:
        """What writes the shards of a folder of documents."""
        with self._guard:
            return self._writers.setdefault(place, ShardWriter(place, self._live))

    def finish(self, place: Path) -> None:
        """Put all that keep() was given for this folder of documents in its place. Raises StoreError."""
        if writer := self._writers.pop(place, None):
            with explained(place / SHARDS):
                writer.close()

    def begin(self, path: Path) -> IO[bytes]:
        """An open file that place() puts at that path; without that, writing() ends with nothing left of it.

        Raises StoreError.
        """
        with explained(path):
            if is_remote(path):
                handle, name = tempfile.mkstemp(prefix="sekft-", suffix=UNFINISHED)
                os.close(handle)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                name = str(path.parent / f".{path.name}{UNFINISHED}")
            self._begun[Path(name)] = Path(name).open("wb")  # noqa: SIM115  # place() or _abandon() closes it
        return self._begun[Path(name)]

    def place(self, file: IO[bytes], path: Path) -> None:
        """Put what begin() opened at its path, whole. Raises StoreError."""
        unfinished = Path(file.name)
        with explained(path), file:
            file.flush()
            os.fsync(file.fileno())
            if is_remote(path):
                put(path, unfinished)
                unfinished.unlink()
            else:
                unfinished.replace(path)
        del self._begun[unfinished]

    def _abandon(self) -> None:
        for path, file in self._begun.items():
            with contextlib.suppress(OSError):
                file.close()
                path.unlink()
        self._begun.clear()

    def remove(self, path: Path) -> None:
        with explained(path):
            path.unlink(missing_ok=True)

    def drop(self, place: Path, name: str) -> None:
        """Remove a rollout that has a file of its own, if it is there: far away by one listing for all of them."""
        if is_remote(place) and place not in self._held:
            self._held[place] = {str(path.relative_to(place)) for path in documents(place, ROLLOUTS)}
        if not is_remote(place) or name in self._held[place]:
            self.remove(place / name)


def settings(root: Path, stage: str) -> Mapping[str, object]:
    """What a stage of this folder was made with; empty when it has not run here."""
    file = root / HIDDEN / f"{stage}.json"
    return _read(file) if file.exists() else {}


def sources(root: Path) -> list[str]:
    """Folders of scenarios that rollouts in this folder were made of, as paths from it."""
    file = root / HIDDEN / SOURCES
    named = _read(file).get("scenarios") if file.exists() else None
    return named if isinstance(named, list) else []


def stages(root: Path) -> list[str]:
    """The stages that have recorded their settings in this folder."""
    return [path.stem for path in documents(root / HIDDEN) if path.name not in (TIMES, SOURCES)]


def times(root: Path) -> dict[str, float]:
    """Wall seconds that each stage has taken in this folder, over all its runs."""
    file = root / HIDDEN / TIMES
    return {stage: float(str(taken)) for stage, taken in _read(file).items()} if file.exists() else {}


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The values of a JSONL file with their lines' numbers, blank lines aside.

    Raises BundleError naming file and line.
    """
    try:
        lines = path.open("rb")
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
    with lines:
        for number, line in enumerate(lines, 1):
            try:
                if line.strip():
                    yield number, json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError) as error:
                why = "holds NUL bytes, as after a crash" if b"\0" in line else str(error)
                raise BundleError(f"{path}:{number}: {why}; want one JSON value a line") from error


def told_apart(folders: list[Path]) -> dict[str, Path]:
    """Each by the shortest end of its path that no other has: all ends are of as many parts."""
    paths = [folder.resolve() for folder in folders]
    for parts in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-parts:]) for path in paths]
        if len(set(names)) == len(set(paths)):
            break
    return dict(zip(names, folders, strict=True))


def scenario_files(folder: Path) -> list[Entry]:
    """Those of a folder, or of a run folder's scenarios/. Raises UsageError where there are none."""
    inner = folder / "scenarios"
    place = inner if inner.is_dir() else folder
    wanted = "want a folder that `sekft generate --out` made"
    if not place.is_dir():
        seen = "a file" if folder.exists() else "no such folder"
        raise UsageError(f"--scenarios {folder}: {seen}; {wanted}")
    if found := list(entries(place)):
        return found
    raise UsageError(f"--scenarios {folder}: holds no *.json; {wanted}")


def load_scenarios(folder: Path) -> list[Scenario]:
    """Every bundle of a folder, or of a run folder's scenarios/. Raises UsageError or BundleError."""
    scenarios, faults = [], []
    for entry in scenario_files(folder):
        try:
            scenarios.append(entry.scenario())
        except BundleError as error:
            faults.append(str(error))
    if faults:
        more = f"\n… and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
        raise BundleError("\n".join(faults[:FAULTS_SHOWN]) + more)
    return scenarios


def _refuse_differences(
    file: Path, before: Mapping[str, Setting], now: Mapping[str, Setting], growing: Collection[str]
) -> None:
    def grew(name: str) -> bool:
        then, value = before.get(name), now.get(name)
        return name in growing and isinstance(then, int) and isinstance(value, int) and value > then

    differences = [
        f"{name} was {_shown(before.get(name))}, now {_shown(now.get(name))}" + " (it may grow)" * (name in growing)
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name) and not grew(name)
    ]
    if differences:
        raise OtherSettings(
            f"{file.parent.parent}: made with other settings: {'; '.join(differences)}. "
            "Use the same settings to go on with it, or another --out."
        )


def _shown(value: Setting) -> str:
    return "unset" if value is None else json.dumps(value, ensure_ascii=False)


def _read(file: Path) -> dict[str, Setting]:
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{file}: cannot be read: {error}; want the JSON that sekft wrote") from error
    if not isinstance(body, dict):
        raise BundleError(f"{file}: saw a {type(body).__name__}, want a JSON object")
    return body
