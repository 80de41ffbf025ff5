"""What every channel shares: how it is told, what stands around it, and how one comes to read it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sekft.authors.procedural.host import World
from sekft.authors.procedural.wording import line, lines, other, said
from sekft.scenario import File

_MARGINS = ("", "", "", "", "  ", " * ", "- ", "| ", "> ")
_BULLETS = ("- ", "* ", "+ ", "o ", "-- ")
_TITLE = "[Notes|Notes for <user>|About <host>|Handover|Handover to <user>|House notes|Odds and ends|On this host|What is new|{weekday}|Desk of <user>|From <other>|In brief|Things to know]"
_ENDINGS = ("", ".txt", ".txt", ".md", ".text", ".note")


@dataclass(frozen=True)
class Announced:
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


def announcement(world: World, tool: str) -> str:
    """One descriptive sentence that names the tool; never an imperative."""
    return line(world, "announcement", tool=tool)


def noise(world: World, count: int) -> list[str]:
    """Lines such as real logins print."""
    return lines(world, "noise", count)


def remarks(world: World, count: int) -> list[str]:
    """Lines such as people leave in files."""
    return lines(world, "remark", count)


def greeting(world: World, *told: str) -> str:
    """What login prints: the lines told, in any order, among up to three others."""
    rows = [*told, *noise(world, world.skin.randint(0, 3))]
    world.skin.shuffle(rows)
    margin, gap = world.skin.choice(_MARGINS), world.skin.choice(["\n", "\n", "\n", "\n\n"])
    text = gap.join(margin + row for row in rows)
    return text and framed(world, text, 0.2)


def framed(world: World, text: str, share: float) -> str:
    """The text, in this share of cases between two rules."""
    rule = world.skin.choice("*-=#~_.+") * world.skin.randint(24, 64)
    return f"{rule}\n{text}\n{rule}\n" if world.skin.random() < share else f"{text}\n"


def page(world: World, text: str) -> str:
    """A file's text that holds this line among remarks, laid out as people do."""
    if world.skin.random() < 0.2:
        return letter(world, text)
    rows = _among_remarks(world, text)
    shape, bullet = world.skin.randrange(5), world.skin.choice(_BULLETS)
    if shape == 0:
        rows = [bullet + row for row in rows]
    elif shape == 1:
        rows = [f"{place}. {row}" for place, row in enumerate(rows, 1)]
    title = said(world, _TITLE)
    heads = [
        "",
        "",
        "",
        f"# {title}\n\n",
        f"{title}\n{'=' * len(title)}\n\n",
        f"{title.upper()}\n\n",
        f"== {title} ==\n",
    ]
    return world.skin.choice(heads) + ("\n\n" if shape == 2 else "\n").join(rows) + "\n"


def letter(world: World, text: str, writer: str | None = None) -> str:
    """The line among remarks, from somebody to the account."""
    greeted = said(world, "[Dear|Hello|Good morning,|Hi|Good evening,] <user>,")
    parting = said(world, "[Yours,|Regards,|So long,|Cheers,|--] <writer>", writer=writer or other(world))
    gap = world.skin.choice(["\n", "\n", " ", "\n\n"])
    return f"{greeted}\n\n{gap.join(_among_remarks(world, text))}\n\n{parting}\n"


def _among_remarks(world: World, text: str) -> list[str]:
    rows = [text, *remarks(world, world.skin.randint(1, 4))]
    world.skin.shuffle(rows)
    return rows


def fields(world: World, rows: Sequence[tuple[str, str]], fillers: str = " ") -> list[str]:
    """Names and values as lines, one to a row, aligned or not. fillers: what may stand between aligned ones."""
    width = max(len(name) for name, _ in rows)
    joint = world.skin.choice([": ", " = ", "=", "\t", " - ", " | "])
    if world.skin.random() < 0.5:
        return [f"{name}{joint}{value}" for name, value in rows]
    filler = world.skin.choice(fillers)
    return [f"{name:{filler}<{width + 2}} {value}" for name, value in rows]


def somewhere(world: World, stem: str | None = None, folder: str | None = None) -> str:
    """A path for a file of text: in a folder of the home, of the host's data or of its settings."""
    roots = [world.home, "/srv", "/opt", "/usr/local/share", "/var/lib", "/srv"]
    folder = folder or posixpath.join(world.skin.choice(roots), world.names.subject())
    return posixpath.join(folder, (stem or world.names.word((2, 3))) + world.skin.choice(_ENDINGS))


def placed(world: World, path: str, content: str) -> File:
    """A file of the agent's, or of root's where the system keeps its own."""
    file = world.file(path, content)
    return file.model_copy(update={"owner": "root"}) if path.startswith(("/etc/", "/usr/", "/var/")) else file


def readings(world: World, file: File, needle: str, told: bool = False, by_name: bool = False) -> list[list[str]]:
    """Ways to come to read a line of a file, the usual one first: a listing that tells folders from files, and `cat`.

    told: login names the path, so that no folder need be listed. by_name: the line may be looked up by the account.
    """
    folder, name = posixpath.split(file.path)
    inside = file.path.startswith(f"{world.home}/")
    near = posixpath.relpath(file.path, world.home) if inside else file.path
    short, every, plain = ("ls -aF", "ls -la", "ls -A") if name.startswith(".") else ("ls -F", "ls -l", "ls")
    if told:
        lists: list[list[str]] = [[], [], [f"{every} {folder}"]]
        near = file.path
    elif folder == world.home:
        lists = [[short], [every], [plain], ["ls -a"]]
    elif inside:
        below = posixpath.dirname(near)
        lists = [["ls -F", f"{short} {below}"], ["ls -l", f"{every} {below}"], ["find . -type f"], ["ls -R"]]
    else:
        lists = [[f"{short} {folder}"], [f"{every} {folder}"]]
    ways = [[*listed, opening] for listed in lists for opening in _openings(file, near, needle)]
    if by_name and world.user in needle:
        ways += [[*listed, f"grep {world.user} {near}"] for listed in lists]
    usual, *others = [way for at, way in enumerate(ways) if way not in ways[:at]]
    world.skin.shuffle(others)
    return [usual, *others[:5]]


def _openings(file: File, near: str, needle: str) -> list[str]:
    """Commands that show the line of the file."""
    rows = (file.content or "").splitlines()
    shows = [f"cat {near}"]
    shows += [f"head {near}"] * any(needle in row for row in rows[:10])
    shows += [f"tail {near}"] * any(needle in row for row in rows[-10:])
    return shows
