"""The bubblewrap backend: no daemon, no root. Namespaces by bwrap, everything else by the runner."""

from __future__ import annotations

import asyncio
import os
import pwd
import select
import shutil
import signal
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
from sekft.sandboxes import cgroup, fork_server
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
_MAPPING_CAPABILITIES = ("CAP_SETUID", "CAP_SETGID")
_NAMESPACES = (
    "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
    "--uid", str(AGENT_ID), "--gid", str(AGENT_ID),
)  # fmt: skip
_OF_A_SANDBOX = ("--unshare-cgroup-try", "--die-with-parent")
"""Not of a fork server: its sandboxes join groups outside its own, and it outlives the thread that starts it."""
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
class Commands:
    """What starts the runner as PID 1 of a fresh sandbox, and what starts it as a fork server of such."""

    sandbox: CommandLine
    server: CommandLine


@dataclass(frozen=True, slots=True)
class StartedProcess:
    """Satisfies pool.Started.

    pidfd:      of what ends with the sandbox: bwrap, or a fork server's child.
    group:      a control group of its own, where one can be had.
    bwrap, log: None where it was forked. log: what bwrap itself says.
    """

    pidfd: int
    stream: socket.socket
    group: Path | None
    bwrap: subprocess.Popen[bytes] | None = None
    log: IO[bytes] | None = None

    def alive(self) -> bool:
        return not _ended(self.pidfd, 0) and alive(self.stream)

    def close(self) -> None:
        self.stream.close()
        self.kill()
        self.reap()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def reap(self) -> None:
        """Wait for its end and leave nothing of it."""
        _ended(self.pidfd, None)
        os.close(self.pidfd)
        if self.bwrap:
            self.bwrap.wait()
        if self.log:
            self.log.close()
        cgroup.remove(self.group)


def _ended(pidfd: int, timeout_ms: int | None) -> bool:
    """Whether that process has ended within the time; None waits for it."""
    watch = select.poll()
    watch.register(pidfd, select.POLLIN)
    return bool(watch.poll(timeout_ms))


@dataclass(frozen=True, slots=True)
class BubblewrapKind:
    """What a sandbox must have from its start; all else comes with SETUP."""

    commands: Commands
    memory_bytes: int


