"""The small world of a setting: who works there, what its files hold, and why something is asked for.

A setting is a file of settings/, a value of the axis `setting`. The axis `names` says how many of the names come from
it: `plain` takes all of them from there, `invented` makes them up of syllables, `mixed` invents the tool and now and
then the keys of a table. An invented name must be copied and cannot be remembered.

In the patterns of a setting # is a digit and @ a capital letter. In its sentences `[a|b]` is a choice and `<who>`,
`<role>`, `<room>`, `<event>`, `<day>`, `<n>`, `<k>`, `<iso>` (a day gone by), `<soon>` (one to come), `<clock>`, `<user>`, `<host>` are slots; `<3..12>` is such a number.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from sekft.taxonomy import Kinds

if TYPE_CHECKING:
    from sekft.authors.procedural.host import Names

PLAIN, MIXED, INVENTED = "plain", "mixed", "invented"
_INVENTED_KEYS = 0.2
"""The share of tables whose keys are invented on a mixed host. All else but the tool has plain names there."""
_TOOL_ENDINGS = "ask board book call chores clerk desk jobs list orders q queue req slip slips".split()
_COUNTED = re.compile(r"(#+)(?=[^#]*$)")
_HOURLY = re.compile(r"\d\d:\d\d ")
_NAME = re.compile(r"[A-Za-z0-9#@][A-Za-z0-9#@._-]*")


def _all_names(text: str) -> str:
    if wrong := [name for name in text.split() if not _NAME.fullmatch(name)]:
        raise ValueError(f"saw {wrong[0]!r}, want names of letters, digits, '.', '_' and '-', separated by blanks")
    return text


NameList = Annotated[str, AfterValidator(_all_names)]
"""Names or patterns of names, separated by blanks: they stand in commands unquoted."""
Sentences = Annotated[list[str], Field(min_length=1)]


class _Part(BaseModel):
    """One kind of file that the setting has. folders: names of folders in which such files lie."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folders: Annotated[NameList, Field(min_length=1)]


P = TypeVar("P", bound=_Part)


class _Reasoned(_Part):
    """why: reasons for whatever is asked about it, as whole sentences that "so" may follow."""

    why: Sentences


class TableKind(_Reasoned):
    """Records: a key, the one that it belongs to, an amount.

    file: stems of file names. rows: what the records are called, as in "the <rows> of <group>".
    key, group, amount: the names of the columns. keys: patterns. groups: names. one: what a group is called.
    what: what the amount is called, as in "add up the <what>". low, high: its range.
    """

    file: NameList
    rows: str
    key: NameList
    keys: NameList
    group: NameList
    one: str
    groups: NameList
    amount: NameList
    what: str
    low: int
    high: int


class LogKind(_Reasoned):
    """Dated lines, each by a source. of: what the log is called, as in "the <of>". source: what a source is called.

    lines: ordinary messages. faults: messages of trouble. Both come after the source.
    """

    file: NameList
    of: str
    source: str
    sources: NameList
    lines: Annotated[list[str], Field(min_length=4)]
    faults: Annotated[list[str], Field(min_length=3)]


class ListKind(_Reasoned):
    """Single names, one to a line. of: what they are, in the plural. item: one of them.

    style: how an item of several words is written: with blanks, as names are, or as it stands here.
    """

    file: NameList
    of: str
    item: str
    items: NameList
    style: Literal["words", "names", "codes"] = "words"


class DocumentKind(_Reasoned):
    """A text of lines. title: its heading. lines: what stands there. added: lines that may still be missing."""

    file: NameList
    title: str
    lines: Annotated[list[str], Field(min_length=8)]
    added: Annotated[list[str], Field(min_length=5)]


class ConfigKind(_Part):
    """Settings of a program or device. of: what they are settings of, as in "the settings of <of>".

    keys: name, value, another value, and what the setting is about, as in "<about> should be …".
    """

    file: NameList
    of: str
    keys: Annotated[list[tuple[str, str, str, str]], Field(min_length=4)]


class CollectionKind(_Reasoned):
    """A folder of files. of: what they are, in the plural. one: one of them.

    files: stems or patterns of stems. endings: of their names, without the dot. lines: what each of them holds; all files
    of a folder have the same first two or more. `<stem>` is the file's name without its ending.
    folders: where a few of them lie that are packed or have their checksums beside them.
    """

    folder: NameList
    of: str
    one: str
    files: NameList
    endings: NameList
    lines: Annotated[list[str], Field(min_length=4)]


