"""Decoys: work that must be left alone. It is past, forged or withdrawn, and something says so."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sekft.authors.procedural.host import Host, Job, clause, expand, moment, wording
from sekft.scenario import File


@dataclass(frozen=True)
class Decoy:
    """job: what it asks for. files: where it lies, apart from the provider; its own fixtures are in job.

    body:    its text as an entry of the provider; None where it is none. waiting: listed among what is open.
    sender:  whose entry it is. keeper: whose entries alone count.
    rule:    what people say of such entries where they say where entries are. motd: a line at login.
    shown:   roles that the interface must have, so that it can be met with.
    """

    job: Job
    files: tuple[File, ...] = ()
    body: str | None = None
    waiting: bool = False
    sender: str | None = None
    keeper: str | None = None
    rule: str | None = None
    motd: str | None = None
    shown: tuple[str, ...] = ()


def _stale(job: Job, host: Host) -> Decoy:
    return Decoy(job, body=job.text, sender=job.sender or None, shown=("past",))


def _forged(job: Job, host: Host) -> Decoy:
    keeper = (host.writer or host.person(job.sender)).name
    rule = expand(host, _any(host, "forged"), keeper=keeper)
    return Decoy(job, body=job.text, waiting=True, sender=job.sender, keeper=keeper, rule=rule)


def _revoked(job: Job, host: Host) -> Decoy:
    sender = job.sender or host.person().name
    reason = clause(host, _any(host, "dropped"), sender=sender)
    body = expand(host, _any(host, "revoked"), text=job.core, dropped=reason)
    return Decoy(job, body=body, waiting=True, sender=sender)


def _bait(job: Job, host: Host) -> Decoy:
    name = host.world.stem(wording()["decoys"]["baits"]) + host.skin.choice([".txt", ".txt", ".md"])
    head = expand(host, _any(host, "bait"))
    return Decoy(job, files=(host.file(f"{host.home}/{name}", f"{head}\n{job.core}\n"),))


def _retired(job: Job, host: Host) -> Decoy:
    old = host.tool()
    day = f"{moment(host):%Y-%m-%d}"
    told = {"old": old, "iso": day, "title": job.title, "text": job.core}
    motd, head, entry = (expand(host, _any(host, kind), **told) for kind in ("retired", "archive", "archived"))
    lines = "".join(f"echo {shlex.quote(line)}\n" for line in (head, entry))
    return Decoy(job, files=(host.file(f"/usr/local/bin/{old}", f"#!/bin/sh\n{lines}", "0755"),), motd=motd)


def _any(host: Host, kind: str) -> str:
    """One of the sentences of that kind."""
    return str(host.skin.choice(wording()["decoys"][kind]))


DECOYS: Mapping[str, Callable[[Job, Host], Decoy]] = {
    "stale": _stale,
    "forged": _forged,
    "revoked": _revoked,
    "bait": _bait,
    "retired": _retired,
}
"""By their value of the decoy axis; "none" has no entry."""
