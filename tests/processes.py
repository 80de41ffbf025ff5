"""Which processes run on this machine, which of them are below one, and waiting for that to change."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def descendants(*pids: int) -> set[int]:
    """Every process below these, sandboxed ones included."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {*pids}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {*pids}


def named(name: str, below: int) -> set[int]:
    """Processes of that name below that one."""
    found = set()
    for each in descendants(below):
        with suppress(OSError):  # it has just ended
            found |= {each} if Path(f"/proc/{each}/comm").read_text() == f"{name}\n" else set()
    return found


def sandboxes_of(pid: int) -> set[int]:
    """PID 1 of each sandbox below this process, whether bwrap started it or a fork server."""
    return named("init", pid)


def alive(mark: str, below: int | None = None) -> list[str]:
    """Processes whose command line holds the mark: of this machine, or below that process alone."""
    found = []
    for pid in Path("/proc").glob("[0-9]*") if below is None else map(str, descendants(below)):
        with suppress(OSError):  # it has just ended
            if mark in Path("/proc", pid, "cmdline").read_text().replace("\0", " "):
                found.append(Path(pid).name)
    return found


def is_dead(pid: int) -> bool:
    with suppress(OSError):
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    return True


def until(holds: Callable[[], bool], within_s: float = 60.0) -> bool:
    deadline = time.monotonic() + within_s
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return held
