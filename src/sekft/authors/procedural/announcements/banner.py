"""The banner shown before the message of the day names the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, framed, greeting
from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import said


def announce(host: Host, tool: str, text: str) -> Announcement:
    head = said(host, "[|||<host>|<host>, <place>|Welcome to <host>|- <host> -|Host <host>]")
    return Announcement(
        needle=text, banner=framed(host, f"{head}\n{text}".lstrip(), 0.6), motd=greeting(host), look=[[]]
    )
