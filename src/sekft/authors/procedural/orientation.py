"""What the system message says: where one is, and the two ways in which a session ends. It asks for nothing."""

from __future__ import annotations

from sekft.authors.procedural.host import World
from sekft.authors.procedural.wording import line


def orientation(world: World) -> str:
    return f"{line(world, 'where')} {line(world, 'ways_out')}"
