"""The machine that someone lands on: who, where, what lies around, what things are called there and how it is told.

Names come from the host's setting or are invented, as the axis `names` says (see world.py). Wording is by grammar:
`[a|b [c|d]]` is a choice, `<name>` a slot to be filled, `<3..12>` a number from 3 to 12. In wording.toml `{name}` is a
list of parts. A person has a whole name, a role and a login: running text says the first name, lists and heads the whole
one, and the login stands where an account or an address is meant.
"""

from __future__ import annotations

import posixpath
import random
import re
import tomllib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from itertools import cycle
from typing import Any

from sekft.authors.procedural.world import INVENTED, MIXED, PLAIN, SETTINGS, Person, World, filled, setting, tool_names
from sekft.scenario import Cell, File, Probe
from sekft.seeds import derive, stream

_SYLLABLES = (2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 6)
_DOUBLED = frozenset("bdfglmnprstz")


@cache
def _lists() -> Mapping[str, list[str]]:
    """The words of names.toml, and of what syllables are made, each as often as it weighs."""
    text = files(__package__).joinpath("names.toml").read_text(encoding="utf-8")
    words = {name: listed.split() for name, listed in tomllib.loads(text).items()}
    return words | {
        "onsets": words["consonants"] * 4 + words["clusters"],
        "nuclei": words["vowels"] * 5 + words["diphthongs"],
        "codas": [""] * 20 + words["codas"],
    }


_TRIES = 40


@dataclass
class Names:
    """Draws names that never repeat within one scenario, nor contain one another.

    dial: the value of the axis `names`; see world.py.
    """

    rng: random.Random
    taken: set[str] = field(default_factory=set)
    dial: str = MIXED

    def word(self, syllables: tuple[int, int] | None = None) -> str:
        """An invented lower-case word. syllables: least and most, 2 to 6 and rather few by default."""
        while True:
            count = self.rng.randint(*syllables) if syllables else self.rng.choice(_SYLLABLES)
            text = "".join(self._syllable(first=place == 0) for place in range(count)) + self.rng.choice(
                _lists()["codas"]
            )
            if self._free(text):
                return self._take(text)

    def pick(self, *patterns: str, beside: Sequence[str] = ()) -> str:
        """One of these names, separated by blanks, each # a digit and each @ a capital; invented where none is free.

        patterns: where no name of the first is free, one of the second, and so on. beside: names of the same list. What
        stands in one list may stand in another, too, rather than be taken from elsewhere.
        """
        for choices in patterns:
            for _ in range(_TRIES):
                if self._free(text := filled(self.rng, self.rng.choice(choices.split()))):
                    return self._take(text)
            for _ in range(_TRIES if beside else 0):
                text = filled(self.rng, self.rng.choice(choices.split()))
                if not any(text in other or other in text for other in beside):
                    return text
        return self.word()

    def user(self) -> str:
        """A first name or an invented one, as people are called on a host."""
        for _ in range(_TRIES * 10):
            text = self.word((2, 2)) if self.dial == INVENTED else self.rng.choice(_lists()["first"])
            if text not in self.taken or text not in _lists()["first"]:
                return self._take(text)
        return self.word((2, 3))

    def people(self, count: int, whole_logins: bool) -> list[tuple[str, str]]:
        """So many whole names, each with its login: the first name, or its initial and the family name."""
        first, invented = [self.user() for _ in range(count)], self.dial == INVENTED
        last = [self.word((2, 2)) for _ in first] if invented else self.rng.sample(_lists()["last"], count)
        whole = [f"{one[0]}{two}" for one, two in zip(first, last, strict=True)]
        logins = [self._take(login) for login in whole] if whole_logins and not invented else first
        names = (f"{one.capitalize()} {two.capitalize()}" for one, two in zip(first, last, strict=True))
        return list(zip(names, logins, strict=True))

    def family(self) -> str:
        """A family name of somebody from elsewhere, which another may have, too."""
        last = self.word((2, 2)) if self.dial == INVENTED else self.rng.choice(_lists()["last"])
        return last.capitalize()

    def host(self, patterns: str) -> str:
        """A machine's name: of these names, or invented."""
        name = self.word((2, 3)) if self.dial == INVENTED else self.rng.choice(patterns.split())
        joint = self.rng.choice(["", "", "-"])
        return self._take(name + self.rng.choice(["", "", f"{joint}{self.rng.randint(1, 9)}"]))

    def number(self, low: int, high: int) -> int:
        while True:
            value = self.rng.randint(low, high)
            if str(value) not in self.taken:
                self.taken.add(str(value))
                return value

    def _syllable(self, first: bool) -> str:
        onset = self.rng.choice(_lists()["onsets"])
        if not first and onset in _DOUBLED and self.rng.random() < 0.15:
            onset += onset
        return onset + self.rng.choice(_lists()["nuclei"])

    def _free(self, text: str) -> bool:
        if len(text) < 3 or text in _lists()["commands"] or any(bad in text for bad in _lists()["barred"]):
            return False
        return not any(text in other or other in text for other in self.taken if not other.isdigit())

    def _take(self, text: str) -> str:
        self.taken.add(text)
        return text


