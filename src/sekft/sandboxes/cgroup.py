"""A control group for each sandbox: a bound on the memory of all its processes together.

It lies in our own group, where the kernel lets us divide that: version 1's memory controller as root, version 2's as
root of the hierarchy or where the group was delegated to us (`systemd-run --user --scope -p Delegate=yes`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sekft.errors import SandboxUnavailable
from sekft.sandboxes.runner.build import runner

HARNESS = "sekft-harness"
"""Where version 2 wants us to be ourselves: a group that is divided holds no process."""
_NO_SWAP = {"memory.limit_in_bytes": "memory.memsw.limit_in_bytes", "memory.max": "memory.swap.max"}


@dataclass(frozen=True, slots=True)
class Division:
    """A group that we may divide. limit: the file of a part that holds its bound. members: by which one enters it.

    Whoever enters by `tasks` moves one thread, and not every fork of the machine waits for that.
    """

    folder: Path
    prefix: str
    limit: str
    members: str

    def part(self, limit_bytes: int) -> Path:
        """A fresh group of that bound, without swap. Raises OSError."""
        part = self.folder / f"{self.prefix}{secrets.token_hex(6)}"
        part.mkdir()
        (part / self.limit).write_text(str(limit_bytes))
        with suppress(OSError):  # where the kernel does not count swap
            (part / _NO_SWAP[self.limit]).write_text("0" if self.limit == "memory.max" else str(limit_bytes))
        return part


_lingering: set[Path] = set()


def remove(part: Path | None) -> None:
    """What still holds a process is tried again with the next, and in the end by who watches over us."""
    _lingering.update([part] if part else [])
    for each in list(_lingering):
        with suppress(OSError):
            each.rmdir()
            _lingering.discard(each)


def why_not() -> str | None:
    """Why memory has no bound over all processes of a bubblewrap sandbox here; None where it has one."""
    try:
        division()
    except SandboxUnavailable as error:
        return str(error)
    return None


@cache
def division() -> Division:
    """Found by dividing our group. Raises SandboxUnavailable with the reason where that cannot be done."""
    prefix = f"sekft-{os.getpid()}-"
    try:
        made = Division(_of_version_1(), prefix, "memory.limit_in_bytes", "tasks")
    except LookupError:
        made = Division(_of_version_2(), prefix, "memory.max", "cgroup.procs")
    try:
        made.part(1 << 30).rmdir()
    except OSError as error:
        raise SandboxUnavailable(f"the control group {made.folder} cannot be divided: {error.strerror}") from error
    _watch(made)
    return made


def _of_version_1() -> Path:
    for controllers, path in _memberships():
        if "memory" in controllers.split(","):
            return _mounted("cgroup", "memory", path)
    raise LookupError


def _of_version_2() -> Path:
    try:
        group = _mounted("cgroup2", "", next(path for controllers, path in _memberships() if not controllers))
        if group.name == HARNESS:
            return group.parent
        if "memory" not in (group / "cgroup.controllers").read_text().split():
            raise SandboxUnavailable(f"the control group {group} has no memory controller")
        if (group / "cgroup.type").exists():  # it is not the root of the hierarchy
            _make_room(group)
        (group / "cgroup.subtree_control").write_text("+memory")
    except (LookupError, StopIteration) as error:
        raise SandboxUnavailable("no control group for memory is mounted") from error
    except OSError as error:
        raise SandboxUnavailable(f"the control group cannot be divided: {error}") from error
    return group


def _make_room(group: Path) -> None:
    """Move ourselves into a part. Where others are in the group, it is not ours to divide."""
    members = set((group / "cgroup.procs").read_text().split())
    if members != {str(os.getpid())}:
        raise SandboxUnavailable(f"the control group {group} holds other processes than this one")
    (group / HARNESS).mkdir(exist_ok=True)
    (group / HARNESS / "cgroup.procs").write_text(str(os.getpid()))


def _memberships() -> Iterator[tuple[str, str]]:
    """(controllers, path) of each hierarchy; version 2 names no controllers."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            yield controllers, path


def _mounted(kind: str, controller: str, path: str) -> Path:
    """Where that group can be seen. Raises LookupError where it cannot."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, of_kind = line.partition(" - ")
        root, at = fields.split()[3:5]
        mounted, _, options = of_kind.split(" ", 2)
        if mounted == kind and (not controller or controller in options.split(",")) and path.startswith(root):
            return Path(at, path.removeprefix(root).lstrip("/"))
    raise LookupError


def _watch(division: Division) -> None:
    """A process that outlives us by a moment, however we end, and removes what is left of the parts."""
    program = str(runner())
    ours, theirs = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, ours, 0), (os.POSIX_SPAWN_CLOSE, theirs)]
    command = [program, "tidy", str(division.folder), division.prefix]
    os.posix_spawn(program, command, {}, file_actions=actions, setsid=True)
    os.close(ours)
