"""The message of the day names the tool, among what such messages usually hold."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, greeting
from sekft.authors.procedural.host import Host


def announce(host: Host, tool: str, text: str) -> Announcement:
    return Announcement(needle=text, motd=greeting(host, text), look=[[]])
