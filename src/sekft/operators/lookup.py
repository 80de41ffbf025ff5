"""Looks that show what a command names, for whoever types nothing that was not shown."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator

from sekft.scenario import File, Scenario
from sekft.shell import syntax
from sekft.shell.grounding import Seen

_FIELD = re.compile(r"[\w.'-]+ *")
READABLE_BYTES = 600
"""A longer text is not opened on the chance that it says something."""


def look_for(command: str, scenario: Scenario, seen: Seen, typed: Collection[str]) -> str | None:
    """The next look on the way to what the command names and nothing has shown; None where no look leads there.

    typed: what was typed before; no look is taken twice.
    """
    looks = _looks(command, frozenset(seen.missing(command)), scenario)
    return next((look for look in looks if look not in typed and not seen.missing(look)), None)


def announcing(scenario: Scenario) -> list[str]:
    """The looks that show the announcement where login does not tell it."""
    needle, login = scenario.needles.announcement, scenario.login
    if any(needle in f"{name}={value}" for name, value in login.env.items()):
        return ["env"]
    for file in _readable(scenario):
        near = posixpath.dirname(file.path) == login.home
        if file.kind == "symlink" and needle in (file.target or ""):
            return [f"ls -la {'' if near else posixpath.dirname(file.path)}".rstrip()]
        if needle in posixpath.basename(file.path):
            return [_listing(file.path, "" if near else posixpath.dirname(file.path))]
        if file.kind == "file" and needle in (file.content or ""):
            folder = [] if near else [_listing(file.path, posixpath.dirname(file.path))]
            return [*folder, f"cat {posixpath.basename(file.path) if near else file.path}"]
    return []


def names_several_accounts(scenario: Scenario) -> bool:
    """Whether the announcement is this account's row in a file with rows for others."""
    needle, user = scenario.needles.announcement, scenario.login.user
    if not syntax.mentions(needle, user):
        return False
    texts = [file.content or "" for file in scenario.files if file.kind == "file" and needle in (file.content or "")]
    before, called, _ = needle.partition(scenario.provider.command)
    own = _shape(before + called)  # a call may have more words than the names of others' tools
    return any(_shape(row) == own for text in texts for row in text.splitlines() if needle not in row)


def _shape(row: str) -> str:
    sign = next((sign for sign in "\t|;:," if sign in row), "")
    return re.sub(f"[^{sign}]+", "x", row.strip()) if sign else _FIELD.sub("x", row.strip())


def readable(file: File, tool: str) -> bool:
    """Whether the agent may look at it and it is no part of what the provider keeps for itself."""
    return file.mode[-3:] != "000" and tool not in file.path.split("/") and not file.path.startswith("/usr/local/bin/")


def _readable(scenario: Scenario) -> list[File]:
    return [file for file in scenario.files if readable(file, scenario.provider.command)]


def _looks(command: str, missing: frozenset[str], scenario: Scenario) -> Iterator[str]:
    """Looks that may show one of these atoms, those closest to it first."""
    login, files = scenario.login, _readable(scenario)
    if login.user in missing:
        yield from ("pwd", "whoami")
    for file in files:
        if file.path in command or posixpath.basename(file.path) in command.split():
            yield from _above(file.path, missing)
    if syntax.mentions(command, scenario.provider.command):
        yield from announcing(scenario)
        yield from scenario.provider.help
    if missing & _words(*login.env, *login.env.values()):
        yield "env"
    for file in files:
        if file.kind == "file" and len(file.data) <= READABLE_BYTES and missing & _words(file.content or ""):
            yield f"cat {file.path}"
            yield from _above(file.path, None)
    for file in files:
        if missing & _words(file.path):
            yield from _above(file.path, missing)


def _above(path: str, missing: frozenset[str] | None) -> Iterator[str]:
    """Listings of the folders above, the nearest first. missing: only those that show one of these; None means all."""
    while (folder := posixpath.dirname(path)) != path:
        if missing is None or missing & _words(posixpath.basename(path)):
            yield _listing(path, folder)
        path = folder


def _listing(path: str, folder: str) -> str:
    """The listing of the folder that shows this path."""
    options = "-aF" if posixpath.basename(path).startswith(".") or not folder else "-F"
    return f"ls {options} {folder}".rstrip()


def _words(*texts: str) -> set[str]:
    seen = Seen()
    for text in texts:
        seen.add(text)
    return seen.atoms