LISTED_ROOTS = ("/home", "/srv", "/opt")
_PROMPTS = ("$ ", "$USER@$HOSTNAME:$PWD$ ", "[$USER $PWD] $ ", "$HOSTNAME% ", "$PWD $ ", "$USER@$HOSTNAME > ")
_BRIEF_PROMPTS = ("$ ", "$ ", "% ", "> ")


@dataclass
class Host:
    """One draw's names and places; kinds take what they need from it.

    rng:   what the scenario is about: counts, orders, which rows match. The same in every skin.
    skin:  how it is told: wording, endings of file names, formats. Another one in each skin.
    world: what the setting offers. cast: the people of the place, the account's own first. rooms: some of its rooms.
    data:  the folder of the host's data. brief: whether little stands around the work: few lines at login, short files.
    writer: who asks for all of it, where that is given; else somebody for each request.
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
    world: World
    cast: tuple[Person, ...]
    rooms: tuple[str, ...]
    brief: bool
    data: str
    writer: Person | None = None

    def part(self, name: str) -> Host:
        """The same place with streams of its own: what one part draws never shifts another part's draws."""
        return self.drawing(stream(self.seed, name), stream(self.skin_seed, name), self.names.taken)

    def drawing(self, rng: random.Random, skin: random.Random, taken: set[str]) -> Host:
        """The same place with these streams. taken: names that are no longer free."""
        names = Names(skin, taken, self.names.dial)
        return replace(self, rng=rng, skin=skin, names=names, world=replace(self.world, names=names, rng=skin))

    def say(self, template: str, **slots: object) -> str:
        """A phrase that starts with a capital, unless its first word must be copied as it is.

        Some slots hold ordinary words, see `_ORDINARY`; all others hold names, paths and texts.
        """
        text = phrase(self.skin, template, **slots)
        verbatim = any(_leads(text, str(value)) for name, value in slots.items() if name not in _ORDINARY and value)
        return text if verbatim else text[:1].upper() + text[1:]

    def phrase(self, template: str, **slots: object) -> str:
        """A part of a sentence of the grammar."""
        return phrase(self.skin, template, **slots)

    def file(self, path: str, content: str, mode: str = "0644") -> File:
        return File(path=path, content=content, mode=mode, mtime=self._changed(path))

    def folder(self, path: str) -> File:
        return File(path=path, kind="directory", mode="0755", mtime=self._changed(path))

    def _changed(self, path: str) -> int:
        """When the file was last changed: some day after those that its text speaks of, at an hour of work."""
        drawn = zlib.crc32(f"{self.mtime} {path}".encode())
        day = self.mtime - self.mtime % 86400 + 86400 * (_SETTLED_DAYS + drawn % _CHANGED_DAYS)
        return day + 7 * 3600 + (drawn >> 8) % (11 * 3600)

    def place(self, *called: str) -> str:
        """A folder of its own for one task, in the home or where the host keeps its data.

        called: names for what it holds, such as LOGS, the best first; else it is one of the setting's projects.
        """
        setting = self.world.setting
        return f"{self.root()}/{self.names.pick(*filter(None, (*called, setting.folders, setting.words)))}"

    def root(self) -> str:
        """The folder in which the host keeps its data, or now and then the home."""
        if self.skin.random() < _HOME_SHARE:
            return self.home
        return self.data

    def some(self, rng: random.Random, low: int, high: int) -> int:
        """How many, from low to high; on a brief host no more than a third of the way."""
        return rng.randint(low, low + (high - low) // 3 if self.brief else high)

    def tool(self) -> str:
        """A name for a program of this host. Only a plain host takes it from the setting."""
        if self.names.dial == PLAIN:
            return self.names.pick(tool_names(self.world.setting.tools))
        return self.names.word((2, 3))

    def person(self, *besides: str) -> Person:
        """Somebody of the place, not the account's own. besides: names of others who are not meant."""
        return self.skin.choice([person for person in self.cast[1:] if person.name not in besides])

    @property
    def me(self) -> Person:
        """Whose account it is."""
        return self.cast[0]

    def login(self, name: str) -> str:
        """The login of somebody of the place; the name itself where nobody is called so."""
        return next((person.login for person in self.cast if person.name == name), name)

    def role(self) -> str:
        """What somebody of the place does, with its article."""
        return f"the {self.person().role}"

    def text(self, template: str, **slots: object) -> str:
        """A line as it stands in a file: slots filled, a digit for each #, a capital for each @."""
        line = filled(self.skin, self.phrase(template, **slots, **_locals(self, template, slots)))
        return line[:1].upper() + line[1:] if template.startswith("<role>") else line


_ORDINARY = frozenset(("place", "role", "room", "event", "day", "work", "house", "about", "of"))
LOGS = "log logs logfiles log-archive"
CONFIGS = "etc conf config settings"
SYSTEM = "etc backup system admin"
MAIL = "mail mailboxes old-mail mail-copies"
SCRIPTS = "cron scripts nightly jobs bin"
FORMS = "forms letters templates office"
"""Names of folders by what they hold."""
_CAST = 6
_HOME_SHARE = 0.2
"""Of the folders of the work, those that lie in the account's home."""
_WHOLE_LOGINS_SHARE = 0.35
_SETTLED_DAYS, _CHANGED_DAYS = 41, 90
"""Files are dated so many days after `Host.mtime`, and on one of so many: `moment` tells of earlier days alone."""


def land(cell: Cell, seed: int, skin: int = 0) -> Host:
    """A user, a host and a prompt of the cell's setting, or of a drawn one. skin: which redrawing of the surface."""
    skin_seed = derive(seed, "skin", skin)
    rng = stream(skin_seed, "land")
    names = Names(rng, dial=cell.get("names", MIXED))
    world = World(setting(cell.get("setting") or stream(seed, "setting").choice(list(SETTINGS))), names, rng)
    roles = rng.sample(world.setting.roles, min(_CAST, len(world.setting.roles)))
    rooms = tuple(rng.sample(world.setting.rooms, 4))
    brief = cell.get("difficulty") == "short"
    people = names.people(_CAST, whole_logins=not brief and rng.random() < _WHOLE_LOGINS_SHARE)
    posts = zip(people, cycle(roles), cycle(rooms), strict=False)
    cast = tuple(Person(name, role, room, login) for (name, login), role, room in posts)
    user, name = cast[0].login, names.host(world.setting.hosts)
    mtime = rng.randrange(1_600_000_000, 1_740_000_000)
    prompt = rng.choice(_BRIEF_PROMPTS if brief else _PROMPTS)
    return Host(
        stream(seed, "land"), rng, names, user, name, f"/home/{user}", prompt, mtime, seed, skin_seed, world, cast, rooms,
        brief, "/srv" if brief else rng.choice(world.setting.roots.split()),
    )  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One directive made concrete.

    near:    what is asked, with the folder of all its files named once; "" where that is not to be.
    address: what its text begins with before it comes to the point. parting: what it ends with. sender: who asks for it.
    needle:  what only the directive's text shows.
    files:   its fixtures. after: the files that the work makes or changes. gone: paths that it removes.
    ways:    command lists that carry it out, the reference's first. confirm: looks that show the effect.
    needs:   fixtures without which it cannot be done; a folder stands for all below it.
    reads:   files that must be readable.
    judged:  for a made path whose right content is not one text (an archive, say): the path, without an
             entry in `after`, and a line of sh that succeeds when it is right; "$1" is the path.
    right:   other right solutions by what is different about them, which the gate tries.
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
    right: Mapping[str, list[str]] = field(default_factory=dict)
    address: str = ""
    parting: str = ""
    sender: str = ""
    near: str = ""

    @property
    def nearer(self) -> Job:
        """The same asked with each folder named once, where that is to be. What it makes is then told by its bare name."""
        needle = self.needle if self.needle in self.near else posixpath.basename(self.needle)
        return replace(self, text=self.asking(self.near), needle=needle, near="") if self.near else self

    @property
    def core(self) -> str:
        """What is asked, without greeting and parting."""
        return self.text.removeprefix(self.address).removesuffix(self.parting).strip()

    def asking(self, core: str) -> str:
        """Its text with that core."""
        return " ".join(filter(None, (self.address, core, self.parting)))


def with_parents(files: Iterable[File], host: Host) -> list[File]:
    """The files, with every folder above them that lies under a listed root, sorted by path."""
    by_path = {file.path: file for file in files}
    by_path.setdefault(host.home, host.folder(host.home))
    for path in list(by_path):
        while (path := posixpath.dirname(path)) not in LISTED_ROOTS and path.startswith(LISTED_ROOTS):
            by_path.setdefault(path, host.folder(path))
    return [by_path[path] for path in sorted(by_path)]


_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"<([a-z_]+)>")
_NUMBER = re.compile(r"<(\d+)\.\.(\d+)>")
_PART = re.compile(r"\{([a-z_]+)\}")


