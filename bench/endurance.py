"""What sessions leave behind, and many at once: `python -m bench.endurance [SESSIONS] [AT_ONCE] [BACKEND]`."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import tempfile
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, fields
from pathlib import Path

from sekft import sandboxes
from sekft.protocols import Sandbox, SandboxSpec
from sekft.scenario import Login

SPEC = SandboxSpec(userland="busybox", login=Login(user="ada", host="slate", home="/home/ada"), files=())
CYCLES_AT_ONCE = 8
ROUNDS = 10
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Left:
    """What there is at a quiet moment. processes: that descend from this one, also those whose parents ended."""

    processes: int
    mounts: int
    descriptors: int
    cgroups: int
    temporary_files: int
    rss_kib: int


def left() -> Left:
    status = Path("/proc/self/status").read_text()
    return Left(
        processes=descendants(os.getpid()),
        mounts=len(Path("/proc/self/mountinfo").read_text().splitlines()),
        descriptors=sum(1 for _ in Path("/proc/self/fd").iterdir()),
        cgroups=sum(len(names) for _, names, _ in os.walk("/sys/fs/cgroup")),
        temporary_files=sum(1 for _ in Path(tempfile.gettempdir()).iterdir()),
        rss_kib=int(status.split("VmRSS:")[1].split()[0]),
    )


def descendants(pid: int) -> int:
    """How many, zombies among them."""
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            below.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found += below.get(each, [])
    return len(found) - 1


async def cycle(sandbox: Sandbox, room: asyncio.Semaphore) -> None:
    async with room, sandbox.open(SPEC) as session:
        result = await session.exec("echo here > note; cat note")
        if result.output != "here\n":
            raise SystemExit(f"a session answered {result.output!r}, want 'here'")


async def endure(sandbox: Sandbox, sessions: int) -> tuple[Left, Left]:
    """What the machine held before, once what is made once was made, and after."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    room = asyncio.Semaphore(CYCLES_AT_ONCE)
    await asyncio.gather(*(cycle(sandbox, room) for _ in range(4 * CYCLES_AT_ONCE)))  # what is made once is made now
    before = left()
    for _ in range(ROUNDS):
        await asyncio.gather(*(cycle(sandbox, room) for _ in range(sessions // ROUNDS)))
        print(f"  resident {left().rss_kib} KiB", file=sys.stderr, flush=True)
    return before, left()


async def crowd(sandbox: Sandbox, at_once: int) -> tuple[int, float]:
    """How many of so many sessions open at once answer, and KiB of the machine's memory for each."""
    free = _available_kib()
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(sandbox.open(SPEC)) for _ in range(at_once)]
        results = await asyncio.gather(*(session.exec("echo $PWD") for session in opened))
        right = sum(result.output == "/home/ada\n" for result in results)
        return right, (free - _available_kib()) / at_once


def _available_kib() -> int:
    return int(Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0])


async def main(sessions: int, at_once: int, backend: str) -> None:
    sandboxes.prepare()
    sandbox = sandboxes.pick(backend)
    before, after = await endure(sandbox, sessions)
    print(f"{sessions} {sandbox.name} sessions started, used and closed; left behind:")
    for field in fields(Left):
        was, now = getattr(before, field.name), getattr(after, field.name)
        print(f"  {field.name:<16} {now - was:+d} ({was} before)")
    right, each_kib = await crowd(sandbox, at_once)
    print(f"{right} of {at_once} sessions open at once answer; {each_kib:.0f} KiB each")


if __name__ == "__main__":
    sessions, at_once, backend, *_ = [*sys.argv[1:], *("10000", "256", "auto")[len(sys.argv) - 1 :]]
    asyncio.run(main(int(sessions), int(at_once), backend))
