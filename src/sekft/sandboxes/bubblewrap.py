"""The bubblewrap backend: no daemon, no root. Namespaces by bwrap, everything else by the runner."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from sekft.errors import InfraError, SandboxUnavailable
from sekft.protocols import SandboxSpec
from sekft.sandboxes import cgroup
from sekft.sandboxes.advice import INSTALL, explained, has_id
from sekft.sandboxes.fixtures import AGENT_ID
from sekft.sandboxes.pool import PooledSandbox, alive, memory_of
from sekft.sandboxes.runner.build import runner
from sekft.sandboxes.userland import Userland, tools, userland
from sekft.sandboxes.wire import FrameStream, StreamEnded

LAUNCH_UID = 64231
"""Host root starts sandboxes as this uid: root's own files then show as 65534, not as the agent's. The next uid is the
second one, to which fixtures of root are given."""

CLOSE_S = 3.0
SUBUID, SUBGID = Path("/etc/subuid"), Path("/etc/subgid")
_SETUP_CAPABILITIES = (
    "CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_SETPCAP", "CAP_SYS_RESOURCE", "CAP_CHOWN", "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH", "CAP_WAKE_ALARM",
)  # fmt: skip
_NAMESPACES = (
    "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
    "--uid", str(AGENT_ID), "--gid", str(AGENT_ID),
)  # fmt: skip
CommandLine = tuple[str, ...]

# Not bwrap's own --dev: its devpts needs a second user namespace, in which the runner could not mount.
_DEVICES = (
    "--tmpfs", "/dev",
    *(part for name in ("null", "zero", "full", "random", "urandom", "tty")
      for part in ("--dev-bind", f"/dev/{name}", f"/dev/{name}")),
    "--symlink", "/proc/self/fd", "/dev/fd", "--symlink", "/proc/self/fd/0", "/dev/stdin",
    "--symlink", "/proc/self/fd/1", "/dev/stdout", "--symlink", "/proc/self/fd/2", "/dev/stderr",
    "--remount-ro", "/dev",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StartedProcess:
    """Satisfies pool.Started. log: what bwrap itself says. group: a control group of its own, where one can be had."""

    process: subprocess.Popen[bytes]
    stream: socket.socket
    log: IO[bytes]
    group: Path | None

    def alive(self) -> bool:
        return self.process.poll() is None and alive(self.stream)

    def close(self) -> None:
        self.stream.close()
        self.log.close()
        self.process.kill()
        self.process.wait()
        cgroup.remove(self.group)


@dataclass(frozen=True, slots=True)
class BubblewrapKind:
    """What a sandbox must have from its start; all else comes with SETUP."""

    command: CommandLine
    memory_bytes: int


class BubblewrapSandbox(PooledSandbox[CommandLine, BubblewrapKind, StartedProcess]):
    """See protocols.Sandbox. Userland and runner are built on first use."""

    name = "bubblewrap"

    def __init__(self, warm: int = 0, *, second_uid: bool = True) -> None:
        """warm: how many wait. None by default: where the processors are busy, a start costs the same either way.

        second_uid: False shows fixtures of root as the agent's even where a second uid can be had.
        """
        super().__init__(warm, slow=False)
        self._second_uid = second_uid

    def _root(self, name: str) -> tuple[Userland, CommandLine]:
        chosen = userland(name)
        return chosen, command(chosen, tools(chosen.dash), self._second_uid and no_second_uid() is None)

    def _kind(self, spec: SandboxSpec, root: CommandLine) -> BubblewrapKind:
        return BubblewrapKind(root, memory_of(spec.limits))

    def _start(self, kind: BubblewrapKind) -> StartedProcess:
        """A blocking spawn: it takes about a millisecond, and asyncio's own would add a thread for each child."""
        ours, theirs = socket.socketpair()
        log = os.fdopen(os.memfd_create("bwrap"), "rb")
        group, bounded, members = _group(kind)
        try:
            process = subprocess.Popen(
                (*bounded, *kind.command),
                pass_fds=(*_inherited(kind.command), *members),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=log.fileno(),
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            log.close()
            cgroup.remove(group)
            raise SandboxUnavailable(f"bubblewrap: {_explained(f'{kind.command[0]}: {error}')}") from error
        finally:
            theirs.close()
            for fd in members:
                os.close(fd)
        return StartedProcess(process, ours, log, group)

    def _channel(self, started: StartedProcess, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Bwrap:
        return _Bwrap(started, reader, writer)


def command(chosen: Userland, folder: Path, second_uid: bool) -> CommandLine:
    """The command line that starts the runner as PID 1 of a fresh sandbox."""
    bwrap = shutil.which("bwrap")
    if not bwrap:
        raise SandboxUnavailable(f"bubblewrap: no bwrap on PATH; {INSTALL}")
    return (
        *_launch(folder / "runner", second_uid), bwrap,
        *_NAMESPACES, "--as-pid-1", "--die-with-parent",
        *(part for capability in _SETUP_CAPABILITIES for part in ("--cap-add", capability)),
        "--ro-bind", str(chosen.rootfs), "/", "--proc", "/proc", *_DEVICES,
        "--ro-bind", str(folder), "/usr/lib/sekft", "/usr/lib/sekft/runner",
    )  # fmt: skip


def backend() -> BubblewrapSandbox:
    return BubblewrapSandbox()


def probe() -> str | None:
    """Why a sandbox cannot be made here, found by making one; None when it can."""
    bwrap = shutil.which("bwrap")
    if not bwrap:
        return f"bubblewrap: no bwrap on PATH; {INSTALL}"
    ids = {"user": LAUNCH_UID, "group": LAUNCH_UID, "extra_groups": []} if os.geteuid() == 0 else {}
    fault = _tried([bwrap], **ids)
    return f"bubblewrap: {_explained(fault)}" if fault is not None else None


def _explained(fault: str) -> str:
    return explained(fault, LAUNCH_UID + 1)


@cache
def no_second_uid() -> str | None:
    """Why fixtures of root show as the agent's here, found by mapping a second id; None when they show as root's."""
    bwrap = shutil.which("bwrap")
    if not bwrap:
        return "no bwrap on PATH"
    if os.geteuid() == 0 and not has_id(LAUNCH_UID + 1):
        return f"uid {LAUNCH_UID + 1} is none of this user namespace"
    if os.geteuid() and _second_ids() is None:
        return f"no range of this user's in {SUBUID} and {SUBGID}"
    if os.geteuid() and not all(map(shutil.which, ("newuidmap", "newgidmap"))):
        return "no newuidmap and newgidmap on PATH"
    try:
        return _tried([*_launch(runner(), True), bwrap])
    except SandboxUnavailable as error:
        return str(error)


def _tried(start: list[str], **ids: Any) -> str | None:
    """What is said when /bin/true cannot run in namespaces like the sandbox's; None when it can."""
    trial = [*start, *_NAMESPACES, "--cap-add", "CAP_SYS_ADMIN", "--ro-bind", "/", "/", "--proc", "/proc", "/bin/true"]
    try:
        result = subprocess.run(
            trial, capture_output=True, text=True, cwd="/", env={}, pass_fds=_inherited(start), **ids
        )
    except OSError as error:
        return str(error)
    return (result.stderr.strip()[-300:] or f"exit status {result.returncode}") if result.returncode else None


def _launch(program: Path, second_uid: bool) -> list[str]:
    """What comes before bwrap: nothing for an ordinary user without a second uid. Raises SandboxUnavailable."""
    if os.geteuid() == 0:
        return [str(program), "launch", str(LAUNCH_UID), str(LAUNCH_UID + 1 if second_uid else 0)]
    return [str(program), "within", str(_shared_namespace(program))] if second_uid else []


def _inherited(start: Sequence[str]) -> tuple[int, ...]:
    return (int(start[2]),) if "within" in start[1:2] else ()


@cache
def _shared_namespace(program: Path) -> int:
    """A descriptor, open as long as we live, of an ordinary user's namespace of two ids. Raises SandboxUnavailable."""
    share = [str(program), "share", *map(str, _second_ids() or ())]
    with subprocess.Popen(
        share, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as held:
        number = held.stdout.readline().strip() if held.stdout else ""
        if not number:
            raise SandboxUnavailable(held.stderr.read().strip()[-300:] if held.stderr else "")
        return os.open(f"/proc/{held.pid}/fd/{number}", os.O_RDONLY)


def _second_ids() -> tuple[int, int] | None:
    """An ordinary user's, on the host: the first uid and gid of its ranges."""
    uid, gid = _first_of_range(SUBUID), _first_of_range(SUBGID)
    return None if uid is None or gid is None else (uid, gid)


def _first_of_range(table: Path) -> int | None:
    """Lines are `name-or-uid:first:count`."""
    user = {str(os.geteuid())}
    with suppress(KeyError):
        user.add(pwd.getpwuid(os.geteuid()).pw_name)
    with suppress(OSError):
        for line in table.read_text().splitlines():
            name, _, rest = line.partition(":")
            first, _, count = rest.partition(":")
            if name in user and first.isdigit() and count.strip().isdigit() and int(count):
                return int(first)
    return None


def _group(kind: BubblewrapKind) -> tuple[Path | None, CommandLine, tuple[int, ...]]:
    """The sandbox's own control group, what comes before its command to join it, the descriptors to join it by.

    Raises InfraError where one could be had and cannot any more.
    """
    if cgroup.why_not():
        return None, (), ()
    try:
        group = cgroup.division().part(kind.memory_bytes)
        members = os.open(group / "cgroup.procs", os.O_WRONLY)
    except OSError as error:
        raise InfraError(f"bubblewrap: no control group can be made: {error}") from error
    return group, (str(runner()), "bounded", str(members)), (members,)


def clean() -> list[str]:
    """Nothing: namespaces, mounts and processes end with the harness, and control groups a moment later."""
    return []


class _Bwrap(FrameStream):
    """One bwrap process and the socket to the runner inside. Satisfies wire.Channel."""

    def __init__(self, started: StartedProcess, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__("bubblewrap", reader, writer)
        self._process = started.process
        self._log: IO[bytes] | None = started.log
        self._group = started.group
        self._pidfd = os.pidfd_open(started.process.pid)
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # The process is reaped when it ends, even when whoever waits for that has been cancelled.
        asyncio.get_running_loop().add_reader(self._pidfd, self._reap)

    async def ask(self, frame: bytes, expected: str, timeout_s: float) -> bytes:
        try:
            payload = await super().ask(frame, expected, timeout_s)
        except StreamEnded as error:
            if not self._log:
                raise
            # Before the first answer it is the machine that cannot sandbox; bwrap's own words say why.
            self._log.seek(0)
            reason = self._log.read().decode(errors="replace").strip()[-400:]
            raise SandboxUnavailable(f"bubblewrap: {_explained(reason or 'ended at once')}") from error
        self._forget_log()
        return payload

    def _forget_log(self) -> None:
        if self._log:
            self._log.close()
            self._log = None

    async def close(self) -> None:
        """The end of the stream ends PID 1 and with it the sandbox; bwrap follows, or is killed."""
        self._forget_log()
        with suppress(OSError):
            self._writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._writer.transport.abort()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._gone), CLOSE_S)
        finally:
            if not self._gone.done():  # slow to end, or we are cancelled
                self._process.kill()
                self._reap()

    def _reap(self) -> None:
        if self._gone.done():
            return
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._process.wait()
        cgroup.remove(self._group)
        self._gone.set_result(None)
