"""The run folder: files written whole or not at all, settings remembered, one writer at a time.

FOLDER/<…>.json            what the stage makes
FOLDER/.sekft/<stage>.json the settings that made it
FOLDER/.sekft/sources.json where the scenarios of its rollouts lie, if elsewhere
FOLDER/.sekft/times.json   how long each stage took
FOLDER/.sekft/lock         held while a command writes
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any, Literal

from sekft.errors import BundleError, OtherSettings, StoreError, UsageError
from sekft.folder import locks
from sekft.folder.config import Setting
from sekft.scenario import Scenario, load_scenario

HIDDEN = ".sekft"
TIMES, SOURCES = "times.json", "sources.json"
FAULTS_SHOWN = 5
UNFINISHED = ".unfinished"


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

    def bundles(self) -> list[Path]:
        """The scenarios: its own or, where it has none, those of its rollouts, wherever they lie."""
        return documents(self.scenarios) or [path for name, _ in self.grouped() if (path := self.bundle(name))]

    def bundle(self, scenario_id: str) -> Path | None:
        """The file of a scenario: here, where the rollouts took it from, or in `scenarios/` beside this folder."""
        found = (place / f"{scenario_id}.json" for place in self._places())
        return next((path for path in found if path.is_file()), None)

    def scenario(self, scenario_id: str) -> Scenario:
        """Raises UsageError where it is in none of these places."""
        if path := self.bundle(scenario_id):
            return load_scenario(path)
        places = ", ".join(map(str, self._places()))
        raise UsageError(f"scenario {scenario_id}: not in {places}; --scenarios says where it is")

    def _places(self) -> list[Path]:
        recorded = [Layout.found(self.root / name).scenarios for name in sources(self.root)]
        beside = self.root.resolve().parent / "scenarios"
        return [self.scenarios, *recorded, *([beside] if self.kind == "stage" and beside.is_dir() else [])]

    def kinds(self) -> Iterator[str]:
        """The kind of each rollout's operator; who looks for one need not go through them all."""
        return (path.stem.rpartition("-")[0] for _, paths in self.grouped() for path in paths)

    def rollouts(self) -> list[Path]:
        """The trajectories, sorted."""
        return [path for _, paths in self.grouped() for path in paths]

    def grouped(self) -> Iterator[tuple[str, list[Path]]]:
        """Each scenario's id with its trajectories, sorted; in a stage's own folder other files lie beside them."""
        beside = (self.errors, self.rejected)
        found = os.scandir(self.trajectories) if self.trajectories.is_dir() else ()
        names = sorted(entry.name for entry in found if not entry.name.startswith(".") and entry.is_dir())
        for folder in (self.trajectories / name for name in names):
            if folder not in beside and (paths := documents(folder, "*-*.json")):
                yield folder.name, paths


def _held_instead(root: Path) -> str:
    """What a folder without trajectories of its own is, as far as its files tell."""
    if not root.is_dir():
        return "no such folder" if not root.exists() else "a file, want a folder"
    if documents(root, "*-*.json"):
        return f"holds the trajectories of one scenario; want the folder of all: {root.parent}"
    if documents(root):
        in_run = (root.parent / HIDDEN).is_dir() and root.name == "scenarios"
        return "holds scenarios, not trajectories" + (f"; want the run folder: {root.parent}" if in_run else "")
    return "holds no trajectories"


