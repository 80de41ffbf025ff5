"""What a folder of documents holds, whether a document has a file of its own or lies in a shard; see shards.py."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from sekft.errors import BundleError
from sekft.folder.places import documents, is_remote
from sekft.folder.shards import SEPARATOR, Record, Shard, key_of, laid_out, name_of, shards
from sekft.scenario import Frozen, Scenario, load_noun, load_scenario, parse_noun, parse_scenario
from sekft.trajectory import Trajectory

NounT = TypeVar("NounT", bound=Frozen)


@dataclass(frozen=True)
class Entry:
    """A document. folder, name: where its file lies or, where it is in a shard, would lie: ID/explorer-0.json."""

    folder: Path
    name: str
    shard: Shard | None = None
    record: Record | None = None

    @classmethod
    def of(cls, path: Path) -> Entry:
        """A document that has a file of its own."""
        return cls(path.parent, path.name)

    @cached_property
    def path(self) -> Path:
        return self.folder / self.name

    @property
    def stem(self) -> str:
        return self.name.rpartition("/")[2].removesuffix(".json")

    def below(self, root: Path) -> str:
        """Its path from there."""
        path, there = str(self.path), f"{root}/"
        if path.startswith(there):  # which pathlib takes many times as long to say
            return path[len(there) :]
        return str(self.path.relative_to(root)) if self.path.is_relative_to(root) else os.path.relpath(self.path, root)

    def __str__(self) -> str:
        return str(self.path)

    def line(self) -> bytes:
        """Its JSON, laid out in any way. Raises BundleError."""
        if self.shard and self.record:
            return self.shard.read(self.record)
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise BundleError(f"{self}: cannot be read: {error}") from error

    def text(self) -> str:
        """What its file holds or would hold. Raises BundleError."""
        return laid_out(self.line()) if self.shard else self.line().decode(errors="replace")

    def load(self, kind: type[NounT]) -> NounT:
        """Raises BundleError naming file, field, value seen and value wanted."""
        if self.shard is None:
            return load_noun(kind, self.path)
        return parse_noun(kind, self.line().decode(errors="replace"), f"{self} (in {self.shard.body.name})")

    def trajectory(self) -> Trajectory:
        return self.load(Trajectory)

    def scenario(self) -> Scenario:
        if self.shard is None:
            return load_scenario(self.path)
        return parse_scenario(self.line().decode(errors="replace"), f"{self} (in {self.shard.body.name})")


def entries(folder: Path, pattern: str = "*.json", beginning: str = "") -> Iterator[Entry]:
    """The documents of a folder by name, each once; pattern: see documents. beginning: of their names.

    Memory grows with the documents that have files of their own, not with those in shards.
    """
    return _merged(folder, pattern, shards(folder), beginning)


def _merged(folder: Path, pattern: str, held: Sequence[Shard], beginning: str) -> Iterator[Entry]:
    wanted, start = matcher(pattern), key_of(beginning)

    def of_shard(shard: Shard) -> Iterator[tuple[str, Entry]]:
        for record in shard.since(start):
            if not record.key.startswith(start):
                return
            if wanted(record.key):
                yield record.key, Entry(folder, name_of(record.key), shard, record)

    own = ((key_of(name), Entry(folder, name)) for name in _own(folder, pattern, beginning))
    last = None
    for key, entry in heapq.merge(own, *map(of_shard, held), key=itemgetter(0)):
        if key != last:
            last = key
            yield entry


def _own(folder: Path, pattern: str, beginning: str) -> Iterator[str]:
    """The names of the documents with files of their own; a subfolder is listed as its turn comes."""
    first, _, rest = pattern.partition("/")
    inside = beginning.partition("/")[0]
    if is_remote(folder):
        names: Iterator[str] = (str(path.relative_to(folder)) for path in documents(folder, pattern))
    elif rest:
        inner = [folder / inside] if "/" in beginning else documents(folder, first)
        found = (each for each in inner if each.name.startswith(inside))
        names = (f"{each.name}/{path.name}" for each in found for path in documents(each, rest))
    else:
        names = (path.name for path in documents(folder, pattern))
    return (name for name in names if name.startswith(beginning))


def by_folder(found: Iterable[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """Documents whose names have two parts, by the first."""
    for name, group in groupby(found, lambda entry: entry.name.partition("/")[0]):
        yield name, list(group)


def matcher(pattern: str) -> Callable[[str], bool]:
    """Of keys."""
    wanted = pattern.split("/")

    def matches(key: str) -> bool:
        parts = key.split(SEPARATOR)
        return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))

    return matches


class Finder:
    """Finds documents of one folder by name, among the shards that it has when this is made."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._shards = folder, shards(folder)

    def __call__(self, name: str) -> Entry | None:
        if (self._folder / name).is_file():
            return Entry(self._folder, name)
        key = key_of(name)
        for shard in self._shards:
            if (record := next(shard.since(key), None)) and record.key == key:
                return Entry(self._folder, name, shard, record)
        return None


class Held:
    """The names of a folder's documents: those in shards and far away as they are now, files as they are when asked."""

    def __init__(self, folder: Path, pattern: str) -> None:
        self._far, self._place = is_remote(folder), str(folder)
        self._names = {name_of(record.key) for shard in shards(folder) for record in shard.since()}
        if self._far:
            self._names.update(_own(folder, pattern, ""))

    def __contains__(self, name: str) -> bool:
        return name in self._names or (not self._far and os.access(f"{self._place}/{name}", os.F_OK))


def entry_at(path: Path) -> Entry | None:
    """The document that has its file there, or would: a scenario in its folder, a rollout in the one above."""
    if path.is_file():
        return Entry.of(path)
    places = ((path.parent, path.name), (path.parent.parent, f"{path.parent.name}/{path.name}"))
    return next(filter(None, (Finder(folder)(name) for folder, name in places)), None)