def phrase(rng: random.Random, template: str, **slots: object) -> str:
    """One sentence of the grammar. Choices are resolved before slots, so slots may hold brackets.

    Raises KeyError for a slot that is not given.
    """
    while _CHOICE.search(template):
        template = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)
    text = _SLOT.sub(lambda match: str(slots[match[1]]), numbered(rng, template))
    text = re.sub(r" +([,.;:])(?=\s|$)", r"\1", re.sub(r"(?<=\S)  +", " ", text)).strip()
    return re.sub(r"(?<![^\s(\"'])([Aa]) (?=[aeio])", r"\1n ", text)


def numbered(rng: random.Random, template: str) -> str:
    """The template with each <3..12> filled; <03..12> has two digits."""
    return _NUMBER.sub(lambda match: f"{rng.randint(int(match[1]), int(match[2])):0{len(match[1])}}", template)


def initials(name: str) -> str:
    return "".join(part[0] for part in name.split())


def _leads(text: str, value: str) -> bool:
    """Whether the text starts with that value as a whole, not with a word that happens to begin alike."""
    return text.startswith(value) and not text[len(value) : len(value) + 1].isalnum()


def line(host: Host, kind: str, **slots: object) -> str:
    """One line of that list. Raises KeyError for a slot that is neither given nor a matter of the place."""
    return expand(host, host.skin.choice(wording()["lines"][kind]), **slots)


