"""A hidden file in the home folder, such as people keep for who comes after them, mentions the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, greeting, page, readings
from sekft.authors.procedural.host import World

_NAMES = (
    ".plan .project .notes .desk .about .hello .duty .sticky .memo .tray .corner .pinboard .diary .slip .letter".split()
)


def announce(world: World, tool: str, text: str) -> Announced:
    name = world.skin.choice([*_NAMES, f".{world.host}", f".{world.names.word((2, 3))}"])
    file = world.file(f"{world.home}/{name}", page(world, text))
    return Announced(needle=text, motd=greeting(world), files=(file,), look=readings(world, file, text))
