"""A settings file in /etc has a line for the tool; login may or may not point at the file."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, fields, greeting, placed, readings
from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import line, other, said

_FILES = "desk site local house office station handbook defaults arrangements conventions workplace particulars".split()
_KEY = (
    "[requests|errands|duties|jobs|orders|assignments|open-matters|work|chores|intake|tasks][.|_|-|/| of | for ]<user>"
)
_HEAD = "[||# <host>, by <other>|; last changed <iso>|# [settings|particulars] of <host>|# changes: <other>]"


def announce(host: Host, tool: str, text: str) -> Announcement:
    rows = [
        ("timezone", "UTC"),
        ("contact", other(host)),
        ("rack", said(host, "<n>")),
        ("backup", said(host, "[nightly|weekly|on sundays]").lower()),
        ("site", said(host, "[north|south|<place>]").lower()),
        ("printer", host.names.word((2, 2))),
        ("locale", "C.UTF-8"),
    ]
    own = (said(host, _KEY).lower(), tool)
    told = [own, *host.skin.sample(rows, host.skin.randint(2, 5))]
    host.skin.shuffle(told)
    shown = fields(host, told)
    needle = shown[told.index(own)]
    path = f"/etc/{host.skin.choice([*_FILES, host.name])}{host.skin.choice(['', '.conf', '.cfg', '.local', '.rc'])}"
    head = said(host, _HEAD)
    file = placed(host, path, "\n".join([*([head] if head else []), *shown]) + "\n")
    pointed = host.skin.random() < 0.6
    motd = greeting(host, *([line(host, "lead", path=path)] if pointed else []))
    look = [*readings(host, file, needle, pointed, by_name=True), [f"grep -r {host.user} /etc"]]
    return Announcement(needle=needle, motd=motd, files=(file,), look=look)