def lines(host: Host, kind: str, count: int) -> list[str]:
    """So many of the setting's lines, no two from one template. kind: noise, of a login, or remark, of a file."""
    own = {"noise": host.world.setting.motd, "remark": host.world.setting.notes}[kind]
    return [expand(host, template) for template in host.skin.sample(own, min(count, len(own)))]


def expand(host: Host, template: str, **slots: object) -> str:
    """A line by a template of the caller's, with the parts and slots that the lists have."""
    whole = _whole(template)
    return host.say(whole, **slots, **_locals(host, whole, slots))


def clause(host: Host, template: str, **slots: object) -> str:
    """As `expand`, for a part of a sentence: it begins as it stands there."""
    whole = _whole(template)
    return host.phrase(whole, **slots, **_locals(host, whole, slots))


def _locals(host: Host, template: str, given: Mapping[str, object]) -> dict[str, object]:
    """Values for the slots of the template that are not given. No two of them are about the same person."""
    free = [person for person in host.cast[1:] if not {person.name, person.first} & set(map(str, given.values()))]
    host.skin.shuffle(free)
    slots = sorted(set(_SLOT.findall(template)) - set(given))
    return {name: _PEOPLE[name](free.pop()) if name in _PEOPLE else _LOCAL[name](host) for name in slots}


