"""The bubblewrap backend: no daemon, no root. Namespaces by bwrap, everything else by the runner."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sekft.errors import SandboxUnavailable
from sekft.protocols import ExecResult, SandboxSpec
from sekft.sandboxes.fixtures import AGENT_ID
from sekft.sandboxes.frames import Frames, StreamEnded
from sekft.sandboxes.pool import Pool, alive
from sekft.sandboxes.session import ShellSession, Snapshot
from sekft.sandboxes.userland import Userland, tools, userland

LAUNCH_UID = 64231
"""Host root starts sandboxes as this uid: root's own files then show as 65534, not as the agent's."""

CLOSE_S = 3.0
HINT = "install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap) and allow unprivileged user namespaces"
_SETUP_CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETPCAP", "CAP_SYS_RESOURCE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH")
_NAMESPACES = (
    "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
    "--uid", str(AGENT_ID), "--gid", str(AGENT_ID),
)  # fmt: skip
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

# Not bwrap's own --dev: its devpts needs a second user namespace, in which the runner could not mount.
_DEVICES = (
    "--tmpfs", "/dev",
    *(part for name in ("null", "zero", "full", "random", "urandom", "tty")
      for part in ("--dev-bind", f"/dev/{name}", f"/dev/{name}")),
    "--symlink", "/proc/self/fd", "/dev/fd", "--symlink", "/proc/self/fd/0", "/dev/stdin",
    "--symlink", "/proc/self/fd/1", "/dev/stdout", "--symlink", "/proc/self/fd/2", "/dev/stderr",
    "--remount-ro", "/dev",
)  # fmt: skip


class BubblewrapSandbox:
    """See protocols.Sandbox. Userland and runner are built on first use."""

    name = "bubblewrap"

    def __init__(self, warm: int = 0) -> None:
        """warm: how many wait. None by default: where the processors are busy, a start costs the same either way."""
        self._pool = Pool(_started, warm, slow=False)
        self._built: dict[str, tuple[Userland, Path]] = {}

    async def _prepared(self, name: str) -> tuple[Userland, Path]:
        """In a thread the first time: a build waits for the network and for other builders."""
        if name not in self._built:
            self._built[name] = await asyncio.to_thread(lambda: (userland(name), tools()))
        return self._built[name]

    @asynccontextmanager
    async def open(self, spec: SandboxSpec, at: Snapshot | None = None) -> AsyncIterator[ShellSession]:
        """A landed session. Raises SandboxUnavailable where bwrap cannot run, InfraError when it broke."""
        chosen, folder = await self._prepared(spec.userland)
        line = command(chosen, folder)
        channel = await _Bwrap.attached(await self._pool.take(line))
        try:
            session = await ShellSession.begun(channel, spec, at, self.name, chosen)
            self._pool.refill(line)
            yield session
        finally:
            await channel.close()

    def fork(self, at: Snapshot) -> AbstractAsyncContextManager[ShellSession]:
        return self.open(at.spec, at)

    def drain(self) -> None:
        """Ends the sandboxes that nobody took."""
        self._pool.drain()

    async def run(self, spec: SandboxSpec, script: str) -> ExecResult:
        async with self.open(spec) as session:
            return await session.exec(script)


def command(chosen: Userland, folder: Path) -> tuple[str, ...]:
    """The command line that starts the runner as PID 1 of a fresh sandbox."""
    bwrap = shutil.which("bwrap")
    if not bwrap:
        raise SandboxUnavailable(f"bubblewrap: no bwrap on PATH; {HINT}")
    launch = [str(folder / "runner"), "launch", str(LAUNCH_UID)] if os.geteuid() == 0 else []
    return (
        *launch, bwrap,
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
        return f"bubblewrap: no bwrap on PATH; {HINT}"
    ids = {"user": LAUNCH_UID, "group": LAUNCH_UID, "extra_groups": []} if os.geteuid() == 0 else {}
    trial = [bwrap, *_NAMESPACES, "--cap-add", "CAP_SYS_ADMIN", "--ro-bind", "/", "/", "--proc", "/proc", "/bin/true"]
    try:
        result = subprocess.run(trial, capture_output=True, text=True, cwd="/", env={}, **ids)  # type: ignore[call-overload]
    except OSError as error:
        return f"bubblewrap: {error}; {HINT}"
    return f"bubblewrap: {result.stderr.strip()[-300:]}; {HINT}" if result.returncode else None


def clean() -> list[str]:
    """Nothing: namespaces, mounts and processes end with the harness, and no file or control group is made."""
    return []


@dataclass(frozen=True, slots=True)
class _Started:
    """log: what bwrap itself says."""

    process: subprocess.Popen[bytes]
    stream: socket.socket
    log: IO[bytes]

    def alive(self) -> bool:
        return self.process.poll() is None and alive(self.stream)

    def close(self) -> None:
        self.stream.close()
        self.log.close()
        self.process.kill()
        self.process.wait()


def _started(arguments: tuple[str, ...]) -> _Started:
    """A blocking spawn: it takes about a millisecond, and asyncio's own would add a thread for each child."""
    ours, theirs = socket.socketpair()
    log = os.fdopen(os.memfd_create("bwrap"), "rb")
    try:
        process = subprocess.Popen(
            arguments,
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
        raise SandboxUnavailable(f"bubblewrap: {arguments[0]}: {error}; {HINT}") from error
    finally:
        theirs.close()
    return _Started(process, ours, log)


class _Bwrap:
    """One bwrap process and the socket to the runner inside. Satisfies session.Channel."""

    def __init__(self, started: _Started, streams: _Streams) -> None:
        self._process = started.process
        self._writer = streams[1]
        self._frames = Frames("bubblewrap", *streams)
        self._log: IO[bytes] | None = started.log
        self._pidfd = os.pidfd_open(started.process.pid)
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # The process is reaped when it ends, even when whoever waits for that has been cancelled.
        asyncio.get_running_loop().add_reader(self._pidfd, self._reap)

    @classmethod
    async def attached(cls, started: _Started) -> _Bwrap:
        try:
            return cls(started, await asyncio.open_connection(sock=started.stream))
        except BaseException:
            started.close()
            raise

    async def ask(self, frame: bytes, wanted: str, timeout_s: float) -> bytes:
        try:
            payload = await self._frames.ask(frame, wanted, timeout_s)
        except StreamEnded as error:
            raise self._broken(error) from error
        self._forget_log()
        return payload

    def _broken(self, ended: StreamEnded) -> Exception:
        """Before the first answer it is the machine that cannot sandbox; bwrap's own words say why."""
        if not self._log:
            return ended
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip()[-400:]
        return SandboxUnavailable(f"bubblewrap: {said or 'ended at once'}; {HINT}")

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
        self._gone.set_result(None)
