"""Every setting is whole, rich enough and its own, and its names and sentences stand where tasks put them."""

import random
import re
import shutil
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from pydantic import ValidationError

from sekft.authors.procedural.clutter import _DATES
from sekft.authors.procedural.host import _LOCAL, _PEOPLE, LISTED_ROOTS, Names, _lists
from sekft.authors.procedural.world import (
    PLAIN,
    SETTINGS,
    CollectionKind,
    ConfigKind,
    DocumentKind,
    ListKind,
    LogKind,
    Setting,
    TableKind,
    filled,
    setting,
    tool_names,
)

NAMES = sorted(SETTINGS)
LEAST = {
    "folders": 12, "tools": 10, "words": 35, "roles": 7, "rooms": 6, "hosts": 8, "groups": 5, "work": 4, "events": 8,
    "motd": 14, "notes": 24, "tables": 4, "logs": 3, "lists": 3, "documents": 3, "configs": 3,
    "collections": 4, "letters": 6, "papers": 10,
}  # fmt: skip
"""How many of each a setting has at least; of its parts' own lists, the same by their kind below."""
LEAST_OF = {
    "tables": {"folders": 2, "keys": 2, "groups": 6, "file": 3, "why": 1},
    "logs": {"folders": 2, "sources": 3, "lines": 7, "faults": 5, "file": 2, "why": 1},
    "lists": {"folders": 2, "items": 12, "file": 2, "why": 1},
    "documents": {"folders": 2, "lines": 10, "added": 6, "file": 2, "why": 1},
    "configs": {"folders": 2, "keys": 6, "file": 2},
    "collections": {"folders": 2, "files": 9, "endings": 2, "lines": 4, "folder": 2, "why": 1},
}
Part = TableKind | LogKind | ListKind | DocumentKind | ConfigKind | CollectionKind
PARTS = tuple(LEAST_OF)
NAMED = ("hosts", "folders", "tools", "groups", "words")
NAMED_OF = ("folders", "file", "keys", "groups", "sources", "items", "folder", "files", "endings")
SENTENCES_OF = ("why", "lines", "faults", "added")
WHOLE = re.compile(r"[A-Za-z0-9 .,:;?()%+=#@-]*")
TYPED = re.compile(r"[A-Za-z0-9 .,:;()-]+")
SLOT = re.compile(r"<([a-z]+|\d+\.\.\d+)>")
RANGE = re.compile(r"<(\d+)\.\.(\d+)>")
PHRASES = Path(__file__).with_name("stock_phrases.txt").read_text(encoding="utf-8").splitlines()


def size(value: str | list[object]) -> int:
    return len(value.split() if isinstance(value, str) else value)


def parts(world: Setting) -> Iterator[tuple[str, Part]]:
    return ((sort, part) for sort in PARTS for part in getattr(world, sort))


def name_lists(world: Setting) -> Iterator[tuple[str, list[str]]]:
    """What each list of names is, and its names."""
    yield from ((name, getattr(world, name).split()) for name in NAMED)
    for sort, part in parts(world):
        for name in NAMED_OF:
            if isinstance(found := getattr(part, name, None), str):
                yield f"{sort}.{name}", found.split()


def sentences(world: Setting) -> Iterator[str]:
    yield from (line for name in ("rooms", "roles", "work", "events", "motd", "notes") for line in getattr(world, name))
    yield from (line for letter in world.letters for line in letter)
    for _, part in parts(world):
        yield from (line for name in SENTENCES_OF for line in getattr(part, name, ()))


def without_grammar(line: str) -> str:
    """The line without its slots and without the marks of its choices."""
    return re.sub(r"\[[^][]*\|[^][]*\]", lambda found: re.sub(r"[][|]", "", found[0]), SLOT.sub("", line))


def said(world: Setting) -> set[str]:
    """Its sentences of five words or more, each by itself."""
    cut = (one for line in sentences(world) for one in re.split(r"(?<=[.?;:])\s+", line))
    return {one.lower().rstrip(".") for one in cut if len(one.split()) >= 5}


def overlapping(names: list[str]) -> list[tuple[str, str]]:
    return [(one, two) for one, two in combinations(names, 2) if one in two or two in one]


@pytest.mark.parametrize("name", NAMES)
def test_is_rich(name: str) -> None:
    """A setting has so much of everything that two scenarios of it differ."""
    world = setting(name)
    poor = [
        f"{what}: {size(getattr(world, what))}" for what, least in LEAST.items() if size(getattr(world, what)) < least
    ]
    for sort, part in parts(world):
        wanted = LEAST_OF[sort].items()
        poor += [f"{sort}.{what}: {getattr(part, what)}" for what, least in wanted if size(getattr(part, what)) < least]
    assert poor == []


