"""What every kind of task shares: how it is asked for, how it can be done, how it goes wrong.

A kind is a module: `@TASKS.kind(name)` on `make(host) -> Job`; the module's first line is the brief.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from sekft.authors.procedural import tolerance
from sekft.authors.procedural.host import Host, Job, expand
from sekft.scenario import File, Probe
from sekft.taxonomy import Kinds, import_modules

TASKS = Kinds[Callable[[Host], Job]](partial(import_modules, __name__))

Typed = str | list[str]
"""One command, or several in a row."""

_ENDINGS = {
    "text": ".txt .txt .md".split(),
    "log": [".log"],
    "config": ".conf .cfg .ini".split(),
    "result": [".txt"],
}
_REASONED, _LETTERS = 0.35, 0.2
"""The share of requests that say why, and of those that are written as a letter."""
_BRIEF = 0.5
"""On a brief host, so much of either."""
_LETTER = (
    ("[Hi|Hello] <user>, <who> here.", "[Thanks|Thank you]!"),
    ("[Hi|Hello|Good morning] <user>!", "[Thanks|Thank you|Many thanks], <who>"),
    ("<user>, [one thing for you|a small thing|one more].", "[Thanks|Best|Cheers|Regards], <who>"),
    ("<user>, [when you have a minute|if you get to it today].", "<who>"),
)
"""Greetings, and what stands below."""
_IMPERATIVES = frozenset(
    """
    add append apply bring change check compare copy correct could count create delete extract fill find give go join
    keep leave link list look make merge move pack please point put remove rename replace save set sort symlink take tar
    total unpack write
    """.split()
)
"""First words of cores that can stand after "so"."""


class Request(NamedTuple):
    """What is asked for. sender: by whom. address: what stands before it, be it a greeting or the head of a ticket.

    parting: what stands below it.
    """

    text: str
    sender: str
    address: str = ""
    parting: str = ""


def new_path(host: Host, folder: str, sort: str, stems: str = "") -> str:
    """A path in the folder for a file of that sort. stems: names to choose from; else the setting's words."""
    return named(host, folder, sort, host.world.stem(stems or host.world.setting.words))


def named(host: Host, folder: str, sort: str, stem: str) -> str:
    """A path in the folder for a file of that sort with that stem."""
    return f"{folder}/{stem}{host.skin.choice(_ENDINGS[sort])}"


def called(host: Host, names: str) -> str:
    """One of these usual names of files, separated by blanks, that no other file of the host has; else a stem."""
    free = [name for name in names.split() if name not in host.names.taken]
    if not free:
        return host.world.stem(host.world.setting.words)
    name = host.skin.choice(free)
    host.names.taken.add(name)
    return name


def ask(host: Host, cores: Sequence[str], why: Sequence[str] = (), **slots: object) -> Request:
    """One of the cores, now and then with a reason or as a letter.

    cores: templates that start in lower case; one that ends in a full stop may be followed by another sentence,
    one that ends in a bare value may not, so that the value's end is never in doubt.
    why:   reasons for just this work, as whole sentences.
    """
    skin, share = host.skin, _BRIEF if host.brief else 1.0
    writer = host.writer or host.person(*(one.name for one in host.cast if one.first == slots.get("who")))
    apart = host.person(writer.name)  # nobody writes of himself as of somebody else
    slots |= {"who": apart.first} if slots.get("who") == writer.first else {}
    slots |= {"role": f"the {apart.role}"} if slots.get("role") == f"the {writer.role}" else {}
    text = host.say(skin.choice(cores), **slots)
    if skin.random() < _REASONED * share and why:
        text = _because(host, expand(host, skin.choice(why), who=apart.first, sender=writer.name), text)
    if skin.random() >= _LETTERS * share or not text.endswith((".", "?")):
        return Request(text, writer.name)
    whom = {"user": host.cast[0].first, "who": writer.first}
    greeting, parting = (expand(host, form, **whom) for form in skin.choice(_LETTER))
    return Request(text, writer.name, greeting, parting)


def _because(host: Host, reason: str, core: str) -> str:
    """The request with its reason before it or after it, or alone where neither would read well."""
    if core.split()[0].lower() in _IMPERATIVES and host.skin.random() < 0.7:
        return f"{reason.removesuffix('.')}, so {core[:1].lower()}{core[1:]}"
    return f"{core} {reason}" if core.endswith((".", "?")) else core


_CAPITAL = 0.5
"""Of titles, those that begin with a capital."""
_NEAR = 0.6
"""Of requests about files of one folder, those that name it once."""
_ALL_THERE = (
    "[Everything|All of it|It] is in <folder>, and the [result|new file] goes there, too.",
    "All of this is in <folder>, the [result|new file] too.",
    "[The folder is|Folder:] <folder>, for the [result|new file] as well.",
)


def _near(host: Host, text: str, paths: Sequence[str], target: str) -> str:
    """The text with the folder of all these paths named once, where it ends in a full stop; the target is one of them."""
    folder = posixpath.dirname(target)
    known = re.search(rf"{re.escape(folder)}(?![\w/.-])", text)
    alone = all(posixpath.dirname(path) == folder and text.count(path) == 1 for path in paths)
    late = known is None or known.start() < min(map(text.find, paths), default=0)
    if len(paths) + bool(known) < 2 or not alone or not late or not text.endswith((".", "?")):
        return text
    for path in paths:
        text = text.replace(path, posixpath.basename(path) + " there" * (bool(known) and path == target))
    first = text.split()[0]
    if known:
        return text
    if first.lower() in _IMPERATIVES and first.lower() != "could":
        return f"In {folder}, {first.lower()}{text[len(first) :]}"
    return f"{text} {host.phrase(host.skin.choice(_ALL_THERE), folder=folder)}"


