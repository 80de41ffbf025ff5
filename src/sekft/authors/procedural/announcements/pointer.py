"""Login names a file, that file names another, and only the second one names the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, greeting, page, placed, readings, somewhere
from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import line


def announce(host: Host, tool: str, text: str) -> Announcement:
    near, far = somewhere(host), somewhere(host)
    told, passed_on = line(host, "lead", path=near), line(host, "lead", path=far)
    first, second = placed(host, near, page(host, passed_on)), placed(host, far, page(host, text))
    hops = readings(host, first, passed_on, told=True), readings(host, second, text, told=True)
    look = [[*one, *two] for one, two in zip(*hops, strict=False)]
    in_banner = host.skin.random() < 0.3
    return Announcement(
        needle=text,
        banner=f"{told}\n" if in_banner else "",
        motd=greeting(host, *([] if in_banner else [told])),
        files=(first, second),
        look=look,
    )
