"""A folder of files as the setting has them: what they are called, and what stands in them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
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
    path = f"{host.root()}/{found.folder}"
    ours = sorted(f"{stem}.{found.ending}" for stem in found.stems)
    texts = pages(host, found.kind, ours, host.some(host.rng, 2, 4))
    besides = _besides(host, found, texts, rest)
    files = {name: host.file(f"{path}/{name}", text) for name, text in [*texts.items(), *besides.items()]}
    return Folder(found.kind, path, found.ending, ours, [*besides], files, found.other)


def pages(host: Host, kind: CollectionKind, names: Sequence[str], count: int) -> dict[str, str]:
    """What such files hold, by name: so many lines of the kind in each, with figures of its own. No two are alike."""
    texts: dict[str, str] = {}
    for name in names:
        for _ in range(_TRIES):
            rows = (
                host.text(line, stem=posixpath.splitext(posixpath.basename(name))[0]) for line in kind.lines[:count]
            )
            text = "".join(f"{row}\n" for row in rows)
            if text not in texts.values():
                break
        texts[name] = text
    return texts


_TRIES = 20
_COPIES = (".bak", ".bak", ".orig", ".old", "~")
_ABOUT_SHARE = 0.25
_ABOUT = (
    "The <of> of this year. <who> has the older ones.",
    "Questions about the <of>: <who>, <room>.",
    "Written by <role>, checked by <who>.",
    "One <one> a file. <who> gives out the names.",
)
"""What a README of such a folder may say."""
_FIGURE = re.compile(r"(?<![\w:./-])(\d*\.?)(\d)(?![\w:./-]*\d)")


def _besides(host: Host, found: Collection, texts: Mapping[str, str], count: int) -> dict[str, str]:
    """Files such as lie in any folder: copies of some of its files from before a change, or what it is about."""
    ending = host.skin.choice(_COPIES)
    besides = {
        "README": expand(host, host.skin.choice(_ABOUT), of=found.kind.of, one=found.kind.one) + "\n",
        "INDEX": "".join(f"{name}\n" for name in texts),
        **{f"{name}{ending}": _before(text) for name, text in texts.items()},
    }
    others = host.skin.sample(list(besides)[1:], len(besides) - 1)
    order = ["README", *others] if host.skin.random() < _ABOUT_SHARE else [*others, "README"]
    return {name: besides[name] for name in order[:count]}


def _before(text: str) -> str:
    """The text without its last line, or a short one with another number in its last line that has one."""
    lines = text.splitlines(True)
    if len(lines) > 2:
        return "".join(lines[:-1])
    for at in reversed(range(len(lines))):
        if found := list(_FIGURE.finditer(lines[at])):
            place, digit = found[-1].start(2), int(found[-1][2])
            lines[at] = f"{lines[at][:place]}{digit + 1 if digit < 9 else 8}{lines[at][place + 1 :]}"
            return "".join(lines)
    return "".join(lines[:-1])
