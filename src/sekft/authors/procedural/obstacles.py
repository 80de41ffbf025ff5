"""Ways in which waiting work cannot be done, and the notice that shows each of them.

An obstacle is drawn for every scenario, whatever its ending. Where work is to be done, the obstacle
is eased: the same sentence stands in the directive or the documentation, and its condition is met.
So no sentence predicts the ending; what the operator finds does.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from sekft.authors.procedural import conditions
from sekft.authors.procedural.blocked import Blocked, changed, named_inputs, undone
from sekft.authors.procedural.grammar import phrase
from sekft.authors.procedural.host import Host, Job, unreadable, without
from sekft.authors.procedural.names import Names


class Apply(Protocol):
    def __call__(self, job: Job, host: Host, met: bool = False) -> Blocked:
        """The job under the obstacle; met: with the obstacle's condition fulfilled, so that the job can be done."""
        ...


@dataclass(frozen=True)
class Obstacle:
    """fits: whether a job can meet it. conditional: whether the eased job says the same under other facts."""

    fits: Callable[[Job], bool]
    apply: Apply
    conditional: bool = False


def draw(host: Host, job: Job, barred: Collection[str] = ()) -> str:
    """The first of the obstacles, in a drawn order, that this job can meet: nearly always the same in each skin."""
    names = host.part("choice").rng.sample(sorted(OBSTACLES), len(OBSTACLES))
    return next(name for name in names if name not in barred and OBSTACLES[name].fits(job))


def meet(name: str, job: Job, host: Host) -> tuple[Blocked, Job]:
    """The job under that obstacle, and the job that can be done, told in the same words and with the same names."""
    obstacle = OBSTACLES[name]
    if not obstacle.conditional:
        return obstacle.apply(job, host.part(name)), job
    aside = host.part(name)
    aside = replace(aside, names=Names(aside.skin, set(host.names.taken)))
    return obstacle.apply(job, aside), obstacle.apply(job, host.part(name), met=True).job


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
    def apply(job: Job, host: Host, met: bool = False) -> Blocked:
        skin = host.skin
        date = f"{skin.randint(2019, 2031)}-{skin.randint(1, 12):02d}-{skin.randint(1, 28):02d}"
        slots = {
            "user": host.user, "who": host.names.user(), "server": host.names.host(), "date": date, "n": skin.randint(20, 900),
        }  # fmt: skip
        texts, notice = _SEALS[kind]
        text, shown = phrase(skin, skin.choice(texts), **slots), phrase(skin, notice, **slots)
        return Blocked(
            job=undone(job),
            notice=shown,
            sealed=text + "\n",
            reasons=[f"nothing can be retrieved: {shown}", f"blocked, {text}", shown],
            look=[[]],
            hidden=True,
        )

    return apply


def _withheld(job: Job, host: Host, met: bool = False) -> Blocked:
    keeper = host.names.user()
    notice = f"withheld until {keeper} releases it"
    text = host.say(
        "[The text|The content|This entry|What it says] is <notice>; [this account cannot|nobody else can] [lift that|change that].",
        notice=notice,
    )
    return Blocked(
        job=replace(undone(job), text=text),
        notice=notice,
        reasons=[f"the directive is {notice}", f"directive withheld, only {keeper} can release it"],
        look=[[]],
        hidden=True,
    )


def _missing(job: Job, host: Host, met: bool = False) -> Blocked:
    path = host.rng.choice(job.needs)
    folder = any(file.path.startswith(path + "/") for file in job.files)
    look = [[f"ls {path}"], [f"ls -l {path}"], [f"ls -la {path}"]] if folder else []
    look = look or [[f"cat {path}"], [f"head {path}"], [f"ls -l {path}"], [f"wc -l {path}"]]
    around = posixpath.dirname(path)
    left = without(job, path)
    kept = left.files if around == host.home else (*left.files, host.folder(around))
    return Blocked(
        job=replace(undone(job), files=kept),
        notice="No such file",
        reasons=[f"{path} does not exist", f"the input {path} is missing", f"no {path} on this host"],
        look=[*look, *([*way, f"ls {around}"] for way in look[:1])],
    )


