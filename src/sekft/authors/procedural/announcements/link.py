"""A link in the home folder, named after what it is for, points at the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, greeting
from sekft.authors.procedural.host import Host
from sekft.scenario import File

_NAMES = (
    "requests errands duties jobs orders chores tasks assignments my-work open-matters inbox in-tray work todo desk"
)


def announce(host: Host, tool: str, text: str) -> Announcement:
    name, target = host.skin.choice(_NAMES.split()), f"/usr/local/bin/{tool}"
    link = File(path=f"{host.home}/{name}", kind="symlink", target=target, mtime=host.mtime)
    look = [
        [listed, shown]
        for listed in ("ls", "ls -A", "ls -a")
        for shown in (f"ls -l {name}", f"ls -ld {name}", f"ls -la {name}")
    ]
    host.skin.shuffle(look)
    return Announcement(needle=target, motd=greeting(host), files=(link,), look=look)
