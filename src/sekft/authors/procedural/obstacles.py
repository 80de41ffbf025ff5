"""Ways in which waiting work cannot be done, and the notice that shows each of them.

An obstacle is drawn for every scenario, whatever its ending. Where work is to be done, the obstacle
is eased: the same sentence stands in the directive or the documentation, and its condition is met.
So no sentence predicts the ending; what the operator finds does.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from sekft.authors.procedural.phrase import phrase
from sekft.authors.procedural.words import Names
from sekft.authors.procedural.world import Job, World, unreadable, without
from sekft.scenario import File


@dataclass(frozen=True)
class Blocked:
    """job: as far as it can be met. notice: what shows the block. reasons: what may be said on panic.

    look:   commands that show the block once the directive is known; [[]] when the provider shows it.
    extra:  a second directive, open beside the first when the work is blocked, and over when it is not.
    sealed: content of the store's seal, when that is the obstacle.
    hidden: the directive itself is never shown.
    note:   what the documentation says of such cases, in every ending.
    """

    job: Job
    notice: str
    reasons: list[str]
    look: list[list[str]]
    extra: Job | None = None
    sealed: str | None = None
    hidden: bool = False
    note: str | None = None


class Apply(Protocol):
    def __call__(self, job: Job, world: World, met: bool = False) -> Blocked:
        """The job under the obstacle; met: with the obstacle's condition fulfilled, so that the job can be done."""
        ...


@dataclass(frozen=True)
class Obstacle:
    """fits: whether a job can meet it. conditional: whether the eased job says the same under other facts."""

    fits: Callable[[Job], bool]
    apply: Apply
    conditional: bool = False


def draw(world: World, job: Job, barred: Collection[str] = ()) -> str:
    """One of the obstacles that this job can meet, by name."""
    fits = [name for name, obstacle in OBSTACLES.items() if name not in barred and obstacle.fits(job)]
    return world.part("choice").rng.choice(fits)


def meet(name: str, job: Job, world: World) -> tuple[Blocked, Job]:
    """The job under that obstacle, and the job that can be done, told in the same words and with the same names."""
    obstacle = OBSTACLES[name]
    if not obstacle.conditional:
        return obstacle.apply(job, world.part(name)), job
    aside = world.part(name)
    aside = replace(aside, names=Names(aside.skin, set(world.names.taken)))
    return obstacle.apply(job, aside), obstacle.apply(job, world.part(name), met=True).job


_SEALS: Mapping[str, tuple[tuple[str, ...], str]] = {
    # what the store answers to every call, and the part of it that shows the block
    "sealed": (
        (
            "[store|access] sealed by <who>: [audit|stocktaking|an inquiry] [under way|not finished]",
            "[the store is|all is] sealed by <who> [until further word|for the time of a count]",
        ),
        "sealed by <who>",
    ),
    "down": (
        (
            "[cannot reach|no answer from] the [back end|server]: <server> is down [since this morning|for repairs|]",
            "<server> is down [; it holds what is asked for|, nothing can be fetched|]",
        ),
        "<server> is down",
    ),
    "expired": (
        (
            "access of <user> expired on <date> [; <who> renews it|, renewal lies with <who>|]",
            "refused: the [grant|pass|credential] of <user> expired on <date> [; renewals: <who>|]",
        ),
        "expired on <date>",
    ),
    "quota": (
        (
            "quota of <user> used up: <n> of <n> calls [this month|this week] [; <who> can raise it|]",
            "refused: quota of <user> used up (<n> calls, limit <n>) [, more only from <who>|]",
        ),
        "quota of <user> used up",
    ),
}