@cache
def wording() -> Mapping[str, Any]:
    """The tables of wording.toml."""
    return tomllib.loads(files(__package__).joinpath("wording.toml").read_text(encoding="utf-8"))


@cache
def _whole(template: str) -> str:
    """The template with each {part} written out as a choice."""
    return _PART.sub(lambda match: _whole(f"[{wording()['parts'][match[1]]}]"), template)


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def moment(host: Host) -> datetime:
    """A time of which the place may speak: some days after its files were made, at an hour of work."""
    midnight = host.mtime - host.mtime % 86400
    return datetime.fromtimestamp(
        midnight + 86400 * host.skin.randrange(2, 40) + host.skin.randrange(7 * 3600, 19 * 3600), UTC
    )


def soon(host: Host) -> datetime:
    """A day that is still to come when the last of the host's files was changed."""
    return datetime.fromtimestamp(host.mtime + 86400 * (_SETTLED_DAYS + _CHANGED_DAYS + host.skin.randint(3, 20)), UTC)


def local(host: Host, slot: str) -> object:
    """A value for a slot that is a matter of the place. Raises KeyError for any other."""
    return _LOCAL[slot](host)


_PEOPLE: Mapping[str, Callable[[Person], str]] = {
    "other": lambda person: person.first,
    "who": lambda person: person.first,
    "full": lambda person: person.name,
    "sign": lambda person: initials(person.name.lower()),
    "role": lambda person: f"the {person.role}",
}


def _room(host: Host) -> str:
    return f"the {host.skin.choice(host.rooms)}"


def _work(host: Host) -> str:
    """What directives are called, where "for <user>" may follow."""
    work = host.world.setting.work
    return host.skin.choice([kind for kind in work if " for " not in kind] or work)


_LOCAL: Mapping[str, Callable[[Host], object]] = {
    "user": lambda host: host.user,
    "name": lambda host: host.me.name,
    "first": lambda host: host.me.first,
    "root": lambda host: host.data,
    "host": lambda host: host.name,
    "room": _room,
    "place": _room,
    "house": lambda host: host.world.setting.place,
    "event": lambda host: host.skin.choice(host.world.setting.events),
    "work": _work,
    "day": lambda host: host.skin.choice(_WEEKDAYS),
    "n": lambda host: host.skin.randint(11, 88),
    "m": lambda host: host.skin.randint(11, 98),
    "k": lambda host: host.skin.randint(2, 9),
    "mm": lambda host: f"{host.skin.randrange(60):02}",
    "ip": lambda host: f"10.{host.skin.randint(0, 250)}.{host.skin.randint(0, 9)}.{host.skin.randint(2, 250)}",
    "last": lambda host: f"{moment(host):%a %b %e %H:%M:%S %Y}",
    "iso": lambda host: f"{moment(host):%Y-%m-%d}",
    "soon": lambda host: f"{soon(host):%Y-%m-%d}",
    "clock": lambda host: f"{moment(host):%H:%M}",
}
