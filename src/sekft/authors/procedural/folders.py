"""A folder of files as the setting has them: what they are called, and what stands in them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from sekft.authors.procedural.host import Host
from sekft.authors.procedural.world import CollectionKind
from sekft.scenario import File


@dataclass(frozen=True)
class Folder:
    """mine: names of the files with the ending, sorted. rest: names with other endings. files: by name."""

    kind: CollectionKind
    path: str
    ending: str
    mine: list[str]
    rest: list[str]
    files: Mapping[str, File]

    @property
    def above(self) -> str:
        return posixpath.dirname(self.path)

    @property
    def name(self) -> str:
        return posixpath.basename(self.path)

    @property
    def slots(self) -> dict[str, object]:
        """What a sentence may say of it."""
        return {"folder": self.path, "ending": self.ending, "of": self.kind.of, "one": self.kind.one}


def draw(host: Host, mine: int, rest: int, others: int = 1) -> Folder:
    """So many files with one ending, and so many with one of the others, all with stems of their own."""
    collection = host.world.collection(mine + rest, others)
    root = host.root()
    path = f"{host.place() if host.skin.random() < 0.5 else root}/{collection.folder}"
    ours = sorted(f"{stem}.{collection.ending}" for stem in collection.stems[:mine])
    theirs = [f"{stem}.{collection.others[at % others]}" for at, stem in enumerate(collection.stems[mine:])]
    files = {
        name: host.file(f"{path}/{name}", host.page(collection.kind.lines, host.some(host.rng, 2, 5)))
        for name in [*ours, *theirs]
    }
    return Folder(collection.kind, path, collection.ending, ours, theirs, files)
