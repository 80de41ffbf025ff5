"""What every kind of task shares: how it is asked for, how it can be done, how it goes wrong.

A kind is a module: `@TASKS.kind(name)` on `make(host) -> Job`; the module's first line is the brief.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from sekft.authors.procedural.host import Host, Job, expand, wording
from sekft.authors.procedural.world import Person
from sekft.scenario import File, Probe
from sekft.taxonomy import Kinds, import_modules

TASKS = Kinds[Callable[[Host], Job]](partial(import_modules, __name__))

Typed = str | list[str]
"""One command, or several in a row."""

_ENDINGS = {
    "text": ".txt .txt .md .note .text".split(),
    "log": ".log .log .log .out .journal".split(),
    "config": ".conf .cfg .ini .rc".split(),
    "result": ".txt .out .txt .result .lst".split(),
}
_BARE, _REASON, _CLAUSE, _MAIL, _HURRIED = 0.28, 0.66, 0.78, 0.9, 0.95
"""Up to which share of requests each voice goes; the rest are tickets."""
_BARE_BRIEF = 0.5
_FIRST = 0.6
"""Of reasons, those that stand before the request."""


class Request(NamedTuple):
    """What is asked for. sender: by whom. address: what stands before it, be it a greeting or the head of a ticket."""

    text: str
    sender: str
    address: str = ""


def new_path(host: Host, folder: str, sort: str, stems: str = "") -> str:
    """A path in the folder for a file of that sort. stems: names to choose from; else the setting's words."""
    return named(host, folder, sort, host.world.stem(stems or host.world.setting.words))


def named(host: Host, folder: str, sort: str, stem: str) -> str:
    """A path in the folder for a file of that sort with that stem."""
    return f"{folder}/{stem}{host.skin.choice(_ENDINGS[sort])}"


def ask(host: Host, cores: Sequence[str], why: Sequence[str] = (), **slots: object) -> Request:
    """One of the cores in somebody's voice: alone, with a reason, as a letter, in haste or as a ticket.

    cores: templates that start in lower case; one that ends in a full stop may be followed by another sentence,
    one that ends in a bare value may not, so that the value's end is never in doubt.
    why:   reasons that fit the work; the setting has more that fit any.
    """
    skin, voice = host.skin, host.skin.random()
    core, writer = host.say(skin.choice(cores), **slots), host.writer or host.person(str(slots.get("who")))
    reason = host.why(why if why and skin.random() < 0.75 else host.world.setting.why)
    text, address = _voiced(host, voice, core, reason, writer)
    return Request(text, writer.name, address)


def _voiced(host: Host, voice: float, core: str, reason: str, writer: Person) -> tuple[str, str]:
    """What is asked for and what stands before it. voice: which one, as a share of all requests."""
    skin, words, last = host.skin, wording()["requests"], not core.endswith((".", "?"))

    def said(kind: str) -> str:
        return expand(host, skin.choice(words[kind]), who=writer.name, room=f"the {writer.room}")

    if voice < (_BARE_BRIEF if host.brief else _BARE):
        return core, ""
    if voice < _REASON:
        return f"{reason} {core}" if last or skin.random() < _FIRST else f"{core} {reason}", ""
    if voice < _CLAUSE and _lowered(core).split()[0] in words["asking"].split():
        return f"{expand(host, skin.choice(words['clauses']))} {_lowered(core)}", ""
    if voice < _MAIL and not last:
        greeting, parting = said("greetings"), said("partings")
        return f"{reason} {core} {parting}", greeting
    return core, said("hurried" if voice < _HURRIED else "tickets")


def job(
    host: Host,
    *,
    title: str,
    text: Request,
    needle: str = "",
    sources: Mapping[str, str] = MappingProxyType({}),
    target: str = "",
    result: str = "",
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

    sources: texts by path, all of them needed and read. folder: the target's unless it is given.
    needle:  the target unless it is given. needs: the sources or else the folder, unless it is given.
    looks, direct, informed: see `ways`; or else `whole`, the ways themselves. wrong: see `probes`. right: besides `alternatives`.
    The rest: see `Job`.
    """
    paths, folder = tuple(sources), folder or posixpath.dirname(target)
    files = (*files, *(host.file(path, content) for path, content in sources.items()))
    after = (*after, host.file(target, result)) if target else after
    needs = paths or (folder,) if needs is None else needs
    methods, false = whole or ways(folder, looks, direct, informed), probes(**wrong)
    true = {**alternatives(methods, target), **{kind: _typed(commands) for kind, commands in right.items()}}
    return Job(
        title,
        f"{text.address} {text.text}".strip(),
        address=text.address,
        sender=text.sender,
        needle=needle or target,
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


def spaced(text: str, alike: str = "") -> str:
    """sh that succeeds when the file "$1" is this text, however wide the blanks between its words are.

    alike: a rule of awk that makes what is as good as the text the same as the text.
    """
    rows = "".join(" ".join(line.split()) + "\n" for line in text.splitlines())
    return (
        '[ -f "$1" ] && [ ! -L "$1" ] && [ "$(stat -c %s "$1")" -lt 65536 ] &&'
        f' [ "$(awk \'{alike}{{$1 = $1; print}}\' "$1" | sha256sum | cut -c 1-64)" ='
        f" {hashlib.sha256(rows.encode()).hexdigest()} ]"
    )


def probes(**wrong: Typed) -> tuple[Probe, ...]:
    """Wrong solutions by what is wrong with them."""
    return tuple(Probe(kind=kind, commands=_typed(commands)) for kind, commands in wrong.items())


def _typed(command: Typed) -> list[str]:
    return [command] if isinstance(command, str) else list(command)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