@pytest.mark.parametrize("name", NAMES)
def test_names_can_be_drawn(name: str) -> None:
    """Every name is one that a host may use, and no name of a list contains another one."""
    found = [f"{what}: {pair}" for what, names in name_lists(setting(name)) for pair in overlapping(names)]
    for what, names in name_lists(setting(name)):
        if not what.endswith(".endings"):
            drawn = (filled(random.Random(3), pattern) for pattern in names)
            found += [
                f"{what}: {text} is barred" for text in drawn if not Names(random.Random(3), dial=PLAIN)._free(text)
            ]
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_tools_are_one_word(name: str) -> None:
    """A tool has no hyphen in its name: some call styles add one, and the first part tells whose command it is."""
    assert [tool for tool in setting(name).tools.split() if not re.fullmatch(r"[a-z]{5,}", tool)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_place_has_more_tools_than_one_learns_by_heart(name: str) -> None:
    """None of them ends in the same word twice."""
    tools = tool_names(setting(name).tools).split()
    assert len(tools) >= 100
    assert [tool for tool in tools if re.search(r"(ask|board|book|call|clerk|desk|list|slip)\1", tool)] == []


@pytest.mark.parametrize("name", NAMES)
def test_data_lie_in_listed_places(name: str) -> None:
    """A setting keeps its data under folders that belong to a scenario."""
    roots = setting(name).roots.split()
    assert len(roots) >= 3
    assert [
        root for root in roots if not root.startswith(LISTED_ROOTS) or not re.fullmatch(r"(/[a-z0-9-]+)+", root)
    ] == []


@pytest.mark.parametrize("name", NAMES)
def test_tables_tell_their_values_apart(name: str) -> None:
    """A group or a key is found nowhere else in its table: not in a column's name and not in another value."""
    found: list[object] = []
    for kind in setting(name).tables:
        columns, values = [kind.key, kind.group, kind.amount], [*kind.keys.split(), *kind.groups.split()]
        found += [column for column in columns if not re.fullmatch(r"[a-z_]{2,}", column)]
        found += [value for value in values if len(value) < 3 or value.isdigit() or "." in value]
        found += [(value, column) for value in values for column in columns if value in column or column in value]
        found += [*overlapping(values), *overlapping(columns)]
        assert kind.high - kind.low >= 20, kind.rows
        # A joined table takes its amounts from a file of that name.
        found += [kind.amount] * (kind.amount in f"{kind.file} {setting(name).words}".split())
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_logs_tell_their_messages_apart(name: str) -> None:
    """No source occurs in a message, and no fault is a part of another message."""
    found: list[object] = []
    for kind in setting(name).logs:
        lines = [*kind.lines, *kind.faults]
        found += [(source, line) for source in kind.sources.split() for line in lines if source in line]
        found += [(one, two) for one in kind.faults for two in lines if one != two and one in two]
        found += [fault for fault in kind.faults if re.search(r"[#@<]", fault)]
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_configs_can_be_edited(name: str) -> None:
    """Keys are apart from each other, values are single plain words, and the other value is another one."""
    found: list[object] = []
    for kind in setting(name).configs:
        found += overlapping([key for key, *_ in kind.keys])
        for key, value, other, _ in kind.keys:
            found += [key] * (not re.fullmatch(r"[a-z][a-z_]+[a-z]", key))
            found += [text for text in (value, other) if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text)]
            found += [(key, value, other)] * (value == other)
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_sentences_are_plain(name: str) -> None:
    """Sentences hold no character of the shell, only known slots, and the right article before a vowel."""
    world = setting(name)
    known = {*_LOCAL, *_PEOPLE, "stem"}
    slots = [
        slot for line in sentences(world) for slot in SLOT.findall(line) if slot[0].isalpha() and slot not in known
    ]
    slots += [line for line in sentences(world) for low, high in RANGE.findall(line) if int(low) >= int(high)]
    odd = [line for line in sentences(world) if not WHOLE.fullmatch(without_grammar(line))]
    articles = [line for line in sentences(world) if re.search(r"\b[Aa] (?=[aeio])", line)]
    spoken = [
        *world.motd,
        *world.notes,
        *(line for _, part in parts(world) for line in getattr(part, "why", ())),
    ]
    assert (slots, odd, articles, [line for line in spoken if re.search("[#@]", line)]) == ([], [], [], [])


