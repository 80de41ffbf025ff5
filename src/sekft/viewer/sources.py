"""What can be opened: a run folder or one stage's, an evaluation, an export, documents of ATIF, or one file of these.

A source lists its files by folder and reads one session, scenario, pair or rejected draft of them at a time.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sekft.dataset.export import MANIFEST, Exported
from sekft.dataset.files import parquet_rows
from sekft.dataset.pair import PAIRS, Pair
from sekft.errors import BundleError, UsageError
from sekft.folder import Layout, json_lines
from sekft.folder.entries import Entry, Finder, entry_at
from sekft.folder.places import is_remote
from sekft.folder.shards import BODY, SEPARATOR, SHARDS, Shard, index_of, name_of, shards
from sekft.rejection import Rejection
from sekft.runs.rollout import THOUGHTS
from sekft.runs.run import EXPORT
from sekft.scenario import Scenario, load_noun
from sekft.viewer.reading import Reading, of_atif, of_messages

Kind = Literal["rollout", "scenario", "pairs", "rejected", "rows", "atif"]
ROWS = (".parquet", ".jsonl")
PAIRED = ("dpo", "preference", "swift_dpo", "kto", "kto_chat", "prompt_completion", "traces")
"""Forms of an export whose rows are no whole sessions; `dpo` is read as pairs."""
SNIFFED_BYTES = 4096
SCENARIOS_HELD = 64


class Stamp(NamedTuple):
    """A file as it is listed. path: below the source's root."""

    path: str
    kind: Kind
    mtime_ns: int
    size: int


