"""Started sandboxes that wait for a session: each is taken once, replaced behind the taker, and ended when drained."""

from __future__ import annotations

import asyncio
import atexit
import socket
from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Generic, Protocol, TypeVar

from sekft.errors import InfraError, SandboxUnavailable

STARTERS = 4
"""How many may be starting at once."""


class Waiting(Protocol):
    """A sandbox whose runner waits for SETUP. It belongs to no event loop yet."""

    def alive(self) -> bool: ...

    def close(self) -> None:
        """End it."""
        ...


KindT = TypeVar("KindT", bound=Hashable)
StartedT = TypeVar("StartedT", bound=Waiting)


class Pool(Generic[KindT, StartedT]):
    """start: makes one of a kind; blocks. Raises SandboxUnavailable or InfraError.

    warm: how many of a kind wait, once there was a first; 0 for none, and then drain() has nothing to end.
    slow: what is not there is started in a thread, because that takes long.
    """

    def __init__(self, start: Callable[[KindT], StartedT], warm: int, slow: bool) -> None:
        self._start, self._wanted, self._slow = start, warm, slow
        self._waiting: dict[KindT, deque[StartedT]] = defaultdict(deque)
        self._starting: dict[KindT, int] = defaultdict(int)
        # Its threads live until drain(): what a thread started dies with that thread.
        self._threads = ThreadPoolExecutor(STARTERS, "sekft-pool")
        self._lock = Lock()
        if warm:
            atexit.register(self.drain)

    async def take(self, kind: KindT) -> StartedT:
        """One that nobody used; one that died while it waited is passed over."""
        if (found := self._alive(kind)) is not None:
            return found
        if not self._slow:
            return self._start(kind)
        starting = asyncio.wrap_future(self._threads.submit(self._start, kind))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(_discard)
            raise

    def drain(self) -> None:
        """Ends those that nobody took. Idempotent; nothing can be taken afterwards."""
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
            missing = min(STARTERS, self._wanted - len(self._waiting[kind]) - self._starting[kind])
            self._starting[kind] += max(0, missing)
        for _ in range(missing):
            self._threads.submit(self._start_one, kind)

    def _start_one(self, kind: KindT) -> None:
        try:
            started = self._start(kind)
            with self._lock:
                self._waiting[kind].append(started)
        except (SandboxUnavailable, InfraError):
            pass  # whoever needs one starts it, and is told why
        finally:
            with self._lock:
                self._starting[kind] -= 1


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