@pytest.mark.parametrize("name", NAMES)
def test_documents_can_be_typed(name: str) -> None:
    """A line of a document can stand in an echo and in a script of sed; no line is a part of another one."""
    found: list[object] = []
    for kind in setting(name).documents:
        lines = [*kind.lines, *kind.added]
        found += [line for line in lines if not TYPED.fullmatch(SLOT.sub("", line)) or line[0].islower()]
        found += overlapping(lines)
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_reasons_are_whole_sentences(name: str) -> None:
    """A reason starts with a capital or a person and ends with a full stop, and never leans on a sentence before it."""
    world = setting(name)
    reasons = [*(line for _, part in parts(world) for line in getattr(part, "why", ()))]
    assert [line for line in reasons if not re.fullmatch(r"([A-Z]|<who>|<role>|<event>).*\.", line)] == []
    assert [line for line in reasons if re.match(r"(It|He|She|They|Them) ", line)] == []


@pytest.mark.parametrize("name", NAMES)
def test_holds_no_stock_phrase(name: str) -> None:
    """No phrase of the list occurs."""
    banned = [phrase.lower() for phrase in PHRASES if phrase and not phrase.startswith("#")]
    assert len(banned) > 20
    assert [line for line in sentences(setting(name)) if any(phrase in line.lower() for phrase in banned)] == []


PROFILE = re.compile(
    r"#.*|umask 022|export EDITOR=\w+|EDITOR=\w+|PAGER=\w+|PRINTER=[\w-]+|export \w+|[A-Z]+=[\w-]+; export [A-Z]+.*|"
)


@pytest.mark.parametrize("name", NAMES)
def test_papers_are_short_and_of_their_own(name: str) -> None:
    """A paper has 2 to 16 lines of a width that a terminal shows, knows its slots, and no path is there twice."""
    world, known = setting(name), {*_LOCAL, "name"} | {*_DATES, "role", "outsider"}
    known |= {f"{one}{what}" for one in ("who", "other", "third") for what in ("", "_first", "_login", "_role")}
    paths = [paper.path for paper in world.papers]
    found: list[object] = [path for path in paths if paths.count(path) > 1]
    for paper in world.papers:
        rows = paper.text.splitlines()
        found += [(paper.path, len(rows))] * (not 2 <= len(rows) <= 16)
        found += [row for row in rows if len(row) > 132 or row != row.rstrip()]
        found += [slot for slot in re.findall(r"<([a-z_]+)(?::\d+)?>", paper.text) if slot not in known]
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_changes_no_command(name: str) -> None:
    """The login shell reads it: it may set neither a prompt, a path or a zone, nor an alias of a usual command."""
    found = []
    for paper in setting(name).papers:
        for row in paper.text.splitlines() if paper.path == "~/.profile" else ():
            alias = re.match(r"alias ([\w-]+)=", row)
            if alias and alias[1] not in _lists()["commands"] and not shutil.which(alias[1]):
                continue
            found += [row] * (alias is not None or not PROFILE.fullmatch(row))
    assert found == []


def test_a_paper_beside_the_work_is_refused() -> None:
    """A paper in a folder of the work, or named like one of its files, is told by its path."""
    world = setting("brewery")
    for path, said in (("kegs/README", "saw kegs, a folder of the work"), ("shelf/beers.txt", "a file of the work")):
        kinds = [kind.model_copy(update={"file": "beers", "folders": "kegs"}) for kind in world.lists]
        body = world.model_dump() | {"lists": [kind.model_dump() for kind in kinds]}
        with pytest.raises(ValidationError, match=rf"paper {path}: .*{said}"):
            Setting.model_validate(body | {"papers": [*body["papers"], {"path": path, "text": "x\n"}]})


def test_no_two_settings_say_the_same() -> None:
    """No sentence of five words or more stands in two settings."""
    whole = {name: said(setting(name)) for name in NAMES}
    shared = [(one, two, both) for one, two in combinations(NAMES, 2) if (both := whole[one] & whole[two])]
    assert shared == []


def test_no_two_settings_share_their_tools_or_hosts() -> None:
    """A name of a tool or of a machine does not tell of two places."""
    for what in ("tools", "hosts"):
        names = [name for world in map(setting, NAMES) for name in getattr(world, what).split()]
        assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)


def test_no_setting_repeats_itself() -> None:
    """Within a setting, no sentence stands twice."""
    for name in NAMES:
        lines = [line for line in sentences(setting(name)) if len(line.split()) >= 5]
        assert len(lines) == len(set(lines)), sorted(line for line in lines if lines.count(line) > 1)