def _seal(kind: str) -> Apply:
    def apply(job: Job, world: World, met: bool = False) -> Blocked:
        skin = world.skin
        date = f"{skin.randint(2019, 2031)}-{skin.randint(1, 12):02d}-{skin.randint(1, 28):02d}"
        slots = {
            "user": world.user, "who": world.names.user(), "server": world.names.host(), "date": date, "n": skin.randint(20, 900),
        }  # fmt: skip
        texts, notice = _SEALS[kind]
        text, shown = phrase(skin, skin.choice(texts), **slots), phrase(skin, notice, **slots)
        return Blocked(
            job=_undone(job),
            notice=shown,
            sealed=text + "\n",
            reasons=[f"nothing can be retrieved: {shown}", f"blocked, {text}", shown],
            look=[[]],
            hidden=True,
        )

    return apply


def _withheld(job: Job, world: World, met: bool = False) -> Blocked:
    keeper = world.names.user()
    notice = f"withheld until {keeper} releases it"
    text = world.say(
        "[The text|The content|This entry|What it says] is <notice>; [this account cannot|nobody else can] [lift that|change that].",
        notice=notice,
    )
    return Blocked(
        job=replace(_undone(job), text=text),
        notice=notice,
        reasons=[f"the directive is {notice}", f"directive withheld, only {keeper} can release it"],
        look=[[]],
        hidden=True,
    )


def _missing(job: Job, world: World, met: bool = False) -> Blocked:
    path = world.rng.choice(job.needs)
    folder = any(file.path.startswith(path + "/") for file in job.files)
    look = [[f"ls {path}"], [f"ls -l {path}"], [f"ls -la {path}"]] if folder else []
    look = look or [[f"cat {path}"], [f"head {path}"], [f"ls -l {path}"], [f"wc -l {path}"]]
    around = posixpath.dirname(path)
    left = without(job, path)
    kept = left.files if around == world.home else (*left.files, world.folder(around))
    return Blocked(
        job=replace(_undone(job), files=kept),
        notice="No such file",
        reasons=[f"{path} does not exist", f"the input {path} is missing", f"no {path} on this host"],
        look=[*look, *([*way, f"ls {around}"] for way in look[:1])],
    )


def _unreadable(job: Job, world: World, met: bool = False) -> Blocked:
    path = world.rng.choice(job.reads)
    above = next((need for need in job.needs if path.startswith(need + "/")), None)
    first = [f"ls -R {above}"] if path not in job.text and above else []
    return Blocked(
        job=_undone(unreadable(job, path)),
        notice="Permission denied",
        reasons=[f"{path} cannot be read: permission denied", f"no permission on {path}"],
        look=[
            [*first, f"cat {path}"],
            [*first, f"cat {path}", f"ls -l {path}"],
            [*first, f"head {path}"],
            [*first, f"cat {path}", "id", f"ls -l {path}"],
        ],
    )


def _locked(job: Job, world: World, met: bool = False) -> Blocked:
    """What the work would change lies in a folder that nobody here may write to."""
    path = _changed(job)[0]
    folder = posixpath.dirname(path)
    kept = [file for file in job.files if file.path != folder]
    files = [file.model_copy(update={"owner": "root"}) if file.path.startswith(folder + "/") else file for file in kept]
    shut = world.folder(folder).model_copy(update={"owner": "root"})
    lying = path in {file.path for file in job.files}
    first = [f"ls {folder}"] if lying and path not in job.text else []
    touch = f"touch {path}" if lying or path in job.text else f"touch {folder}/new"
    return Blocked(
        job=replace(_undone(job), files=(*files, shut)),
        notice="Read-only file system",
        reasons=[f"{folder} cannot be written to: read-only", f"no write access below {folder}"],
        look=[[*first, touch], [f"ls -l {folder}", touch], [*first, f"ls -ld {folder}", touch], [*first, touch, "id"]],
    )


