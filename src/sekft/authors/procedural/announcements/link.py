"""A link in the home folder, named after what it is for, points at the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, greeting
from sekft.authors.procedural.host import World
from sekft.scenario import File

_NAMES = (
    "requests errands duties jobs orders chores tasks assignments my-work open-matters inbox in-tray work todo desk"
)


def announce(world: World, tool: str, text: str) -> Announced:
    name, target = world.skin.choice(_NAMES.split()), f"/usr/local/bin/{tool}"
    link = File(path=f"{world.home}/{name}", kind="symlink", target=target, mtime=world.mtime)
    look = [
        [listed, shown]
        for listed in ("ls", "ls -A", "ls -a")
        for shown in (f"ls -l {name}", f"ls -ld {name}", f"ls -la {name}")
    ]
    world.skin.shuffle(look)
    return Announced(needle=target, motd=greeting(world), files=(link,), look=look)
