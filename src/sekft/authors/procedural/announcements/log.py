"""A log of those who were here before has a line on the tool, among dated lines on other things."""

from __future__ import annotations

import posixpath

from sekft.authors.procedural.announcements_shared import Announced, greeting, placed, readings, remarks
from sekft.authors.procedural.host import World
from sekft.authors.procedural.wording import line, moment, other

_NAMES = ("handover.log", "shift.log", "journal.log", "duty.log", "day.log", "log.txt", "logbook", "watch.log")
_STAMPS = ("%Y-%m-%d %H:%M ", "%b %e %H:%M ", "[%d.%m.%Y] ", "%Y%m%d ", "%a %e %b: ", "%Y-%m-%dT%H:%MZ ")


def announce(world: World, tool: str, text: str) -> Announced:
    rows = [text, *remarks(world, world.skin.randint(2, 6))]
    world.skin.shuffle(rows)
    stamp, named = world.skin.choice(_STAMPS), world.skin.choice(["{}: ", "{} - ", "({}) ", ""])
    writers = [other(world), other(world)]
    days = sorted(moment(world) for _ in rows)
    shown = [
        f"{day.strftime(stamp)}{named.format(world.skin.choice(writers))}{row}"
        for day, row in zip(days, rows, strict=True)
    ]
    folder = world.skin.choice([world.home, "/var/log", f"/srv/{world.names.subject()}"])
    path = posixpath.join(folder, world.skin.choice([*_NAMES, f"{world.host}.log"]))
    file = placed(world, path, "\n".join(shown) + "\n")
    told = folder.startswith("/srv") or world.skin.random() < 0.3
    motd = greeting(world, *([line(world, "lead", path=path)] if told else []))
    return Announced(needle=text, motd=motd, files=(file,), look=readings(world, file, text, told))
