"""The docker backend: a container a session, with the runner as its entry point; docs/docker.md tells more.

The engine is asked to create, attach and start, nothing else: the session's frames go over the attached stream,
and the end of that stream, for whatever reason, ends PID 1 and the container, which the engine then removes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import cache
from threading import Lock
from typing import Any, TypeVar

from sekft.errors import InfraError, SandboxUnavailable
from sekft.protocols import ExecResult, SandboxSpec
from sekft.sandboxes import leftovers
from sekft.sandboxes.containers import HINT, ContainerKind, Started, client, engine_says, kind_of, start
from sekft.sandboxes.frames import Frames
from sekft.sandboxes.images import DIGEST_LABEL, chosen
from sekft.sandboxes.pool import Pool
from sekft.sandboxes.session import ShellSession, Snapshot
from sekft.sandboxes.userland import Userland

T = TypeVar("T")
WARM = 2 * (os.cpu_count() or 1)
"""How many started containers wait for a session, once there was a first."""

CLOSE_S = 5.0


class DockerSandbox:
    """See protocols.Sandbox. Images, runner and pool are made on first use."""

    name = "docker"

    def __init__(self, warm: int = WARM) -> None:
        self._pool = Pool(self._start, warm, slow=True)
        self._images: dict[str, tuple[Userland, str]] = {}
        self._building = Lock()
        self._worked = False

    @asynccontextmanager
    async def open(self, spec: SandboxSpec, at: Snapshot | None = None) -> AsyncIterator[ShellSession]:
        """A landed session. Raises SandboxUnavailable where docker cannot run it, InfraError when it broke."""
        if spec.userland not in self._images:
            await asyncio.to_thread(self._image, spec.userland)
        userland, _ = self._images[spec.userland]
        kind = kind_of(spec)
        container = await _Container.attached(await self._pool.take(kind))
        try:
            session = await ShellSession.begun(container, spec, at, self.name, userland)
            self._pool.refill(kind)
            yield session
        finally:
            await container.close()

    def fork(self, at: Snapshot) -> AbstractAsyncContextManager[ShellSession]:
        return self.open(at.spec, at)

    async def run(self, spec: SandboxSpec, script: str) -> ExecResult:
        async with self.open(spec) as session:
            return await session.exec(script)

    def drain(self) -> None:
        """Ends the containers that nobody took."""
        self._pool.drain()

    def _image(self, name: str) -> tuple[Userland, str]:
        if name not in self._images:
            with self._building:
                self._images[name] = self._asked(chosen, client(), name)
        return self._images[name]

    def _start(self, kind: ContainerKind) -> Started:
        started = self._asked(start, client(), self._image(kind.userland)[1], kind)
        self._worked = True
        return started

    def _asked(self, call: Callable[..., T], *arguments: Any) -> T:
        """An engine that has worked before and fails now is broken, not missing: that rollout is tried again."""
        try:
            return engine_says(call, *arguments)
        except SandboxUnavailable as error:
            if self._worked:
                raise InfraError(str(error)) from error
            raise


class _Container:
    """One container and its attached stream, in this event loop. Satisfies session.Channel."""

    def __init__(self, started: Started, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._id = started.id
        self._reader = reader
        self._writer = writer
        self._frames = Frames("docker", _Output(reader), writer)

    @classmethod
    async def attached(cls, started: Started) -> _Container:
        try:
            return cls(started, *await asyncio.open_connection(sock=started.stream))
        except BaseException:
            started.stream.close()
            raise

    async def ask(self, frame: bytes, wanted: str, timeout_s: float) -> bytes:
        return await self._frames.ask(frame, wanted, timeout_s)

    async def close(self) -> None:
        """Waits until PID 1 is gone, and kills the container when it does not go; the engine removes it."""
        try:
            with suppress(OSError):
                self._writer.write_eof()
                async with asyncio.timeout(CLOSE_S):
                    while await self._reader.read(1 << 16):
                        pass
                return
            await asyncio.shield(asyncio.to_thread(_kill, self._id))
        finally:
            self._writer.transport.abort()


class _Output:
    """The runner's side of a stream in which the engine mixes stdout and stderr, each piece with a head of 8 bytes."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._held = bytearray()

    async def readexactly(self, n: int, /) -> bytes:
        while len(self._held) < n:
            head = await self._reader.readexactly(8)
            piece = await self._reader.readexactly(int.from_bytes(head[4:], "big"))
            if head[0] == 1:
                self._held += piece
        wanted = bytes(self._held[:n])
        del self._held[:n]
        return wanted


def _kill(container: str) -> None:
    with suppress(SandboxUnavailable):  # gone already, or the engine is: nothing more can be done
        engine_says(lambda: client().remove_container(container, force=True))


@cache
def backend() -> DockerSandbox:
    return DockerSandbox()


def probe() -> str | None:
    """Why the engine cannot be used; None when it answers and can filter system calls."""
    try:
        options = engine_says(client().info)["SecurityOptions"]
    except SandboxUnavailable as error:
        return str(error)
    if not any("seccomp" in option for option in options):
        return f"docker: the engine has no seccomp; {HINT}"
    return None


def clean() -> list[str]:
    """Removes what killed harnesses left with the engine; tells what. Raises SandboxUnavailable without an engine."""
    return engine_says(leftovers.remove, client(), DIGEST_LABEL)