@dataclass(frozen=True)
class Source:
    """One thing to read. name: what links call it. scenarios: folders in which bundles are looked for, in order."""

    name: str
    root: Path
    layout: Layout
    scenarios: tuple[Path, ...]
    single: str = ""

    @classmethod
    def opened(cls, path: Path, name: str, scenarios: Path | None = None) -> Source:
        """Raises UsageError for a path that is not there."""
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder; want a run, an export, ATIF documents or one such file")
        root = path if path.is_dir() else path.parent
        layout = Layout.found(root)
        beside = [layout.scenarios, *(parent / "scenarios" for parent in root.resolve().parents[:2])]
        named = [Layout.found(scenarios).scenarios] if scenarios else []
        return cls(name, root, layout, (*named, *beside), "" if path.is_dir() else path.name)

    @property
    def is_export(self) -> bool:
        return (self.root / MANIFEST).is_file()

    @property
    def export(self) -> Path:
        """The export that this is, or where a run has its own."""
        return self.root if self.is_export else self.root / EXPORT

    def folders(self) -> Iterator[tuple[str, list[Stamp]]]:
        """Each folder below the root with the files in it that can be read, scenarios before rollouts of them."""
        if self.single:
            yield ".", [stamp for stamp in self._listed(self.root, _kind_of_file) if stamp.path == self.single]
        elif self.is_export:
            for place in sorted({path.parent for path in self.root.rglob("*") if path.suffix in ROWS}):
                if place.relative_to(self.root).parts[:1] not in {(form,) for form in PAIRED if form != "dpo"}:
                    yield self._named(place), list(self._listed(place, _kind_of_file))
        else:
            yield from self._run()

    def _run(self) -> Iterator[tuple[str, list[Stamp]]]:
        layout = self.layout
        if layout.scenarios.is_dir():
            kind_of = _kind_of_file if layout.kind == "stage" else lambda _: "scenario"
            yield from self._sharded(layout.scenarios, "scenario", "rollout")
            yield self._named(layout.scenarios), list(self._listed(layout.scenarios, kind_of))
        if layout.rejected.is_dir():
            yield from self._sharded(layout.rejected, "rejected")
            yield self._named(layout.rejected), list(self._listed(layout.rejected, lambda _: "rejected"))
        if (layout.pairs / PAIRS).is_file():
            yield (
                self._named(layout.pairs) + "/" + PAIRS,
                [stamp for stamp in self._listed(layout.pairs, _kind_of_file) if stamp.path.endswith(PAIRS)],
            )
        places = [layout.trajectories, layout.errors, layout.pairs / "branches"]
        skipped = {layout.rejected, layout.pairs}
        for place in dict.fromkeys(places):
            if place != layout.scenarios:
                yield from self._sharded(place, "rollout", "rollout")
            beside = skipped | {layout.errors, place / SHARDS}
            for folder in sorted(place.iterdir()) if place.is_dir() else ():
                if folder.is_dir() and not folder.name.startswith(".") and folder not in beside:
                    yield self._named(folder), list(self._listed(folder, _kind_of_rollout))

    def _sharded(self, place: Path, kind: Kind, inner: Kind = "rejected") -> Iterator[tuple[str, list[Stamp]]]:
        """The shards of a folder of documents. kind, inner: of those that lie at its top, and in folders."""
        if (place / SHARDS).is_dir():
            named = self._named(place / SHARDS)
            yield (
                named,
                [
                    Stamp(f"{named}/{shard.body.name}", inner if SEPARATOR in first.key else kind, *_about(shard.body))
                    for shard in shards(place)
                    if (first := next(shard.since(), None))
                ],
            )

    def entries(self, stamp: Stamp) -> Iterator[Entry]:
        """The documents that a stamp stands for: a file, or all of a shard but those that count elsewhere."""
        path = self.root / stamp.path
        if not path.name.endswith(BODY):
            yield Entry.of(path)
            return
        place = path.parent.parent
        find = Finder(place)
        for record in Shard(path, index_of(path).exists()).since():
            entry = find(name_of(record.key))
            if entry and entry.shard and entry.shard.body == path:
                yield entry

    def _named(self, folder: Path) -> str:
        return str(folder.relative_to(self.root))

    def _listed(self, folder: Path, kind_of: Any) -> Iterator[Stamp]:
        files = sorted((each for each in _inside(folder) if not each.name.startswith(".")), key=lambda each: each.name)
        below = "" if folder == self.root else f"{self._named(folder)}/"
        for entry in files:
            kind = kind_of(folder / entry.name) if entry.is_file() else None
            if kind:
                yield Stamp(below + entry.name, kind, *_about(entry))

    def readings(self, stamp: Stamp) -> Iterator[Reading]:
        """Every session of a file. Raises BundleError."""
        path = self.root / stamp.path
        if path.suffix not in ROWS:
            for entry in self.entries(stamp):
                yield self._rollout(entry)
            return
        for number, row in _rows(path):
            if "chosen" not in row:
                yield self._row(f"{stamp.path}#{number}", row)

    def reading(self, place: str) -> Reading:
        """The session at that place. Raises BundleError."""
        file, _, number = place.partition("#")
        path = self.root / file
        if number:
            return self._row(place, _row_at(path, int(number)))
        return self._rollout(entry_at(path) or Entry.of(path))

    def _row(self, place: str, row: Mapping[str, Any]) -> Reading:
        reading = of_atif(place, row) if "steps" in row else of_messages(place, row)
        scenario = self.scenario(reading.scenario_id) if reading.scenario_id else None
        if scenario is None:
            return reading
        return of_atif(place, row, scenario) if "steps" in row else of_messages(place, row, scenario)

    def _rollout(self, entry: Entry) -> Reading:
        """One session, whichever of the two forms it has."""
        path, place = entry.path, entry.below(self.root)
        if entry.shard is None and "ATIF-" in _head(path):
            return of_atif(place, _json(path))
        trajectory = entry.trajectory()
        thoughts = entry_at(self.layout.root / THOUGHTS / trajectory.scenario_id / path.name)
        return Reading.of(place, trajectory, self.scenario(trajectory.scenario_id), _thoughts(thoughts))

    def scenario(self, name: str) -> Scenario | None:
        """The bundle of that id, wherever it is looked for; None where it is not there or cannot be read."""
        return _scenario(self.scenarios, name)

    def pairs(self, stamp: Stamp) -> Iterator[tuple[int, Pair]]:
        """Each pair with its line, from 1. Raises BundleError."""
        for number, row in _rows(self.root / stamp.path):
            yield number, _pair(row, f"{stamp.path}#{number}")

    def pair(self, place: str) -> Pair:
        file, _, number = place.partition("#")
        return _pair(_row_at(self.root / file, int(number)), place)

    def rejection(self, place: str) -> Rejection:
        """A rejected draft. Raises BundleError."""
        path = self.root / place
        return (entry_at(path) or Entry.of(path)).load(Rejection)


