"""A folder of files as the setting has them: what they are called, and what stands in them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from sekft.authors.procedural.host import Host, expand
from sekft.authors.procedural.world import Collection, CollectionKind
from sekft.scenario import File


@dataclass(frozen=True)
class Folder:
    """mine: names of the files with the ending, sorted. rest: other names. files: by name.

    other: an ending that none of the files has and such files may have.
    """

    kind: CollectionKind
    path: str
    ending: str
    mine: list[str]
    rest: list[str]
    files: Mapping[str, File]
    other: str

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


def draw(host: Host, mine: int, rest: int) -> Folder:
    """So many files with one ending, each with a stem of its own, and so many that belong with them and lack it."""
    found = host.world.collection(mine)
    path = f"{host.place() if host.skin.random() < 0.5 else host.root()}/{found.folder}"
    ours = sorted(f"{stem}.{found.ending}" for stem in found.stems)
    texts = {name: host.page(found.kind.lines, host.some(host.rng, 2, 4)) for name in ours}
    besides = _besides(host, found, texts, rest)
    files = {name: host.file(f"{path}/{name}", text) for name, text in [*texts.items(), *besides.items()]}
    return Folder(found.kind, path, found.ending, ours, [*besides], files, found.other)


def _besides(host: Host, found: Collection, texts: Mapping[str, str], count: int) -> dict[str, str]:
    """Files such as lie in any folder: what it is about, and copies of some of its files from before a change."""
    about = f"{found.kind.of[:1].upper()}{found.kind.of[1:]}"
    besides = {
        "README": expand(host, f"{about}, kept by <role>.") + "\n",
        "INDEX": "".join(f"{stem}\n" for stem in sorted(found.stems)),
        **{f"{name}.bak": "".join(text.splitlines(True)[:-1]) or text for name, text in texts.items()},
    }
    order = ["README", *host.skin.sample(list(besides)[1:], len(besides) - 1)]
    return {name: besides[name] for name in order[:count]}
