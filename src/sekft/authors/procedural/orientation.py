"""What the system message says: where one is, and the two ways in which a session ends. It asks for nothing."""

from __future__ import annotations

from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import line


def orientation(host: Host) -> str:
    return f"{line(host, 'where')} {line(host, 'ways_out')}"
