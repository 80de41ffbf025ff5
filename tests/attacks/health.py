"""What must be the same on the host after an attack as before it."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path

from sekft.protocols import Sandbox, Session

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def host(sandbox: Sandbox) -> dict[str, object]:
    """This process's limits and standing, and the machine's names and knobs. A warm pool may open descriptors."""
    pooled = sandbox.name == "docker"
    return {
        "name": (socket.gethostname(), Path("/proc/sys/kernel/domainname").read_text()),
        "namespaces": Path("/proc/sys/user/max_user_namespaces").read_text(),
        "core": Path("/proc/sys/kernel/core_pattern").read_text(),
        "descriptors": pooled or sorted(path.name for path in Path("/proc/self/fd").iterdir()),
        "limits": [resource.getrlimit(which) for which in range(16)],
        "standing": (os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0), Path.cwd(), os.getpid()),
        "mounts": [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if "/sekft" in line],
    }


async def namespaces(session: Session) -> dict[str, str]:
    """The ids of the sandbox's namespaces."""
    result = await session.exec(f"for n in {' '.join(NAMESPACES)}; do readlink /proc/self/ns/$n; done")
    return dict(zip(NAMESPACES, result.output.split(), strict=True))


def shared(inside: dict[str, str]) -> list[str]:
    """Those of them that are this process's own, which is the host's."""
    return [name for name in NAMESPACES if inside[name] == str(Path(f"/proc/self/ns/{name}").readlink())]


def living(pid_namespace: str) -> set[tuple[str, str]]:
    """This machine's processes in that PID namespace, so far as they can be read: pid and start time.

    The id of a namespace is given out again; a pid with its start time is not.
    """
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if str((folder / "ns" / "pid").readlink()) == pid_namespace:
                found.add((folder.name, (folder / "stat").read_text().rpartition(")")[2].split()[19]))
        except OSError:
            continue
    return found


def until(holds: Callable[[], bool], within_s: float = 10.0) -> bool:
    """Wait for what another process does a moment later."""
    deadline = time.monotonic() + within_s
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()