class Paper(BaseModel):
    """A whole text that somebody left on the machine, apart from all work.

    path: "~/name" lies in the account's home, "folder/name" in a folder of its own below the host's root.
    text: as it stands there, with its blanks and brackets. A slot has one value in the whole text, and each <3..12> is a
    number of its own. `<who>`, `<other>` and `<third>` are three people, `<who_first>` the first name, `<who_login>` the
    account and `<who_role>` the role of the first of them, `<outsider>` the family name of somebody from elsewhere.
    `<date>` (4 May), `<dm>` (4.5.), `<dmy>` (4.5.24), `<us>` (May 4), `<iso>` and `<year>` are the day on which it was
    written. `<who:20>` is filled up with blanks to 20 characters. `[a|b]` is a choice, with no blank at its brackets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(pattern=r"^(~|[a-z][a-z0-9-]*)(/[A-Za-z0-9._-]+)+$")]
    text: Annotated[str, Field(min_length=1)]


class Setting(BaseModel):
    """One file of settings/, whose first line is the brief.

    place:   what its people call it, with an article. hosts: names of machines. roots: folders of its data.
    folders: projects. rooms: said after "the". roles: of people, said after "the". work: what its directives are
    called, in the plural. tools: names for the program that holds them; see tool_names. groups: names for its boards
    or shelves.
    words:   single words that belong here. events: said after "before" and "for".
    motd:    lines of a login. notes: lines that people leave in files. letters: subjects and bodies of mails.
    papers:  texts that lie about.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    brief: str
    place: str
    hosts: NameList
    roots: str
    folders: NameList
    rooms: Annotated[list[str], Field(min_length=5)]
    roles: Annotated[list[str], Field(min_length=4)]
    work: Annotated[list[str], Field(min_length=3)]
    tools: NameList
    groups: NameList
    words: NameList
    events: Annotated[list[str], Field(min_length=6)]
    motd: Annotated[list[str], Field(min_length=10)]
    notes: Annotated[list[str], Field(min_length=15)]
    letters: Annotated[list[tuple[str, str]], Field(min_length=6)]
    tables: Annotated[list[TableKind], Field(min_length=3)]
    logs: Annotated[list[LogKind], Field(min_length=2)]
    lists: Annotated[list[ListKind], Field(min_length=2)]
    documents: Annotated[list[DocumentKind], Field(min_length=2)]
    configs: Annotated[list[ConfigKind], Field(min_length=2)]
    collections: Annotated[list[CollectionKind], Field(min_length=3)]
    papers: Annotated[list[Paper], Field(min_length=10)]

    @model_validator(mode="after")
    def _papers_lie_apart(self) -> Setting:
        """Raises ValueError for a paper that a pattern of some work could meet."""
        parts = [*self.tables, *self.logs, *self.lists, *self.documents, *self.configs, *self.collections]
        folders = {*self.folders.split(), *(name for part in parts for name in part.folders.split())}
        folders |= {name for kind in self.collections for name in kind.folder.split()}
        files = {name for part in parts for name in getattr(part, "file", "").split()}
        for paper in self.papers:
            folder, name = paper.path.split("/")[0], paper.path.rsplit("/")[-1]
            if folder in folders:
                raise ValueError(f"paper {paper.path}: saw {folder}, a folder of the work, want one of its own")
            if name.split(".")[0] in files:
                raise ValueError(f"paper {paper.path}: saw {name}, a file of the work, want another name")
        return self


SETTINGS: Kinds[str] = Kinds(lambda: _register())
"""Each setting's name by itself: a value of the axis `setting`."""


def _register() -> None:
    """By the first line of each file, its brief: the axes are read at every start, and 10,000 lines are not."""
    for entry in sorted(files(__package__).joinpath("settings").iterdir(), key=lambda item: item.name):
        name = entry.name.removesuffix(".toml")
        with entry.open(encoding="utf-8") as file:
            SETTINGS.kind(name, brief=tomllib.loads(file.readline())["brief"])(name)


@cache
def setting(name: str) -> Setting:
    """Raises pydantic's ValidationError, which names the field, where the file is not what it should be."""
    text = files(__package__).joinpath("settings", f"{name}.toml").read_text(encoding="utf-8")
    return Setting.model_validate(tomllib.loads(text))


@dataclass(frozen=True)
class Person:
    """name: the whole one. role: said after "the". room: where the person is found. login: on the host."""

    name: str
    role: str
    room: str
    login: str

    @property
    def first(self) -> str:
        """How colleagues say it."""
        return self.name.split()[0]


@dataclass(frozen=True)
class Table:
    """A table kind with the names that were drawn for it: its file's stem, its keys in order and its groups."""

    kind: TableKind
    stem: str
    keys: list[str]
    groups: list[str]


@dataclass(frozen=True)
class Log:
    kind: LogKind
    stem: str
    sources: list[str]


@dataclass(frozen=True)
class Listing:
    kind: ListKind
    stem: str
    items: list[str]


@dataclass(frozen=True)
class Document:
    """lines, added: with their slots still to be filled, by Host.expand."""

    kind: DocumentKind
    stem: str
    lines: list[str]
    added: list[str]


@dataclass(frozen=True)
class Settings:
    """entries: name, value, another value, what it is about."""

    kind: ConfigKind
    stem: str
    entries: list[tuple[str, str, str, str]]


@dataclass(frozen=True)
class Collection:
    """stems: of the files. ending, other: two endings of such files, without the dot."""

    kind: CollectionKind
    folder: str
    stems: list[str]
    ending: str
    other: str


