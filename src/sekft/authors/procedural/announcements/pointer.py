"""Login names a file, that file names another, and only the second one names the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, greeting, page, placed, readings, somewhere
from sekft.authors.procedural.host import World
from sekft.authors.procedural.wording import line


def announce(world: World, tool: str, text: str) -> Announced:
    near, far = somewhere(world), somewhere(world)
    told, passed_on = line(world, "lead", path=near), line(world, "lead", path=far)
    first, second = placed(world, near, page(world, passed_on)), placed(world, far, page(world, text))
    hops = readings(world, first, passed_on, told=True), readings(world, second, text, told=True)
    look = [[*one, *two] for one, two in zip(*hops, strict=False)]
    in_banner = world.skin.random() < 0.3
    return Announced(
        needle=text,
        banner=f"{told}\n" if in_banner else "",
        motd=greeting(world, *([] if in_banner else [told])),
        files=(first, second),
        look=look,
    )
