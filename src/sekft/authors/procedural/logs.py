"""How lines of a log are written: with which kind of timestamp, and whether their weight is told.

A format is chosen with `draw`. A line names its source once, and its message stands last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sekft.authors.procedural.host import Host

Entry = tuple[str, str, bool]
"""A source, what it says, and whether that is trouble."""


@dataclass(frozen=True)
class LogFormat:
    """stamp: of strftime. layout: of a line, from `at`, `host`, `level`, `source`, `pid` and `message`."""

    stamp: str
    layout: str
    levels: tuple[str, str] = ("INFO", "WARN")

    def text(self, host: Host, entries: Sequence[Entry]) -> str:
        """The file: a line an entry, minutes apart, from a morning some days after the host's files were made."""
        second = host.mtime + host.skin.randrange(86400)
        pids = {source: host.skin.randint(200, 31000) for source in sorted({entry[0] for entry in entries})}
        lines = []
        for source, message, trouble in entries:
            second += host.skin.randint(20, 3000)
            at = f"{datetime.fromtimestamp(second, UTC):{self.stamp}}"
            level = self.levels[trouble]
            lines.append(
                self.layout.format(at=at, host=host.name, level=level, source=source, pid=pids[source], message=message)
            )
        return "".join(line + "\n" for line in lines)


FORMATS = (
    LogFormat("%b %e %H:%M:%S", "{at} {host} {source}: {message}"),
    LogFormat("%b %e %H:%M:%S", "{at} {host} {source}[{pid}]: {message}"),
    LogFormat("%Y-%m-%dT%H:%M:%SZ", "{at} {source}: {message}"),
    LogFormat("%Y-%m-%d %H:%M:%S", "{at} {source} {message}"),
    LogFormat("%Y-%m-%d %H:%M:%S", "{at} [{level}] {source}: {message}", ("info", "warn")),
    LogFormat("%d/%b/%Y:%H:%M:%S +0000", "[{at}] {source} {level} {message}"),
    LogFormat("%Y/%m/%d %H:%M:%S", "{at} [{level}] {pid}#0: {source}: {message}", ("notice", "error")),
)
_BRIEF = LogFormat("%H:%M", "{at} {source}: {message}")


def draw(host: Host) -> LogFormat:
    return _BRIEF if host.brief else host.skin.choice(FORMATS)