@dataclass(frozen=True)
class World:
    """What a setting offers to one part of a scenario. Nothing that it draws repeats or contains another name."""

    setting: Setting
    names: Names
    rng: random.Random

    def several(self, count: int, patterns: str, syllables: tuple[int, int] = (1, 3)) -> list[str]:
        """So many names, all from the setting or all invented."""
        if self.names.dial == INVENTED:
            return [self.names.word(syllables) for _ in range(count)]
        return self.stems(count, patterns)

    def one(self, patterns: str, syllables: tuple[int, int] = (1, 3)) -> str:
        return self.several(1, patterns, syllables)[0]

    def serial(self, count: int, patterns: str) -> list[str]:
        """So many numbers of one series, in their order: one of the patterns, counted up in its last digits."""
        cut = [_COUNTED.split(pattern) for pattern in patterns.split()]
        roomy = [parts for parts in cut if len(parts) == 3 and 10 ** len(parts[1]) > 3 * count]
        if self.names.dial == INVENTED or (self.names.dial == MIXED and self.rng.random() < _INVENTED_KEYS):
            return sorted(self.names.word((1, 3)) for _ in range(count))
        if not roomy:
            return sorted(self.stems(count, patterns))
        before, digits, after = self.rng.choice(roomy)
        head, tail, most = filled(self.rng, before), filled(self.rng, after), 10 ** len(digits)
        steps = [self.rng.randint(1, min(9, most // (2 * count + 2))) for _ in range(count)]
        first = self.rng.randrange(most // 10, most - sum(steps))
        return [f"{head}{first + sum(steps[:at]):0{len(digits)}}{tail}" for at in range(count)]

    def word(self) -> str:
        return self.one(self.setting.words)

    def stem(self, patterns: str) -> str:
        """A file's or folder's name without its ending, never an invented one."""
        return self.names.pick(patterns, self.setting.words)

    def stems(self, count: int, patterns: str) -> list[str]:
        """So many names of files of one folder."""
        found: list[str] = []
        for _ in range(count):
            found.append(self.names.pick(patterns, self.setting.words, beside=found))  # each draw sees the others
        return found

    def table(self, keys: int, groups: int) -> Table:
        kind = self._kind(self.setting.tables)
        return Table(
            kind, self.stem(kind.file), self.serial(keys, kind.keys), self.several(groups, kind.groups, (2, 3))
        )

    def log(self, sources: int) -> Log:
        kind = self._kind(self.setting.logs)
        stem = self.stem(kind.file)
        return Log(kind, re.sub(r"-?log$", "", stem) or stem, self.several(sources, kind.sources))

    def listing(self, items: int) -> Listing:
        kind = self._kind(self.setting.lists)
        return Listing(
            kind, self.stem(kind.file), [_written(item, kind.style) for item in self.several(items, kind.items)]
        )

    def document(self, lines: int, added: int = 1, lasting: bool = False) -> Document:
        """lines: how many, from the first on. lasting: rather one that is changed from time to time than kept hour by hour."""
        kinds = [kind for kind in self.setting.documents if not (lasting and _HOURLY.match(kind.lines[0]))]
        kind = self._kind(kinds or self.setting.documents)
        return Document(kind, self.stem(kind.file), kind.lines[:lines], self.rng.sample(kind.added, added))

    def settings(self, entries: int) -> Settings:
        """entries: or as many as the kind has."""
        kind = self._kind(self.setting.configs)
        count = min(entries, len(kind.keys))
        return Settings(kind, self.stem(kind.file), self.rng.sample(kind.keys, count))

    def collection(self, count: int) -> Collection:
        kind = self._kind(self.setting.collections)
        ending, other = self.rng.sample(kind.endings.split(), 2)
        return Collection(kind, self.stem(kind.folder), self.stems(count, kind.files), ending, other)

    def _kind(self, kinds: Sequence[P]) -> P:
        """One of these, and if there is any, one of which the host has no files yet."""
        stems = "folder" if isinstance(kinds[0], CollectionKind) else "file"
        fresh = [kind for kind in kinds if self.names.taken.isdisjoint(getattr(kind, stems).split())]
        return self.rng.choice(fresh or kinds)


def _written(item: str, style: str) -> str:
    if style == "codes":
        return item
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", item)
    return text.title() if style == "names" else text


@cache
def tool_names(tools: str) -> str:
    """Each first part of these names with each usual ending: of ten names a place a student learns the ten by heart."""
    ending = re.compile(f"({'|'.join(_TOOL_ENDINGS)})$")
    stems = [stem for name in tools.split() if (stem := ending.sub("", name)) != name]
    made = [stem + end for stem in stems for end in _TOOL_ENDINGS if not stem.endswith(end)]
    return " ".join(dict.fromkeys([*tools.split(), *made]))


def filled(rng: random.Random, pattern: str) -> str:
    """The pattern with a digit for each # and a capital for each @."""
    digits = re.sub("#", lambda _: str(rng.randrange(10)), pattern)
    return re.sub("@", lambda _: rng.choice("ABCDEFGHJKLMNPRSTUVWX"), digits)
