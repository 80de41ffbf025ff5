"""Channels of announcement, and what they share: the sentence, what stands around it, how one comes to read it.

Add one as a function with `@ANNOUNCEMENTS.kind(name)`. Its text is a sentence that names the tool.
"""

from __future__ import annotations

import posixpath
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sekft.authors.procedural.host import Host, expand, line, lines, other
from sekft.scenario import File
from sekft.taxonomy import Kinds, import_modules

_MARGINS = ("", "", "", "", "  ", " * ", "- ", "| ", "> ")
_BULLETS = ("- ", "* ", "+ ", "o ", "-- ")
_TITLE = "[Notes|Notes for <user>|About <host>|Handover|Handover to <user>|House notes|Before <event>|On this host|What is new|{weekday}|From <other>|From <room>|Good to know|To remember]"
_ENDINGS = ("", ".txt", ".txt", ".md", ".text", ".note")


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
    """Lines such as real logins print."""
    return lines(host, "noise", count)


def remarks(host: Host, count: int) -> list[str]:
    """Lines such as people leave in files, now and then mistyped."""
    return [
        _mistyped(host, row) if host.skin.random() < _MISTYPED_SHARE else row for row in lines(host, "remark", count)
    ]


_MISTYPED_SHARE = 0.06
_MISTYPABLE = re.compile(r"(?<![\w/.-])[a-z]{6,}(?![\w/.-])")


def _mistyped(host: Host, row: str) -> str:
    """The line with two letters of a long word swapped, or one left out. Names are left as they are."""
    known = host.names.taken | {person.name for person in host.cast}
    words = [found for found in _MISTYPABLE.finditer(row) if found[0] not in known]
    if not words:
        return row
    found = host.skin.choice(words)
    at = host.skin.randrange(found.start() + 1, found.end() - 2)
    if host.skin.random() < 0.5:
        return row[:at] + row[at + 1 :]
    return row[:at] + row[at + 1] + row[at] + row[at + 2 :]


def greeting(host: Host, *texts: str) -> str:
    """What login prints: the texts, in any order, among up to three others."""
    rows = [*texts, *noise(host, host.some(host.skin, 0, 3))]
    host.skin.shuffle(rows)
    margin, gap = host.skin.choice(_MARGINS), host.skin.choice(["\n", "\n", "\n", "\n\n"])
    text = gap.join(margin + row for row in rows)
    return text and framed(host, text, 0.2)


def framed(host: Host, text: str, share: float) -> str:
    """The text, in this share of cases between two rules."""
    rule = host.skin.choice("*-=#~_.+") * host.skin.randint(24, 64)
    return f"{rule}\n{text}\n{rule}\n" if host.skin.random() < share else f"{text}\n"


def page(host: Host, text: str) -> str:
    """A file's text that holds this line among remarks, laid out as people do."""
    if host.skin.random() < 0.2:
        return letter(host, text)
    rows = [_wrapped(row, host.skin.choice(_WIDTHS)) if row != text else row for row in _among_remarks(host, text)]
    shape, bullet = host.skin.randrange(5), host.skin.choice(_BULLETS)
    if shape == 0:
        rows = [bullet + row for row in rows]
    elif shape == 1:
        rows = [f"{place}. {row}" for place, row in enumerate(rows, 1)]
    title = expand(host, _TITLE)
    heads = [
        "",
        "",
        "",
        f"# {title}\n\n",
        f"{title}\n{'=' * len(title)}\n\n",
        f"{title.upper()}\n\n",
        f"== {title} ==\n",
    ]
    return host.skin.choice(heads) + ("\n\n" if shape == 2 else "\n").join(rows) + "\n"


_WIDTHS = (0, 0, 0, 60, 72)
"""Columns at which a line of a file is broken; 0: nowhere. The line that announces the tool stays whole."""


def _wrapped(row: str, width: int) -> str:
    return "\n".join(textwrap.wrap(row, width, break_long_words=False, break_on_hyphens=False)) if width else row


def letter(host: Host, text: str, writer: str | None = None) -> str:
    """The line among remarks, from somebody to the account."""
    greeted = expand(host, "[Dear|Hello|Good morning,|Hi|Good evening,] <user>,")
    parting = expand(host, "[Yours,|Regards,|So long,|Cheers,|--] <writer>", writer=writer or other(host))
    gap = host.skin.choice(["\n", "\n", " ", "\n\n"])
    return f"{greeted}\n\n{gap.join(_among_remarks(host, text))}\n\n{parting}\n"


def _among_remarks(host: Host, text: str) -> list[str]:
    rows = [text, *remarks(host, host.some(host.skin, 1, 4))]
    host.skin.shuffle(rows)
    return rows


def fields(host: Host, rows: Sequence[tuple[str, str]], fillers: str = " ") -> list[str]:
    """Names and values as lines, one to a row, aligned or not. fillers: what may stand between aligned ones."""
    width = max(len(name) for name, _ in rows)
    joint = host.skin.choice([": ", " = ", "=", "\t", " - ", " | "])
    if host.skin.random() < 0.5:
        return [f"{name}{joint}{value}" for name, value in rows]
    filler = host.skin.choice(fillers)
    return [f"{name:{filler}<{width + 2}} {value}" for name, value in rows]


def somewhere(host: Host, stem: str | None = None, folder: str | None = None) -> str:
    """A path for a file of text: in a folder of the home, of the host's data or of its settings."""
    roots = [host.home, "/srv", "/opt", "/usr/local/share", "/var/lib", "/srv"]
    folder = folder or posixpath.join(host.skin.choice(roots), host.world.stem(host.world.setting.folders))
    return posixpath.join(folder, (stem or host.world.stem(host.world.setting.words)) + host.skin.choice(_ENDINGS))


def placed(host: Host, path: str, content: str) -> File:
    """A file of the agent's, or of root's where the system keeps its own."""
    file = host.file(path, content)
    return file.model_copy(update={"owner": "root"}) if path.startswith(("/etc/", "/usr/", "/var/")) else file


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
