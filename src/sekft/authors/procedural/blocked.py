"""A job that is blocked, and what is known of any job that can be."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sekft.authors.procedural.host import Job


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


def undone(job: Job) -> Job:
    return replace(job, after=(), gone=(), judged={})


def changed(job: Job) -> list[str]:
    """The paths that the work makes, changes or removes."""
    return [*(file.path for file in job.after), *job.gone, *job.judged]


def named_inputs(job: Job) -> list[str]:
    """Files that the work needs and the directive names by their whole path, once."""
    plain = {file.path for file in job.files if file.kind == "file"}
    return [path for path in job.needs if path in plain and job.text.count(path) == 1]
