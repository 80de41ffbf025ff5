"""A settings file in /etc has a line for the tool; login may or may not point at the file."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, fields, greeting, placed, readings
from sekft.authors.procedural.host import World
from sekft.authors.procedural.wording import line, other, said

_FILES = "desk site local house office station handbook defaults arrangements conventions workplace particulars".split()
_KEY = (
    "[requests|errands|duties|jobs|orders|assignments|open-matters|work|chores|intake|tasks][.|_|-|/| of | for ]<user>"
)
_HEAD = "[||# <host>, by <other>|; last changed <iso>|# [settings|particulars] of <host>|# changes: <other>]"


def announce(world: World, tool: str, text: str) -> Announced:
    rows = [
        ("timezone", "UTC"),
        ("contact", other(world)),
        ("rack", said(world, "<n>")),
        ("backup", said(world, "[nightly|weekly|on sundays]").lower()),
        ("site", said(world, "[north|south|<place>]").lower()),
        ("printer", world.names.word((2, 2))),
        ("locale", "C.UTF-8"),
    ]
    own = (said(world, _KEY).lower(), tool)
    told = [own, *world.skin.sample(rows, world.skin.randint(2, 5))]
    world.skin.shuffle(told)
    shown = fields(world, told)
    needle = shown[told.index(own)]
    path = f"/etc/{world.skin.choice([*_FILES, world.host])}{world.skin.choice(['', '.conf', '.cfg', '.local', '.rc'])}"
    head = said(world, _HEAD)
    file = placed(world, path, "\n".join([*([head] if head else []), *shown]) + "\n")
    pointed = world.skin.random() < 0.6
    motd = greeting(world, *([line(world, "lead", path=path)] if pointed else []))
    look = [*readings(world, file, needle, pointed, by_name=True), [f"grep -r {world.user} /etc"]]
    return Announced(needle=needle, motd=motd, files=(file,), look=look)