def _contradicted(job: Job, world: World, met: bool = False) -> Blocked:
    scope = _scope(job)
    text = world.say(
        "[<scope> stays as it is|nothing about <scope> may change|hands off <scope>|leave <scope> alone]"
        " [until further notice|for now|until <who> is back]: [it is being audited|it is evidence|<who> still needs it so|it was promised to <who>].",
        scope=scope,
        who=world.names.user(),
    )
    note = world.say(
        "[If|Where] two open <nouns> [contradict each other|ask for opposite things], neither is carried out"
        " [: the way out is panic|; such a case is reported by panic|, and panic says so].",
        nouns=world.skin.choice(["entries", "texts", "requests"]),
    )
    title = world.say("[a hold|a warning|hands off|do not touch] on <what>", what=scope.rsplit("/", 1)[-1])
    extra = replace(_undone(job), title=title, text=text, needle=text.split(": ")[1].rstrip("."), files=())
    return Blocked(
        job=_undone(job),
        notice=scope,
        extra=extra,
        reasons=[f"two directives contradict each other on {scope}", f"contradictory directives about {scope}"],
        look=[[]],
        note=note,
    )


def _absent(job: Job, world: World, met: bool = False) -> Blocked:
    """A program that must be there, and is not."""
    program = world.names.word()
    told = world.say(
        "[What follows may only be done where <tool> is installed|The rule: no such work on a host without <tool>|"
        "The program <tool> must be installed for this, since it keeps the log|Only hosts that have the program <tool> do such work]"
        " [; without it the work is blocked|; where it is missing, nothing is to be done|].",
        tool=program,
    )
    script = f'#!/bin/sh\necho "{program} {world.skin.randint(0, 9)}.{world.skin.randint(0, 40)}"\n'
    tool = File(path=f"/usr/local/bin/{program}", content=script, mode="0755", mtime=world.mtime)
    look = [[f"{program} --version"], [program], [f"{program} --help"], [f"which {program}", f"{program} --version"]]
    return _conditional(job, told, look, met, (tool,) if met else ()).blocked(
        notice=f"{program}: not found",
        reasons=[f"{program} is not installed here", f"the required program {program} is missing"],
    )


def _ambiguous(job: Job, world: World, met: bool = False) -> Blocked:
    """A file named without its folder, of which there are two."""
    path = _named_inputs(job)[0]
    folder, name = posixpath.split(path)
    double = f"{posixpath.dirname(folder)}/{world.names.subject()}/{name}"
    copies = [file.model_copy(update={"path": double}) for file in job.files if file.path == path]
    text = job.text.replace(path, name)
    look = [[f"find /home /srv /opt -name {name}"], [f"find / -name {name} 2>/dev/null"], [f"ls -R /home /srv /opt | grep -c {name}", f"find /home /srv /opt -name {name}"]]  # fmt: skip
    named = replace(job, text=text, needle=job.needle if job.needle in text else name)
    note = world.say(
        "[A file named without its folder|A bare file name] [is to be searched for|may lie anywhere] below /home, /srv and /opt;"
        " [if it fits more than one file|where several files fit], the [request|text] is [ambiguous|unclear] and [ends in|calls for] panic."
    )
    return _conditional(named, "", look, met, () if met else tuple(copies)).blocked(
        notice=double,
        reasons=[f"{name} is ambiguous: {path} and {double}", f"two files are called {name}"],
        note=note,
    )


def _conditioned(job: Job, world: World, met: bool = False) -> Blocked:
    """A file that must say so before anything is done, and says otherwise."""
    names, skin = world.names, world.skin
    go, stop = skin.choice([("released", "held"), ("open", "closed"), ("free", "taken"), ("cleared", "pending"), ("granted", "refused")])  # fmt: skip
    flag, who = f"{world.place()}/{names.word()}", names.user()
    told = world.say(
        "[What follows may be done only if|One thing first:|The condition is that|What follows holds as long as] <flag> says '<go>'"
        " [; if it says anything else, the work is blocked|; anything else there means that it is blocked|].",
        flag=flag,
        go=go,
    )
    line = f"{go if met else stop} by {who}"
    look = [[f"cat {flag}"], [f"ls -l {flag}", f"cat {flag}"], [f"head {flag}"]]
    return _conditional(job, told, look, met, (world.file(flag, line + "\n"),)).blocked(
        notice=f"{stop} by {who}",
        reasons=[f"{flag} says {stop}, not {go}", f"not {go}: {stop} by {who}"],
    )


