"""The banner shown before the message of the day names the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, framed, greeting
from sekft.authors.procedural.host import World
from sekft.authors.procedural.wording import said


def announce(world: World, tool: str, text: str) -> Announced:
    head = said(world, "[|||<host>|<host>, <place>|Welcome to <host>|- <host> -|Host <host>]")
    return Announced(
        needle=text, banner=framed(world, f"{head}\n{text}".lstrip(), 0.6), motd=greeting(world), look=[[]]
    )
