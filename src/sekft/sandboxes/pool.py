"""Started sandboxes that wait for a session, and what every backend that starts such sandboxes shares.

Each is taken once, replaced behind the taker, and ended when the pool is drained.
"""

from __future__ import annotations

import asyncio
import atexit
import socket
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from threading import Lock
from typing import Generic, Protocol, TypeVar

from sekft.errors import InfraError, SandboxUnavailable
from sekft.protocols import ExecResult, Limits, SandboxSpec
from sekft.sandboxes.session import ShellSession, Snapshot
from sekft.sandboxes.userland import Userland
from sekft.sandboxes.wire import Channel

STARTERS = 4
"""How many may be starting at once."""
RUNNER_BYTES = 32 << 20
"""What the runner and the kernel's own tables may take beside what limits give the agent."""


def memory_of(limits: Limits) -> int:
    """Bytes that all processes of a sandbox may hold together, files included."""
    return limits.memory_bytes + limits.writable_bytes + RUNNER_BYTES


class Started(Protocol):
    """A sandbox whose runner waits for SETUP. Its stream belongs to no event loop yet."""

    @property
    def stream(self) -> socket.socket: ...

    def alive(self) -> bool: ...

    def close(self) -> None:
        """End it."""
        ...


RootT = TypeVar("RootT")
KindT = TypeVar("KindT", bound=Hashable)
StartedT = TypeVar("StartedT", bound=Started)


class Pool(Generic[KindT, StartedT]):
    """start: makes one of a kind; blocks. Raises SandboxUnavailable or InfraError.

    warm: how many of a kind wait, once there was a first; 0 for none, and then drain() has nothing to end.
    slow: what is not there is started in a thread, because that takes long.
    """

    def __init__(self, start: Callable[[KindT], StartedT], warm: int, slow: bool) -> None:
        self._start, self._warm, self._slow = start, warm, slow
        self._waiting: dict[KindT, deque[StartedT]] = defaultdict(deque)
        self._starting: dict[KindT, int] = defaultdict(int)
        # Its threads live until drain(): what a thread started dies with that thread.
        self._threads = ThreadPoolExecutor(STARTERS, "sekft-pool")
        self._lock = Lock()
        if warm:
            atexit.register(self.drain)

    async def take(self, kind: KindT) -> StartedT:
        """One that nobody used; one that died while it waited is passed over."""
        if (started := self._alive(kind)) is not None:
            return started
        if not self._slow:
            return self._start(kind)
        starting = asyncio.wrap_future(self._threads.submit(self._start, kind))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(_discard)
            raise

    def drain(self) -> None:
        """End those that nobody took. Idempotent; nothing can be taken afterwards."""
        atexit.unregister(self.drain)
        self._threads.shutdown(wait=True, cancel_futures=True)
        for waiting in self._waiting.values():
            while waiting:
                waiting.pop().close()

    def _alive(self, kind: KindT) -> StartedT | None:
        while True:
            with self._lock:
                if not (waiting := self._waiting[kind]):
                    return None
                started = waiting.popleft()
            if started.alive():
                return started
            started.close()

    def refill(self, kind: KindT) -> None:
        """Start what is missing. For takers that have landed: sooner, the new ones would slow them down."""
        with self._lock:
            missing = min(STARTERS, self._warm - len(self._waiting[kind]) - self._starting[kind])
            self._starting[kind] += max(0, missing)
        for _ in range(missing):
            self._threads.submit(self._start_one, kind)

    def _start_one(self, kind: KindT) -> None:
        try:
            started = self._start(kind)
            with self._lock:
                self._waiting[kind].append(started)
        except (SandboxUnavailable, InfraError):
            pass  # whoever needs one starts it, and gets the error
        finally:
            with self._lock:
                self._starting[kind] -= 1


class PooledSandbox(ABC, Generic[RootT, KindT, StartedT]):
    """A backend that starts sandboxes and puts a ShellSession into each; see protocols.Sandbox.

    It defines what a userland's root is to it, which kind of sandbox a spec requires, and how one of a kind starts.
    """

    name: str

    def __init__(self, warm: int, slow: bool) -> None:
        self._pool: Pool[KindT, StartedT] = Pool(self._start, warm, slow)
        self._roots: dict[str, tuple[Userland, RootT]] = {}
        self._building = Lock()

    @abstractmethod
    def _root(self, name: str) -> tuple[Userland, RootT]:
        """The userland of that name and what sandboxes start from; built on first use, which blocks."""

    @abstractmethod
    def _kind(self, spec: SandboxSpec, root: RootT) -> KindT: ...

    @abstractmethod
    def _start(self, kind: KindT) -> StartedT:
        """Start one; blocks. Raises SandboxUnavailable or InfraError."""

    @abstractmethod
    def _channel(self, started: StartedT, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Channel:
        """The way to its runner, in this event loop."""

    @asynccontextmanager
    async def open(self, spec: SandboxSpec, at: Snapshot | None = None) -> AsyncIterator[ShellSession]:
        """A landed session. Raises SandboxUnavailable where the backend cannot run, InfraError when it broke."""
        if spec.userland not in self._roots:
            await asyncio.to_thread(self._prepare, spec.userland)
        userland, root = self._roots[spec.userland]
        kind = self._kind(spec, root)
        channel = await self._attached(await self._pool.take(kind))
        try:
            session = await ShellSession.begun(channel, spec, at, self.name, userland)
            self._pool.refill(kind)
            yield session
        finally:
            await channel.close()

    def fork(self, at: Snapshot) -> AbstractAsyncContextManager[ShellSession]:
        return self.open(at.spec, at)

    async def run(self, spec: SandboxSpec, script: str) -> ExecResult:
        async with self.open(spec) as session:
            return await session.exec(script)

    def drain(self) -> None:
        """End the sandboxes that nobody took."""
        self._pool.drain()

    def _prepare(self, name: str) -> None:
        """In a thread: a build waits for the network and for other builders."""
        with self._building:
            if name not in self._roots:
                self._roots[name] = self._root(name)

    async def _attached(self, started: StartedT) -> Channel:
        try:
            return self._channel(started, *await asyncio.open_connection(sock=started.stream))
        except BaseException:
            started.close()
            raise


def alive(stream: socket.socket) -> bool:
    """Whether the other end is still there."""
    stream.setblocking(False)
    try:
        return bool(stream.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _discard(starting: asyncio.Future[StartedT]) -> None:
    if not starting.cancelled() and not starting.exception():
        starting.result().close()
