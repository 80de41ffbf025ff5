"""How alike the texts are once names, numbers and paths are masked, and how many words there are."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from sekft.quality.measures import Figure, Holdings
from sekft.quality.near_duplicates import clusters, masked, words
from sekft.scenario import Scenario
from sekft.shell import syntax
from sekft.trajectory import StoredRollout

_HEREDOC = re.compile(r"<<'(\w+)'\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
_ROFF = re.compile(r"^\.[A-Z].*\n|\\&|\\", re.MULTILINE)
_SHOWN = 100
_NAME_LETTERS = 4


def measure(held: Holdings) -> Iterator[Figure]:
    """Largest cluster of near-duplicates, as a share, of each kind of text."""
    asked = [(directive.text, names(one)) for one in held.bases for directive in one.directives]
    told = [(documentation(one), names(one)) for one in held.surfaces]
    for kind, texts in (("directives", asked), ("documentation", told)):
        plain = masked([text for text, _ in texts], [named for _, named in texts])
        yield from _alike(kind, plain)
        counted = Counter(word.lower() for text in plain for word in words(text) if word.islower())
        if counted:
            once = sum(count == 1 for count in counted.values())
            yield Figure("vocabulary", len(counted), counted.total(), kind, f"{once} of them once")
    yield from _alike("sessions", [" ".join(skeleton(one)) for one in held.kept])
    commands = Counter(part for one in held.kept for part in skeleton(one))
    if commands:
        most, count = commands.most_common(1)[0]
        yield Figure("commands", len(commands), commands.total(), detail=f"{count} × {most}")


def _alike(kind: str, texts: Sequence[str]) -> Iterator[Figure]:
    if texts:
        largest, *_ = clusters(texts)
        detail = f"{len(set(texts))} different; {len(largest)} × {texts[largest[0]][:_SHOWN]!r}"
        yield Figure("largest_cluster", len(largest) / len(texts), len(texts), kind, detail)


def names(one: Scenario) -> set[str]:
    """What is named in this scenario alone: people, hosts, tools, files, ids; shorter words are no names."""
    paths = " ".join(file.path for file in one.files)
    ids = " ".join(directive.id for directive in one.directives)
    named = words(f"{one.login.user} {one.login.host} {one.provider.command} {paths} {ids}")
    return {word for word in named if len(word) >= _NAME_LETTERS}


def documentation(one: Scenario) -> str:
    """What the tool's help, its manual page and the files named for reading say, as stored in the bundle."""
    command, told = one.provider.command, " ".join(one.provider.help)
    found = []
    for file in one.files:
        text = file.content or ""
        if "/man/" in file.path and file.path.rpartition("/")[2].startswith(command):
            found.append(_ROFF.sub("", text))
        elif "/bin/" in file.path and file.path.rpartition("/")[2].startswith(command):
            found += [match[2] for match in _HEREDOC.finditer(text)]
        elif file.path in told:
            found.append(text)
    return "\n".join(found)


def skeleton(one: StoredRollout) -> list[str]:
    """Each command with its program, options and redirections; the tool, its options and all else masked."""
    command = one.scenario.provider.command
    found = []
    for action in one.actions:
        for program, *parts in syntax.simple_commands(action):
            name = posixpath.basename(program)
            own = name.startswith(command)
            found.append(" ".join(["TOOL" if own else name, *(_masked(part, own) for part in parts if part)]))
    return found


def _masked(part: str, own: bool) -> str:
    if part[0] in "<>":
        return part[0]
    return part.partition("=")[0] if part[0] == "-" and not own else "X"
