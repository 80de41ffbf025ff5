"""The machine that someone lands on: who, where, and what lies around."""

from __future__ import annotations

import posixpath
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sekft.authors.procedural.grammar import phrase, sentence
from sekft.authors.procedural.names import Names
from sekft.scenario import File, Probe
from sekft.seeds import derive, stream

LISTED_ROOTS = ("/home", "/srv", "/opt")
_PROMPTS = ("$ ", "$USER@$HOSTNAME:$PWD$ ", "[$USER $PWD] $ ", "$HOSTNAME% ", "$PWD $ ", "$USER@$HOSTNAME > ")


@dataclass
class Host:
    """One draw's names and places; kinds take what they need from it.

    rng:  what the scenario is about: counts, orders, which rows match. The same in every skin.
    skin: how it is told: wording, endings of file names, formats. Another one in each skin.
    """

    rng: random.Random
    skin: random.Random
    names: Names
    user: str
    name: str
    home: str
    prompt: str
    mtime: int
    seed: int
    skin_seed: int

    def part(self, name: str) -> Host:
        """The same place with streams of its own: what one part draws never shifts another part's draws."""
        skin = stream(self.skin_seed, name)
        return replace(self, rng=stream(self.seed, name), skin=skin, names=Names(skin, self.names.taken))

    def say(self, template: str, **slots: object) -> str:
        """A sentence of the grammar, see `grammar.sentence`."""
        return sentence(self.skin, template, **slots)

    def phrase(self, template: str, **slots: object) -> str:
        """A part of a sentence of the grammar."""
        return phrase(self.skin, template, **slots)

    def file(self, path: str, content: str, mode: str = "0644") -> File:
        return File(path=path, content=content, mode=mode, mtime=self.mtime + self.skin.randrange(86400))

    def folder(self, path: str) -> File:
        return File(path=path, kind="directory", mode="0755", mtime=self.mtime)

    def place(self) -> str:
        """A folder of its own for one task, in the home or under /srv or /opt."""
        subject = self.names.subject()
        roots = [self.home, self.home, f"/srv/{self.names.word((1, 2))}", f"/opt/{subject}-data"]
        return posixpath.join(self.skin.choice(roots), subject)


def land(seed: int, skin: int = 0) -> Host:
    """A user, a host and a prompt. skin: which redrawing of the surface, 0 for the first."""
    skin_seed = derive(seed, "skin", skin)
    rng = stream(skin_seed, "land")
    names = Names(rng)
    user, name = names.user(), names.host()
    mtime = rng.randrange(1_600_000_000, 1_740_000_000)
    prompt = rng.choice(_PROMPTS)
    return Host(stream(seed, "land"), rng, names, user, name, f"/home/{user}", prompt, mtime, seed, skin_seed)


@dataclass(frozen=True)
class Job:
    """One directive made concrete.

    needle:  what only the directive's text shows.
    files:   its fixtures. after: the files that the work makes or changes. gone: paths that it removes.
    ways:    command lists that carry it out, the reference's first. confirm: looks that show the effect.
    needs:   fixtures without which it cannot be done; a folder stands for all below it.
    reads:   files that must be readable.
    judged:  for a made path whose right content is not one text (an archive, say): the path, without an
             entry in `after`, and a line of sh that succeeds when it is right; "$1" is the path.
    """

    title: str
    text: str
    needle: str
    files: tuple[File, ...]
    after: tuple[File, ...]
    ways: list[list[str]]
    confirm: list[list[str]]
    probes: tuple[Probe, ...]
    gone: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    judged: Mapping[str, str] = field(default_factory=dict)


def with_parents(files: Iterable[File], host: Host) -> list[File]:
    """The files, with every folder above them that lies under a listed root, sorted by path."""
    by_path = {file.path: file for file in files}
    by_path.setdefault(host.home, host.folder(host.home))
    for path in list(by_path):
        while (path := posixpath.dirname(path)) not in LISTED_ROOTS and path.startswith(LISTED_ROOTS):
            by_path.setdefault(path, host.folder(path))
    return [by_path[path] for path in sorted(by_path)]
