"""A hidden file in the home folder, such as people keep for who comes after them, mentions the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, greeting, page, readings
from sekft.authors.procedural.host import Host

_NAMES = (
    ".plan .project .notes .desk .about .hello .duty .sticky .memo .tray .corner .pinboard .diary .slip .letter".split()
)


def announce(host: Host, tool: str, text: str) -> Announcement:
    name = host.skin.choice([*_NAMES, f".{host.name}", f".{host.names.word((2, 3))}"])
    file = host.file(f"{host.home}/{name}", page(host, text))
    return Announcement(needle=text, motd=greeting(host), files=(file,), look=readings(host, file, text))