class Folder:
    """A folder that one command at a time fills and any number of commands read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._begun: dict[Path, IO[bytes]] = {}

    @contextlib.contextmanager
    def writing(self) -> Iterator[Folder]:
        """Make the folder, take its lock and clear what a killed writer left half-written.

        Raises StoreError when it cannot be written or another process is writing.
        """
        with explained(self.root):
            (self.root / HIDDEN).mkdir(parents=True, exist_ok=True)
            lock = os.open(self.root / HIDDEN / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._lock(lock)
            with explained(self.root):
                for place, _, names in os.walk(self.root):
                    for name in (each for each in names if each.endswith(UNFINISHED)):
                        Path(place, name).unlink(missing_ok=True)
            yield self
        finally:
            self._abandon()
            os.close(lock)

    def _lock(self, handle: int) -> None:
        try:
            locks.take(handle, str(self.root))
        except BlockingIOError:
            raise StoreError(f"{self.root}: another sekft is writing here: wait for it or use another --out") from None

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
        if scenarios.resolve() not in (self.root.resolve(), self.root.resolve() / "scenarios"):
            known, name = sources(self.root), os.path.relpath(scenarios.resolve(), self.root.resolve())
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
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, content.encode() if isinstance(content, str) else content)

    def begin(self, path: Path) -> IO[bytes]:
        """An open file that place() puts at that path; without that, writing() ends with nothing left of it.

        Raises StoreError.
        """
        unfinished = path.parent / f".{path.name}{UNFINISHED}"
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._begun[unfinished] = unfinished.open("wb")
        return self._begun[unfinished]

    def place(self, file: IO[bytes], path: Path) -> None:
        """Put what begin() opened at its path, whole. Raises StoreError."""
        with explained(path), file:
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        del self._begun[Path(file.name)]

    def _abandon(self) -> None:
        for path, file in self._begun.items():
            with contextlib.suppress(OSError):
                file.close()
                path.unlink()
        self._begun.clear()

    def remove(self, path: Path) -> None:
        with explained(path):
            path.unlink(missing_ok=True)


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


def documents(folder: Path, pattern: str = "*.json") -> list[Path]:
    """The visible JSON files in a folder, sorted; empty when there is no such folder.

    pattern: of a name, or of two below each other. A folder of a million files is no place for pathlib's glob.
    """
    first, _, rest = pattern.partition("/")
    try:
        with os.scandir(folder) as found:
            names = sorted(each.name for each in found if each.name[0] != "." and fnmatchcase(each.name, first))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}") from error
    if rest:
        return [path for name in names for path in documents(folder / name, rest)]
    return [folder / name for name in names]


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


def scenario_files(folder: Path) -> list[Path]:
    """Those of a folder, or of a run folder's scenarios/. Raises UsageError where there are none."""
    inner = folder / "scenarios"
    place = inner if inner.is_dir() else folder
    wanted = "want a folder that `sekft generate --out` made"
    if not place.is_dir():
        seen = "a file" if folder.exists() else "no such folder"
        raise UsageError(f"--scenarios {folder}: {seen}; {wanted}")
    if paths := documents(place):
        return paths
    raise UsageError(f"--scenarios {folder}: holds no *.json; {wanted}")


def load_scenarios(folder: Path) -> list[Scenario]:
    """Every bundle of a folder, or of a run folder's scenarios/. Raises UsageError or BundleError."""
    scenarios, faults = [], []
    for path in scenario_files(folder):
        try:
            scenarios.append(load_scenario(path))
        except BundleError as error:
            faults.append(str(error))
    if faults:
        more = f"\n… and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
        raise BundleError("\n".join(faults[:FAULTS_SHOWN]) + more)
    return scenarios


def _write_whole(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED)
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o644)
        unfinished.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise


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


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's refusal into a StoreError that says what to do."""
    advice = {
        errno.ENOSPC: "the disk is full: free some space and run the same command again; what was done is kept",
        errno.EDQUOT: "the quota is used up: free some space and run the same command again; what was done is kept",
        errno.EFBIG: "the file-size limit is reached (ulimit -f); what was done is kept",
        errno.EACCES: "not writable by this user: choose another --out",
        errno.EPERM: "not writable by this user: choose another --out",
        errno.EROFS: "on a read-only file system: choose another --out",
        errno.ENOTDIR: "a part of this path is not a folder: choose another --out",
        errno.EEXIST: "a file is in the way: choose another --out",
    }
    try:
        yield
    except OSError as error:
        reason = advice.get(error.errno or 0, "cannot be written")
        raise StoreError(f"{path}: {error.strerror}: {reason}") from error
