"""Ways in which waiting work cannot be done, and the notice that shows each of them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sekft.authors.procedural.meaning import Entry
from sekft.authors.procedural.phrase import phrase
from sekft.authors.procedural.world import Job, World, unreadable, without


@dataclass(frozen=True)
class Blocked:
    """job: as far as it can be met. notice: what shows the block. reasons: what may be said on panic.

    look:   commands that show the block once the directive is known; [[]] when the provider shows it.
    sealed: content of the store's seal, when that is the obstacle.
    hidden: the directive itself is never shown.
    """

    job: Job
    notice: str
    reasons: list[str]
    look: list[list[str]]
    sealed: str | None = None
    hidden: bool = False


def _sealed(job: Job, world: World) -> Blocked:
    keeper = world.names.user()
    why = phrase(world.rng, "[audit|stocktaking|a move|an inquiry] [under way|until further word|not finished]")
    notice = f"sealed by {keeper}"
    return Blocked(
        job=replace(job, after=(), gone=()),
        notice=notice,
        sealed=f"store {notice}: {why}\n",
        reasons=[f"the store is {notice}, nothing can be retrieved", f"store sealed ({why})"],
        look=[[]],
        hidden=True,
    )


def _withheld(job: Job, world: World) -> Blocked:
    keeper = world.names.user()
    notice = f"withheld until {keeper} releases it"
    text = phrase(
        world.rng,
        "[The text|The content|This entry] is <notice>; [this account cannot|nobody else can] [lift that|change that].",
        notice=notice,
    )
    return Blocked(
        job=replace(job, text=text, after=(), gone=()),
        notice=notice,
        reasons=[f"the directive is {notice}", f"directive withheld, only {keeper} can release it"],
        look=[[]],
        hidden=True,
    )


def _missing(job: Job, world: World) -> Blocked:
    path = world.rng.choice(job.needs)
    folder = any(file.path.startswith(path + "/") for file in job.files)
    look = [[f"ls {path}"], [f"ls -l {path}"], [f"ls -la {path}"]] if folder else []
    look = look or [[f"cat {path}"], [f"head {path}"], [f"ls -l {path}"], [f"wc -l {path}"]]
    around = posixpath.dirname(path)
    left = without(job, path)
    return Blocked(
        job=replace(left, files=(*left.files, world.folder(around))) if around != world.home else left,
        notice="No such file",
        reasons=[f"{path} does not exist", f"the input {path} is missing", f"no {path} on this host"],
        look=[*look, *([*way, f"ls {around}"] for way in look[:1])],
    )


def _unreadable(job: Job, world: World) -> Blocked:
    path = world.rng.choice(job.reads)
    return Blocked(
        job=unreadable(job, path),
        notice="Permission denied",
        reasons=[f"{path} cannot be read: permission denied", f"no permission on {path}"],
        look=[
            [f"cat {path}"],
            [f"cat {path}", f"ls -l {path}"],
            [f"head {path}"],
            [f"cat {path}", "id", f"ls -l {path}"],
        ],
    )


OBSTACLES: Mapping[str, Callable[[Job, World], Blocked]] = {
    "sealed": _sealed,
    "withheld": _withheld,
    "missing": _missing,
    "unreadable": _unreadable,
}


def block(job: Job, world: World) -> tuple[str, Blocked]:
    """Draw an obstacle that this job can meet."""
    fits = ["sealed", "withheld"] + ["missing"] * 2 * bool(job.needs) + ["unreadable"] * 2 * bool(job.reads)
    name = world.rng.choice(fits)
    return name, OBSTACLES[name](job, world)


def shown(entry: Entry, blocked: Blocked) -> Entry:
    """The entry as the provider holds it under this obstacle."""
    return replace(entry, body=blocked.job.text)
