"""Channels of announcement, and what they share: the sentence, what login prints around it, how one comes to read it.

Add one as a function with `@ANNOUNCEMENTS.kind(name)`. Its text is a sentence that names the tool.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from sekft.authors.procedural.host import Host, clause, expand, initials, line, lines
from sekft.scenario import File
from sekft.taxonomy import Kinds, import_modules

_LAST_LOGIN_SHARE = 0.3
_SIGNED_SHARE = 0.25


@dataclass(frozen=True)
class Announcement:
    """What a channel adds to the login. look: ways to come to see it, [[]] when login shows it.

    prompt: the prompt, where the channel is the prompt.
    """

    needle: str
    look: list[list[str]]
    motd: str = ""
    banner: str = ""
    prompt: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    files: tuple[File, ...] = ()


ANNOUNCEMENTS = Kinds[Callable[[Host, str, str], Announcement]](partial(import_modules, __name__))


def announcement_text(host: Host, tool: str) -> str:
    """One descriptive sentence that names the tool; never an imperative."""
    return line(host, "announcement", tool=tool)


def noise(host: Host, count: int) -> list[str]:
    """Lines such as a login of the place prints."""
    return lines(host, "noise", count)


def remarks(host: Host, count: int) -> list[str]:
    """Lines such as the people of the place leave in files."""
    return lines(host, "remark", count)


def greeting(host: Host, *texts: str) -> str:
    """What login prints: the texts, with a line or two of the place's own before or after them."""
    rows = noise(host, host.some(host.skin, 0, 2))
    rows = [*rows, *texts] if host.skin.random() < 0.6 else [*texts, *rows]
    if len(rows) < 2 and host.skin.random() < _LAST_LOGIN_SHARE and not host.brief:
        rows.append(line(host, "login"))
    return "".join(f"{row}\n" for row in rows)


def signed(host: Host, text: str) -> str:
    """The text, now and then with the initials of whoever wrote it."""
    return f"{text} {clause(host, '[(<sign>)|/<sign>|-- <sign>]')}" if host.skin.random() < _SIGNED_SHARE else text


def framed(host: Host, text: str, share: float) -> str:
    """The text, in this share of cases between two rules."""
    rule = host.skin.choice("*-=#") * min(max(map(len, text.splitlines())), 64)
    return f"{rule}\n{text}\n{rule}\n" if host.skin.random() < share else f"{text}\n"


def letter(host: Host, text: str, writer: str) -> str:
    """The line in a short letter to the account."""
    greeted = expand(host, "[Dear|Hello|Good morning|Hi] <first>,")
    rows = [*remarks(host, host.some(host.skin, 0, 1)), text]
    host.skin.shuffle(rows)
    below = host.skin.choice([writer.split()[0], initials(writer)])
    return "\n".join([greeted, "", *rows, "", below, ""])


def documents(host: Host) -> str:
    """A folder outside the home where people look for a page."""
    return host.skin.choice([host.data, host.data, f"{host.data}/docs", "/usr/local/share/doc"])


def readings(host: Host, file: File, needle: str, named: bool = False, by_name: bool = False) -> list[list[str]]:
    """Ways to come to read a line of a file, the usual one first: a listing that tells folders from files, and `cat`.

    named: login names the path, so that no folder need be listed. by_name: the line may be looked up by the account.
    """
    folder, name = posixpath.split(file.path)
    inside = file.path.startswith(f"{host.home}/")
    near = posixpath.relpath(file.path, host.home) if inside else file.path
    short, every, plain = ("ls -aF", "ls -la", "ls -A") if name.startswith(".") else ("ls -F", "ls -l", "ls")
    if named:
        lists: list[list[str]] = [[], [], [f"{every} {folder}"]]
        near = file.path
    elif folder == host.home:
        lists = [[short], [every], [plain], ["ls -a"]]
    elif inside:
        below = posixpath.dirname(near)
        lists = [["ls -F", f"{short} {below}"], ["ls -l", f"{every} {below}"], ["find . -type f"], ["ls -R"]]
    else:
        lists = [[f"{short} {folder}"], [f"{every} {folder}"]]
    ways = [[*listed, opening] for listed in lists for opening in _openings(file, near, needle)]
    if by_name and host.user in needle:
        ways += [[*listed, f"grep {host.user} {near}"] for listed in lists]
    usual, *others = [way for at, way in enumerate(ways) if way not in ways[:at]]
    host.skin.shuffle(others)
    return [usual, *others[:5]]


def _openings(file: File, near: str, needle: str) -> list[str]:
    """Commands that show the line of the file."""
    rows = (file.content or "").splitlines()
    shows = [f"cat {near}"]
    shows += [f"head {near}"] * any(needle in row for row in rows[:10])
    shows += [f"tail {near}"] * any(needle in row for row in rows[-10:])
    return shows
