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

    def starting(self, host: Host, day: int) -> str:
        """A pattern of grep for the lines of that day."""
        return "^" + r"\[" * self.layout.startswith("[") + f"{_day(host, day):{self.date}}"

    def said(self, host: Host, day: int) -> str:
        """How a sentence names the day."""
        at = _day(host, day)
        return f"{at:%Y-%m-%d}" if self.stamp.startswith("%Y-") else f"{at.day} {at:%B}"


def _day(host: Host, day: int) -> datetime:
    return datetime.fromtimestamp(host.mtime - host.mtime % 86400 + day * 86400, UTC)


def _onward(host: Host, count: int) -> list[int]:
    gaps = [host.skin.randrange(86400), *(host.skin.randint(20, 3000) for _ in range(count - 1))]
    return [host.mtime + second for second in accumulate(gaps)]


def _spread(host: Host, days: Sequence[int]) -> list[int]:
    return sorted(int(_day(host, day).timestamp()) + host.skin.randrange(25000, 70000) for day in days)


FORMATS = (
    LogFormat("%b %e %H:%M:%S", "{at} {host} {source}: {message}", "%b %e"),
    LogFormat("%b %e %H:%M:%S", "{at} {host} {source}[{pid}]: {message}", "%b %e"),
    LogFormat("%Y-%m-%dT%H:%M:%SZ", "{at} {source}: {message}", "%Y-%m-%d"),
    LogFormat("%Y-%m-%d %H:%M:%S", "{at} {source} {message}", "%Y-%m-%d"),
    LogFormat("%Y-%m-%d %H:%M:%S", "{at} [{level}] {source}: {message}", "%Y-%m-%d", ("info", "warn")),
    LogFormat("%d/%b/%Y:%H:%M:%S +0000", "[{at}] {source} {level} {message}", "%d/%b/%Y"),
    LogFormat("%Y/%m/%d %H:%M:%S", "{at} [{level}] {pid}#0: {source}: {message}", "%Y/%m/%d", ("notice", "error")),
)
_BRIEF = LogFormat("%H:%M", "{at} {source}: {message}", "")
_BRIEF_DATED = LogFormat("%Y-%m-%d %H:%M", "{at} {source}: {message}", "%Y-%m-%d")


def message(host: Host, log: Log, barred: str = "") -> tuple[str, bool]:
    """What a source says that names none of them, and whether it is trouble. barred: what it does not say, either."""
    for _ in range(40):
        trouble = host.skin.random() < 0.25
        text = host.text(host.skin.choice(log.kind.faults if trouble else log.kind.lines))
        clash = bool(barred) and (barred.lower() in text.lower() or text.lower() in barred.lower())
        if not clash and not any(source in text.lower() for source in log.sources):
            return text, trouble
    return "ok", False


def draw(host: Host, dated: bool = False) -> LogFormat:
    """dated: whether each line has to tell its day. A brief host's log need not."""
    if not host.brief:
        return host.skin.choice(FORMATS)
    return _BRIEF_DATED if dated else _BRIEF
