"""The message of the day names the tool, among what such messages usually hold."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, greeting
from sekft.authors.procedural.host import World


def announce(world: World, tool: str, text: str) -> Announced:
    return Announced(needle=text, motd=greeting(world, text), look=[[]])