@lru_cache(maxsize=SCENARIOS_HELD)
def _scenario(places: tuple[Path, ...], name: str) -> Scenario | None:
    if "/" in name or name.startswith("."):
        return None
    for place in places:
        if entry := Finder(place)(f"{name}.json"):
            try:
                return entry.scenario()
            except BundleError:
                return None
    return None


def exported(folders: Iterable[Path]) -> Counter[str]:
    """Form → rows that exports wrote; a folder without an export has none."""
    rows: Counter[str] = Counter()
    for folder in dict.fromkeys(folder.resolve() for folder in folders if (folder / MANIFEST).is_file()):
        with suppress(BundleError):
            for part in load_noun(Exported, folder / MANIFEST).parts:
                rows[part.projection] += part.rows
    return rows


def _thoughts(entry: Entry | None) -> dict[int, str]:
    """turn → thoughts; none where the folder keeps none, or what it keeps is no such table."""
    try:
        body = json.loads(entry.line()) if entry else {}
        return {int(turn): str(text) for turn, text in body.items()}
    except (BundleError, ValueError, AttributeError):
        return {}


def _inside(folder: Path) -> Iterable[Path | os.DirEntry[str]]:
    if is_remote(folder):
        return folder.iterdir()
    with os.scandir(folder) as found:
        return list(found)


def _about(file: Path | os.DirEntry[str]) -> tuple[int, int]:
    """When it changed, in ns, and its size."""
    about = file.stat()
    return getattr(about, "st_mtime_ns", 0) or int(about.st_mtime * 1e9), about.st_size


def _kind_of_rollout(path: Path) -> Kind | None:
    """By its name alone, OPERATOR-N.json: thousands of files are listed at each start."""
    return "rollout" if path.suffix == ".json" and path.stem.rpartition("-")[2].isdigit() else None


def _kind_of_file(path: Path) -> Kind | None:
    if path.name == PAIRS or (path.suffix == ".parquet" and "dpo" in path.parts[-3:]):
        return "pairs"
    if path.suffix in ROWS:
        return "rows"
    if path.suffix != ".json":
        return None
    head = _head(path)
    if "ATIF-" in head:
        return "atif"
    if '"scenario_id"' in head and '"operator"' in head:
        return "rollout"
    return "scenario" if '"cell"' in head and '"seed"' in head else None


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(SNIFFED_BYTES).decode(errors="replace")


def _json(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: cannot be read: {error}") from error
    if not isinstance(body, dict):
        raise BundleError(f"{path}: saw a {type(body).__name__}, want a JSON object")
    return body


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a Parquet or JSONL file, from 1; those that are no objects are left out."""
    if path.suffix == ".parquet":
        yield from enumerate(parquet_rows(path), 1)
    else:
        yield from ((number, row) for number, row in json_lines(path) if isinstance(row, dict))


def _row_at(path: Path, number: int) -> dict[str, Any]:
    """One row, from 1: of Parquet without reading other row groups. Raises BundleError where there is none."""
    if path.suffix == ".parquet":
        from pyarrow import parquet

        file, before = parquet.ParquetFile(path), 0
        for group in range(file.num_row_groups):
            held = file.metadata.row_group(group).num_rows
            if before < number <= before + held:
                row: dict[str, Any] = file.read_row_group(group).slice(number - before - 1, 1).to_pylist()[0]
                return row
            before += held
    else:
        for at, row in _rows(path):
            if at == number:
                return row
    raise BundleError(f"{path}: no row {number}")


def _pair(row: Mapping[str, Any], place: str) -> Pair:
    """A pair of pairs.jsonl, or of an export's form `dpo`."""
    told = json.loads(row["metadata"]) if isinstance(row.get("metadata"), str) else {}
    sides = {name: row.get(name) for name in ("prompt", "chosen", "rejected")}
    try:
        return Pair.model_validate({**row, **told, **sides} if not told else {**told, **sides})
    except ValueError as error:
        raise BundleError(f"{place}: {error}") from error
