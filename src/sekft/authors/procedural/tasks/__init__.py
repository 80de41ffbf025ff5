"""What every kind of task shares: how it is asked for, how it can be done, how it goes wrong.

A kind is a module: `@TASKS.kind(name)` on `make(host) -> Job`; the module's first line is the brief.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from sekft.authors.procedural.host import Host, Job, wording
from sekft.scenario import File, Probe
from sekft.taxonomy import Kinds, import_modules

TASKS = Kinds[Callable[[Host], Job]](partial(import_modules, __name__))

Typed = str | list[str]
"""One command, or several in a row."""

_ENDINGS = {
    "text": ".txt .lst .note .md .list .memo .text .asc".split(),
    "log": ".log .out .journal .trace .log.1 .events".split(),
    "table": ".tab .dat .tbl .rows .data .col".split(),
    "config": ".conf .cfg .ini .settings .rc .opts".split(),
    "result": ".out .txt .res .found .lst .result .answer".split(),
}


def new_path(host: Host, folder: str, sort: str) -> str:
    """A path in the folder for a file of that sort."""
    return f"{folder}/{host.names.compound()}{host.skin.choice(_ENDINGS[sort])}"


def ask(host: Host, cores: Sequence[str], **slots: object) -> str:
    """One of the cores, with or without something before and after it.

    cores: templates that start in lower case; one that ends in a full stop may be followed by another sentence,
    one that ends in a bare value may not, so that the value's end is never in doubt.
    """
    skin, words = host.skin, wording()["requests"]
    template, around = skin.choice(cores), skin.random()
    matter, past = host.phrase(words["coming"]), host.phrase(words["past"])
    slots_around = {"who": host.names.user(), "user": host.user, "matter": matter, "past": past}
    core = host.say(template, **slots)
    if around < 0.4:
        core = f"{host.say(skin.choice(words['openings']), **slots_around)} {core}"
    elif around < 0.65 and _lowered(core).split()[0] in words["asking"].split():
        core = f"{host.say(skin.choice(words['clauses']), **slots_around)} {_lowered(core)}"
    if core.endswith(".") and skin.random() < 0.5:
        closings = words["closings"]
        if around < 0.65:
            closings = [text for text in closings if "<matter>" not in text and "<past>" not in text]
        core = f"{core} {host.say(skin.choice(closings), **slots_around)}"
    return core


def job(
    host: Host,
    *,
    title: str,
    text: str,
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
        text,
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


def probes(**wrong: Typed) -> tuple[Probe, ...]:
    """Wrong solutions by what is wrong with them."""
    return tuple(Probe(kind=kind, commands=_typed(commands)) for kind, commands in wrong.items())


def _typed(command: Typed) -> list[str]:
    return [command] if isinstance(command, str) else list(command)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
