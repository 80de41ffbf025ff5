"""Obstacles that are conditions: told in every ending, met where the work can be done, not met where it is blocked."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import replace

from sekft.authors.procedural.blocked import Blocked, named_inputs, undone
from sekft.authors.procedural.host import Host, Job
from sekft.scenario import File


def absent(job: Job, host: Host, met: bool = False) -> Blocked:
    """A program that must be there, and is not."""
    program = host.names.word()
    told = host.say(
        "[What follows may only be done where <tool> is installed|The rule: no such work on a host without <tool>|"
        "The program <tool> must be installed for this, since it keeps the log|Only hosts that have the program <tool> do such work]"
        " [; without it the work is blocked|; where it is missing, nothing is to be done|].",
        tool=program,
    )
    script = f'#!/bin/sh\necho "{program} {host.skin.randint(0, 9)}.{host.skin.randint(0, 40)}"\n'
    tool = File(path=f"/usr/local/bin/{program}", content=script, mode="0755", mtime=host.mtime)
    look = [[f"{program} --version"], [program], [f"{program} --help"], [f"which {program}", f"{program} --version"]]
    return Blocked(
        job=_conditional(job, told, look, met, *([tool] if met else [])),
        look=look,
        notice=f"{program}: not found",
        reasons=[f"{program} is not installed here", f"the required program {program} is missing"],
    )


def ambiguous(job: Job, host: Host, met: bool = False) -> Blocked:
    """A file named without its folder, of which there are two."""
    path = named_inputs(job)[0]
    folder, name = posixpath.split(path)
    double = f"{posixpath.dirname(folder)}/{host.names.subject()}/{name}"
    copies = [file.model_copy(update={"path": double}) for file in job.files if file.path == path]
    text = job.text.replace(path, name)
    look = [[f"find /home /srv /opt -name {name}"], [f"find / -name {name} 2>/dev/null"], [f"ls -R /home /srv /opt | grep -c {name}", f"find /home /srv /opt -name {name}"]]  # fmt: skip
    named = replace(job, text=text, needle=job.needle if job.needle in text else name)
    note = host.say(
        "[A file named without its folder|A bare file name] [is to be searched for|may lie anywhere] below /home, /srv and /opt;"
        " [if it fits more than one file|where several files fit], the [request|text] is [ambiguous|unclear] and [ends in|calls for] panic."
    )
    return Blocked(
        job=_conditional(named, "", look, met, *([] if met else copies)),
        look=look,
        notice=double,
        reasons=[f"{name} is ambiguous: {path} and {double}", f"two files are called {name}"],
        note=note,
    )


def conditioned(job: Job, host: Host, met: bool = False) -> Blocked:
    """A file that must say so before anything is done, and says otherwise."""
    names, skin = host.names, host.skin
    go, stop = skin.choice([("released", "held"), ("open", "closed"), ("free", "taken"), ("cleared", "pending"), ("granted", "refused")])  # fmt: skip
    flag, who = f"{host.place()}/{names.word()}", names.user()
    told = host.say(
        "[What follows may be done only if|One thing first:|The condition is that|What follows holds as long as] <flag> says '<go>'"
        " [; if it says anything else, the work is blocked|; anything else there means that it is blocked|].",
        flag=flag,
        go=go,
    )
    line = f"{go if met else stop} by {who}"
    look = [[f"cat {flag}"], [f"ls -l {flag}", f"cat {flag}"], [f"head {flag}"]]
    return Blocked(
        job=_conditional(job, told, look, met, host.file(flag, line + "\n")),
        look=look,
        notice=f"{stop} by {who}",
        reasons=[f"{flag} says {stop}, not {go}", f"not {go}: {stop} by {who}"],
    )


def damaged(job: Job, host: Host, met: bool = False) -> Blocked:
    """An input whose checksum is not the one that the directive gives."""
    path = named_inputs(job)[0]
    data = next(file for file in job.files if file.path == path).data
    right, seen = (hashlib.md5(text, usedforsecurity=False).hexdigest() for text in (data + b"\n", data))
    told = host.say(
        "[First make sure of|Be sure of|What follows presupposes] the md5 sum of <path>, <digest> [; with another sum the file is damaged and the work blocked|:"
        " any other sum means a damaged file, and blocked work].",
        path=path,
        digest=seen if met else right,
    )
    look = [[f"md5sum {path}"], [f"ls -l {path}", f"md5sum {path}"], [f"md5sum {path}", f"wc {path}"]]
    return Blocked(
        job=_conditional(job, told, look, met),
        look=look,
        notice=seen,
        reasons=[f"{path} is damaged: its md5 sum is {seen}", f"checksum of {path} differs"],
    )


def _conditional(job: Job, told: str, look: list[list[str]], met: bool, *files: File) -> Job:
    """The job with the condition before its text, the files that decide it, and a look ahead of each way."""
    ways = [[*look[at % len(look)], *way] for at, way in enumerate(job.ways)]
    whole = replace(job, text=f"{told} {job.text}".strip(), files=(*job.files, *files), ways=ways)
    return whole if met else undone(whole)