class BubblewrapSandbox(PooledSandbox[Commands, BubblewrapKind, StartedProcess]):
    """See protocols.Sandbox. Userland and runner are built on first use."""

    name = "bubblewrap"

    def __init__(self, warm: int = 0, *, second_uid: bool = True, fork_server: bool = True) -> None:
        """warm: how many wait. None by default: where the processors are busy, a start costs the same either way.

        second_uid: False shows fixtures of root as the agent's even where a second uid can be had.
        fork_server: False lets bwrap start each sandbox.
        """
        super().__init__(warm, slow=False)
        self._second_uid, self._fork_server = second_uid, fork_server

    def _root(self, name: str) -> tuple[Userland, Commands]:
        chosen = userland(name)
        return chosen, commands(chosen, tools(chosen.dash), self._second_uid and no_second_uid() is None)

    def _kind(self, spec: SandboxSpec, root: Commands) -> BubblewrapKind:
        return BubblewrapKind(root, memory_of(spec.limits))

    def _start(self, kind: BubblewrapKind) -> StartedProcess:
        """Blocks for a millisecond; asyncio's own spawn would add a thread for each child."""
        ours, theirs = socket.socketpair()
        group: Path | None = None
        members: Sequence[int] = ()
        try:
            group, members = _group(kind)
            with theirs:
                return self._forked(kind, group, members, ours, theirs) or _spawned(kind, group, members, ours, theirs)
        except BaseException:
            ours.close()
            cgroup.remove(group)
            raise
        finally:
            for fd in members:
                os.close(fd)

    def _forked(
        self,
        kind: BubblewrapKind,
        group: Path | None,
        members: Sequence[int],
        ours: socket.socket,
        theirs: socket.socket,
    ) -> StartedProcess | None:
        server = kind.commands.server
        pidfd = fork_server.forked(server, _inherited(server), theirs, members) if self._fork_server else None
        return None if pidfd is None else StartedProcess(pidfd, ours, group)

    def _channel(self, started: StartedProcess, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Bwrap:
        return _Bwrap(started, reader, writer)


def _spawned(
    kind: BubblewrapKind, group: Path | None, members: Sequence[int], ours: socket.socket, theirs: socket.socket
) -> StartedProcess:
    """One that bwrap starts. Raises SandboxUnavailable."""
    command = kind.commands.sandbox
    bounded = (str(runner()), "bounded", str(members[0])) if members else ()
    log = os.fdopen(os.memfd_create("bwrap"), "rb")
    try:
        process = subprocess.Popen(
            (*bounded, *command),
            pass_fds=(*_inherited(command), *members),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=log.fileno(),
            env={},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        log.close()
        raise SandboxUnavailable(f"bubblewrap: {_explained(f'{command[0]}: {error}')}") from error
    return StartedProcess(os.pidfd_open(process.pid), ours, group, process, log)


def commands(chosen: Userland, folder: Path, second_uid: bool) -> Commands:
    bwrap = shutil.which("bwrap")
    if not bwrap:
        raise SandboxUnavailable(f"bubblewrap: no bwrap on PATH; {INSTALL}")
    start = (*_launch(folder / "runner", second_uid), bwrap, *_NAMESPACES)
    root = (
        "--ro-bind", str(chosen.rootfs), "/", "--proc", "/proc", *_DEVICES,
        "--ro-bind", str(folder), "/usr/lib/sekft", "/usr/lib/sekft/runner",
    )  # fmt: skip
    rights = ("--as-pid-1", *_rights(_SETUP_CAPABILITIES))
    return Commands(
        (*start, *_OF_A_SANDBOX, *rights, *root),
        (*start, *rights, *_rights(_MAPPING_CAPABILITIES), *root, "forkserver"),
    )


def _rights(capabilities: Sequence[str]) -> CommandLine:
    return tuple(part for capability in capabilities for part in ("--cap-add", capability))


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


def _group(kind: BubblewrapKind) -> tuple[Path | None, tuple[int, ...]]:
    """The sandbox's own control group, and the descriptors to join it by.

    Raises InfraError where one could be had and cannot any more.
    """
    if cgroup.why_not():
        return None, ()
    try:
        division = cgroup.division()
        group = division.part(kind.memory_bytes)
        return group, (os.open(group / division.members, os.O_WRONLY),)
    except OSError as error:
        raise InfraError(f"bubblewrap: no control group can be made: {error}") from error


def clean() -> list[str]:
    """Nothing: namespaces, mounts and processes end with the harness, and control groups a moment later."""
    return []


class _Bwrap(FrameStream):
    """One sandbox and the socket to the runner inside. Satisfies wire.Channel."""

    def __init__(self, started: StartedProcess, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__("bubblewrap", reader, writer)
        self._started, self._begins = started, True
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # The process is reaped when it ends, even when whoever waits for that has been cancelled.
        asyncio.get_running_loop().add_reader(started.pidfd, self._reap)

    async def ask(self, frame: bytes, expected: str, timeout_s: float) -> bytes:
        try:
            payload = await super().ask(frame, expected, timeout_s)
        except StreamEnded as error:
            log = self._started.log
            if not self._begins or log is None:
                raise
            # Before the first answer it is the machine that cannot sandbox; bwrap's own words say why.
            log.seek(0)
            reason = log.read().decode(errors="replace").strip()[-400:]
            raise SandboxUnavailable(f"bubblewrap: {_explained(reason or 'ended at once')}") from error
        self._begins = False
        return payload

    async def close(self) -> None:
        """The end of the stream ends PID 1 and with it the sandbox; bwrap follows, or is killed."""
        with suppress(OSError):
            self._writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._writer.transport.abort()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._gone), CLOSE_S)
        finally:
            if not self._gone.done():  # slow to end, or we are cancelled
                self._started.kill()
                self._reap()

    def _reap(self) -> None:
        if self._gone.done():
            return
        asyncio.get_running_loop().remove_reader(self._started.pidfd)
        self._started.reap()
        self._gone.set_result(None)