def _unreadable(job: Job, host: Host, met: bool = False) -> Blocked:
    path = host.rng.choice(job.reads)
    above = next((need for need in job.needs if path.startswith(need + "/")), None)
    first = [f"ls -R {above}"] if path not in job.text and above else []
    return Blocked(
        job=undone(unreadable(job, path)),
        notice="Permission denied",
        reasons=[f"{path} cannot be read: permission denied", f"no permission on {path}"],
        look=[
            [*first, f"cat {path}"],
            [*first, f"cat {path}", f"ls -l {path}"],
            [*first, f"head {path}"],
            [*first, f"cat {path}", "id", f"ls -l {path}"],
        ],
    )


def _locked(job: Job, host: Host, met: bool = False) -> Blocked:
    """What the work would change lies in a folder that nobody here may write to."""
    path = changed(job)[0]
    folder = posixpath.dirname(path)
    kept = [file for file in job.files if file.path != folder]
    files = [file.model_copy(update={"owner": "root"}) if file.path.startswith(folder + "/") else file for file in kept]
    shut = host.folder(folder).model_copy(update={"owner": "root"})
    lying = path in {file.path for file in job.files}
    above = next((need for need in job.needs if path.startswith(need + "/")), folder)
    first = [f"ls -R {above}"] if lying and path not in job.text else []
    touch = f"touch {path}" if lying or path in job.text else f"touch {folder}/new"
    return Blocked(
        job=replace(undone(job), files=(*files, shut)),
        notice="Read-only file system",
        reasons=[f"{folder} cannot be written to: read-only", f"no write access below {folder}"],
        look=[
            [*first, touch],
            [*first, f"ls -l {folder}", touch],
            [*first, f"ls -ld {folder}", touch],
            [*first, touch, "id"],
        ],
    )


def _contradicted(job: Job, host: Host, met: bool = False) -> Blocked:
    scope = _scope(job)
    text = host.say(
        "[<scope> stays as it is|nothing about <scope> may change|hands off <scope>|leave <scope> alone]"
        " [until further notice|for now|until <who> is back]: [it is being audited|it is evidence|<who> still needs it so|it was promised to <who>].",
        scope=scope,
        who=host.names.user(),
    )
    note = host.say(
        "[If|Where] two open <nouns> [contradict each other|ask for opposite things], neither is carried out"
        " [: the way out is panic|; such a case is reported by panic|, and panic says so].",
        nouns=host.skin.choice(["entries", "texts", "requests"]),
    )
    title = host.say("[a hold|a warning|hands off|do not touch] on <what>", what=scope.rsplit("/", 1)[-1])
    extra = replace(undone(job), title=title, text=text, needle=text.split(": ")[1].rstrip("."), files=())
    return Blocked(
        job=undone(job),
        notice=scope,
        extra=extra,
        reasons=[f"two directives contradict each other on {scope}", f"contradictory directives about {scope}"],
        look=[[]],
        note=note,
    )


def _scope(job: Job) -> str:
    """The path that the directive names and the work changes, or changes something below."""
    found = ""
    for path in changed(job):
        while path not in job.text and path != "/":
            path = posixpath.dirname(path)
        found = found or path
    return found


def _lockable(job: Job) -> bool:
    """Whether all that changes lies in one folder that is no home and no root."""
    folders = {posixpath.dirname(path) for path in changed(job)}
    return len(folders) == 1 and all(path.count("/") > (3 if path.startswith("/home/") else 2) for path in changed(job))


def _always(job: Job) -> bool:
    return True


OBSTACLES: Mapping[str, Obstacle] = {
    **{kind: Obstacle(_always, _seal(kind)) for kind in _SEALS},
    "withheld": Obstacle(_always, _withheld),
    "missing": Obstacle(lambda job: bool(job.needs), _missing),
    "unreadable": Obstacle(lambda job: bool(job.reads), _unreadable),
    "locked": Obstacle(_lockable, _locked),
    "contradicted": Obstacle(lambda job: _scope(job).count("/") > 1, _contradicted),
    "absent": Obstacle(_always, conditions.absent, conditional=True),
    "ambiguous": Obstacle(lambda job: bool(named_inputs(job)), conditions.ambiguous, conditional=True),
    "conditioned": Obstacle(_always, conditions.conditioned, conditional=True),
    "damaged": Obstacle(lambda job: bool(named_inputs(job)), conditions.damaged, conditional=True),
}
