"""A log of those who were here before has a line on the tool, among dated lines on other things."""

from __future__ import annotations

import posixpath

from sekft.authors.procedural.announcements_shared import Announcement, greeting, placed, readings, remarks
from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import line, moment, other

_NAMES = ("handover.log", "shift.log", "journal.log", "duty.log", "day.log", "log.txt", "logbook", "watch.log")
_STAMPS = ("%Y-%m-%d %H:%M ", "%b %e %H:%M ", "[%d.%m.%Y] ", "%Y%m%d ", "%a %e %b: ", "%Y-%m-%dT%H:%MZ ")


def announce(host: Host, tool: str, text: str) -> Announcement:
    rows = [text, *remarks(host, host.skin.randint(2, 6))]
    host.skin.shuffle(rows)
    stamp, named = host.skin.choice(_STAMPS), host.skin.choice(["{}: ", "{} - ", "({}) ", ""])
    writers = [other(host), other(host)]
    days = sorted(moment(host) for _ in rows)
    shown = [
        f"{day.strftime(stamp)}{named.format(host.skin.choice(writers))}{row}"
        for day, row in zip(days, rows, strict=True)
    ]
    folder = host.skin.choice([host.home, "/var/log", f"/srv/{host.names.subject()}"])
    path = posixpath.join(folder, host.skin.choice([*_NAMES, f"{host.name}.log"]))
    file = placed(host, path, "\n".join(shown) + "\n")
    told = folder.startswith("/srv") or host.skin.random() < 0.3
    motd = greeting(host, *([line(host, "lead", path=path)] if told else []))
    return Announcement(needle=text, motd=motd, files=(file,), look=readings(host, file, text, told))
