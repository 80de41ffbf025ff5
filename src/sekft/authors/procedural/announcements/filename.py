"""The name of an empty file in the home folder says it: nothing has to be opened."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, greeting
from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import said

# Parts are joined by signs that no name holds, so that the tool's stands apart.
_NAME = "[<things>@<tool>|<things>.are.in.<tool>|<things>.for.<user>.in.<tool>|<tool>.holds.<things>|<things>:<tool>|<things>=<tool>|<tool>,the.tool.for.<things>|<things>.via.<tool>|<things>.by.<tool>|<tool>:<things>.of.<user>]"
_THINGS = (
    "requests errands duties jobs orders chores tasks assignments REQUESTS TASKS ORDERS WORK work open.matters".split()
)


def announce(host: Host, tool: str, text: str) -> Announcement:
    things = host.skin.choice(_THINGS)
    name = said(host, _NAME, tool=tool, things=things).replace("WORK.are", "WORK.is").replace("work.are", "work.is")
    file = host.file(f"{host.home}/{name}", "")
    look = [["ls -F"], ["ls"], ["ls -l"], ["ls -la"], ["ls -A"], ["find . -type f"]]
    return Announcement(needle=name, motd=greeting(host), files=(file,), look=look)
