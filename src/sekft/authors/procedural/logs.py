"""How lines of a log are written: with which kind of timestamp, and whether their weight is told.

A format is chosen with `draw`. A line names its source once, and its message stands last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from sekft.authors.procedural.host import Host
from sekft.authors.procedural.world import Log

Entry = tuple[str, str, bool]
"""A source, what it says, and whether that is trouble."""


@dataclass(frozen=True)
class LogFormat:
    """stamp: of strftime. layout: of a line, from `at`, `host`, `level`, `source`, `pid` and `message`.

    date: what of the stamp names the day. levels: of ordinary messages and of trouble.
    """

    stamp: str
    layout: str
    date: str
    levels: tuple[str, str] = ("INFO", "WARN")

    def text(self, host: Host, entries: Sequence[Entry], days: Sequence[int] = ()) -> str:
        """The file: a line an entry, minutes apart, from some hours after the host's files were made.

        days: the day of each entry, in order, counted from the first; else they run on.
        """
        pids = {source: host.skin.randint(200, 31000) for source in sorted({entry[0] for entry in entries})}
        seconds, lines = _spread(host, days) if days else _onward(host, len(entries)), []
        for second, (source, message, trouble) in zip(seconds, entries, strict=True):
            at, level = f"{datetime.fromtimestamp(second, UTC):{self.stamp}}", self.levels[trouble]
            lines.append(
                self.layout.format(at=at, host=host.name, level=level, source=source, pid=pids[source], message=message)
            )
        return "".join(line + "\n" for line in lines)

    def starting(self, host: Host, number: int) -> str:
        """A pattern of grep for the lines of that day."""
        return f"^{day(host, number):{self.date}}"

    def said(self, host: Host, number: int) -> str:
        """How a sentence names the day."""
        at = day(host, number)
        return f"{at:%Y-%m-%d}" if self.stamp.startswith("%Y-") else f"{at.day} {at:%B}"


def day(host: Host, number: int) -> datetime:
    """When that day begins, counted from the one on which the host's files were made."""
    return datetime.fromtimestamp(host.mtime - host.mtime % 86400 + number * 86400, UTC)


def _onward(host: Host, count: int) -> list[int]:
    gaps = [host.skin.randrange(6 * 3600, 11 * 3600), *(host.skin.randint(20, 3000) for _ in range(count - 1))]
    return [int(day(host, 0).timestamp()) + second for second in accumulate(gaps)]


def _spread(host: Host, days: Sequence[int]) -> list[int]:
    return sorted(int(day(host, number).timestamp()) + host.skin.randrange(25000, 70000) for number in days)


FORMATS = (
    LogFormat("%b %e %H:%M:%S", "{at} {host} {source}: {message}", "%b %e"),
    LogFormat("%b %e %H:%M:%S", "{at} {host} {source}[{pid}]: {message}", "%b %e"),
    LogFormat("%Y-%m-%dT%H:%M:%SZ", "{at} {source}: {message}", "%Y-%m-%d"),
    LogFormat("%Y-%m-%d %H:%M:%S", "{at} {source} {message}", "%Y-%m-%d"),
    LogFormat("%Y-%m-%d %H:%M:%S", "{at} [{level}] {source}: {message}", "%Y-%m-%d", ("info", "warn")),
)
_BRIEF = LogFormat("%H:%M", "{at} {source}: {message}", "")
_BRIEF_DATED = LogFormat("%Y-%m-%d %H:%M", "{at} {source}: {message}", "%Y-%m-%d")


class Story:
    """What the sources of a log say one after the other: each goes through its messages and has troubles of its own.

    barred: what none of them says. No message names a source.
    """

    def __init__(self, host: Host, log: Log, barred: str = "") -> None:
        self._host = host
        self._lines, self._faults = (
            [text for text in texts if self._free(text, log.sources, barred)] or ["ok"]
            for texts in (log.kind.lines, log.kind.faults)
        )
        self._said: dict[str, int] = {}
        first = host.skin.randrange(len(self._faults))
        self._own = {source: (first + at) % len(self._faults) for at, source in enumerate(log.sources)}

    def next(self, source: str, trouble: bool) -> str:
        """What that source says now."""
        if trouble:
            return self._host.text(self._faults[self._own[source]])
        at = self._said[source] = self._said.get(source, -1) + 1
        return self._host.text(self._lines[at % len(self._lines)])

    def entry(self, source: str) -> Entry:
        """What that source says now, in a quarter of the cases trouble."""
        trouble = self._host.skin.random() < 0.25
        return source, self.next(source, trouble), trouble

    @staticmethod
    def _free(text: str, sources: Sequence[str], barred: str) -> bool:
        low, bar = text.lower(), barred.lower()
        return not any(source in low for source in sources) and not (bar and (bar in low or low in bar))


def draw(host: Host, dated: bool = False) -> LogFormat:
    """dated: whether each line has to tell its day. A brief host's log need not."""
    if not host.brief:
        return host.skin.choice(FORMATS)
    return _BRIEF_DATED if dated else _BRIEF