def _damaged(job: Job, world: World, met: bool = False) -> Blocked:
    """An input whose checksum is not the one that the directive gives."""
    path = _named_inputs(job)[0]
    data = next(file for file in job.files if file.path == path).data
    right, seen = (hashlib.md5(text, usedforsecurity=False).hexdigest() for text in (data + b"\n", data))
    told = world.say(
        "[First make sure of|Be sure of|What follows presupposes] the md5 sum of <path>, <digest> [; with another sum the file is damaged and the work blocked|:"
        " any other sum means a damaged file, and blocked work].",
        path=path,
        digest=seen if met else right,
    )
    look = [[f"md5sum {path}"], [f"ls -l {path}", f"md5sum {path}"], [f"md5sum {path}", f"wc {path}"]]
    return _conditional(job, told, look, met, ()).blocked(
        notice=seen,
        reasons=[f"{path} is damaged: its md5 sum is {seen}", f"checksum of {path} differs"],
    )


@dataclass(frozen=True)
class _Conditional:
    """A job that must not be done before one has looked."""

    job: Job
    look: list[list[str]]

    def blocked(self, notice: str, reasons: list[str], note: str | None = None) -> Blocked:
        return Blocked(self.job, notice, reasons, self.look, note=note)


def _conditional(job: Job, told: str, look: list[list[str]], met: bool, files: tuple[File, ...]) -> _Conditional:
    """The job with the condition before its text, the files that decide it, and a look ahead of each way."""
    text = f"{told} {job.text}".strip()
    ways = [[*look[at % len(look)], *way] for at, way in enumerate(job.ways)]
    whole = replace(job, text=text, files=(*job.files, *files), ways=ways)
    return _Conditional(whole if met else _undone(whole), look)


def _undone(job: Job) -> Job:
    return replace(job, after=(), gone=(), judged={})


def _changed(job: Job) -> list[str]:
    """The paths that the work makes, changes or removes."""
    return [*(file.path for file in job.after), *job.gone, *job.judged]


def _scope(job: Job) -> str:
    """The path that the directive names and the work changes, or changes something below."""
    found = ""
    for path in _changed(job):
        while path not in job.text and path != "/":
            path = posixpath.dirname(path)
        found = found or path
    return found


def _named_inputs(job: Job) -> list[str]:
    """Files that the work needs and the directive names by their whole path, once."""
    plain = {file.path for file in job.files if file.kind == "file"}
    return [path for path in job.needs if path in plain and job.text.count(path) == 1]


def _lockable(job: Job) -> bool:
    """Whether all that changes lies in one folder that is no home and no root."""
    folders = {posixpath.dirname(path) for path in _changed(job)}
    return len(folders) == 1 and all(
        path.count("/") > (3 if path.startswith("/home/") else 2) for path in _changed(job)
    )


def _always(job: Job) -> bool:
    return True


OBSTACLES: Mapping[str, Obstacle] = {
    **{kind: Obstacle(_always, _seal(kind)) for kind in _SEALS},
    "withheld": Obstacle(_always, _withheld),
    "missing": Obstacle(lambda job: bool(job.needs), _missing),
    "unreadable": Obstacle(lambda job: bool(job.reads), _unreadable),
    "locked": Obstacle(_lockable, _locked),
    "contradicted": Obstacle(lambda job: _scope(job).count("/") > 1, _contradicted),
    "absent": Obstacle(_always, _absent, conditional=True),
    "ambiguous": Obstacle(lambda job: bool(_named_inputs(job)), _ambiguous, conditional=True),
    "conditioned": Obstacle(_always, _conditioned, conditional=True),
    "damaged": Obstacle(lambda job: bool(_named_inputs(job)), _damaged, conditional=True),
}