def job(
    host: Host,
    *,
    title: str,
    text: Request,
    needle: str = "",
    sources: Mapping[str, str] = MappingProxyType({}),
    target: str = "",
    result: str = "",
    alike: str = "",
    folder: str = "",
    files: tuple[File, ...] = (),
    after: tuple[File, ...] = (),
    gone: tuple[str, ...] = (),
    judged: Mapping[str, str] = MappingProxyType({}),
    needs: tuple[str, ...] | None = None,
    reads: tuple[str, ...] = (),
    looks: Sequence[str] = (),
    direct: Sequence[Typed] = (),
    informed: Iterable[Typed] = (),
    whole: list[list[str]] | None = None,
    confirm: list[list[str]],
    wrong: Mapping[str, Typed],
    right: Mapping[str, Typed] = MappingProxyType({}),
) -> Job:
    """A job that makes or changes one file, `target`, so that it holds the text `result`, or that is done in a folder.

    alike:   a filter after which any right result is the same text, see tolerance.py; else it is this very text.
    sources: texts by path, all of them needed and read. folder: the target's unless it is given.
    needle:  the target unless it is given. needs: the sources or else the folder, unless it is given.
    looks, direct, informed: see `ways`; or else `whole`, the ways themselves. wrong: see `probes`. right: besides `alternatives`.
    The rest: see `Job`.
    """
    paths, folder = tuple(sources), folder or posixpath.dirname(target)
    files = (*files, *(host.file(path, content) for path, content in sources.items()))
    if target and alike:
        judged = {**judged, target: tolerance.alike(result, alike)}
    elif target:
        after = (*after, host.file(target, result))
    needs = paths or (folder,) if needs is None else needs
    near = text.text
    if target and not needle and host.skin.random() < _NEAR:
        named_files = list(dict.fromkeys(path for path in (*(paths or needs), target) if path != folder))
        near = _near(host, text.text, named_files, target)
    title = title if host.skin.random() > _CAPITAL or not title.split()[0].isalpha() else title[:1].upper() + title[1:]
    methods, false = whole or ways(folder, looks, direct, informed), probes(**wrong)
    true = {**alternatives(methods, target), **{kind: _typed(commands) for kind, commands in right.items()}}
    return Job(
        title,
        " ".join(part for part in (text.address, text.text, text.parting) if part),
        address=text.address,
        parting=text.parting,
        sender=text.sender,
        needle=needle or target,
        near=near if near != text.text else "",
        files=files,
        after=after,
        ways=methods,
        confirm=confirm,
        probes=false,
        gone=gone,
        needs=needs,
        reads=paths or reads,
        judged=judged,
        right=true,
    )


def alternatives(methods: Sequence[Sequence[str]], target: str) -> dict[str, list[str]]:
    """Right solutions of any kind of task: under other umasks and, for one file, without its last newline or moved in."""
    found = {"private_umask": ["umask 077", *methods[-1]], "group_umask": ["umask 002", *methods[1]]}
    if target:
        found["no_last_newline"] = [
            *methods[0],
            f'printf %s "$(cat {target})" > /tmp/.text',
            f"cat /tmp/.text > {target}",
        ]
        found["moved_in"] = [*methods[0], f"cp {target} /tmp/.made", f"mv -f /tmp/.made {target}"]
    return found


def ways(folder: str, looks: Sequence[str], direct: Sequence[Typed], informed: Iterable[Typed] = ()) -> list[list[str]]:
    """Valid ways, the reference's first: each command after a look, and from inside the folder.

    direct:   what the directive alone tells. informed: what takes names or numbers from the first look.
    """
    methods = [[looks[at % len(looks)], *_typed(command)] for at, command in enumerate(direct)]
    methods += [[looks[0], *_typed(command)] for command in informed]
    inside = [within(folder, command) for command in (looks[-1], *_typed(direct[0]))]
    return [*methods, [f"cd {folder}", *(command for command in inside if command != "cd .")]]


def within(folder: str, command: str) -> str:
    """The same command as typed from inside the folder."""
    name = re.escape(folder)
    near = re.sub(rf"(?<![\w/.-]){name}(?![\w/.-])", ".", re.sub(rf"(?<![\w/.-]){name}/(?=[\w*.'\"-])", "", command))
    return re.sub(r"^(ls(?: -\w+)?) \.$", r"\1", near)


def quoted(text: str) -> str:
    """The text as one word of sh: in single quotes, or in double quotes where it has an apostrophe."""
    return f"'{text}'" if "'" not in text else '"' + re.sub(r'(["$`\\])', r"\\\1", text) + '"'


def told(text: str) -> str:
    """The text in quotes as a sentence shows it."""
    return f'"{text}"' if "'" in text else f"'{text}'"


def probes(**wrong: Typed) -> tuple[Probe, ...]:
    """Wrong solutions by what is wrong with them."""
    return tuple(Probe(kind=kind, commands=_typed(commands)) for kind, commands in wrong.items())


def _typed(command: Typed) -> list[str]:
    return [command] if isinstance(command, str) else list(command)
