"""Workers that are processes on this machine. Each has an event loop and sandboxes of its own, and ends with us."""

from __future__ import annotations

import asyncio
import ctypes
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from sekft import sandboxes
from sekft.errors import InfraError
from sekft.folder.workers import interpreter
from sekft.protocols import Land, Task
from sekft.runs.engines.crew import Crew, WorkerLost
from sekft.runs.engines.local import at_once, landing
from sekft.runs.engines.worker import Worker

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
LEAVE_S = 0.8
"""For a worker to close its sandboxes; then it is killed, and they end with it."""
BORN_DEAD = 5
"""Workers in a row that died before they did anything: then it is this machine that lets none live."""
_HEAD = struct.Struct("!Q")
_PR_SET_PDEATHSIG = 1


class ProcessesEngine:
    """Satisfies protocols.Engine."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    async def map(
        self, task: Task[ItemT, ResultT], items: Iterable[ItemT], concurrency: int, land: Land[ItemT, ResultT]
    ) -> AsyncGenerator[ResultT, None]:
        workers = min(self._workers, concurrency)
        crew = Crew(task, -(-concurrency // workers))
        async with _working(crew, workers):
            done = at_once(landing(crew.do, land), items, concurrency)
            try:
                async for result in done:
                    yield result
            finally:
                await done.aclose()


@asynccontextmanager
async def _working(crew: Crew[Any, Any], workers: int) -> AsyncIterator[None]:
    if crew.task.sandbox == "bubblewrap":
        # A group of version 2 can be divided only by who is alone in it: we move to a part, where workers begin.
        sandboxes.no_memory_bound()
    recipe = pickle.dumps(crew.task, pickle.HIGHEST_PROTOCOL)
    keepers = [asyncio.create_task(crew.kept(_kept(crew, recipe))) for _ in range(workers)]
    try:
        yield
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)


async def _kept(crew: Crew[Any, Any], recipe: bytes) -> None:
    """One worker after another, each when the last has died."""
    idle = 0
    while idle < BORN_DEAD:
        try:
            process = _Process()
        except OSError as error:
            return await crew.give_up(InfraError(f"no worker process can be started: {error}"))
        async with process.open(recipe):
            await crew.join(process)
            await process.gone.wait()
            await crew.leave(process)
        idle = 0 if process.worked else idle + 1
    return await crew.give_up(InfraError(f"{BORN_DEAD} worker processes in a row {process.death} at their start"))


class _Process:
    """Satisfies crew.Seat."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        with theirs:
            self._process = interpreter(
                f"from {__name__} import main; main()",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=2,
            )
        self.gone, self.worked = asyncio.Event(), False
        self._calls: dict[int, asyncio.Future[bytes]] = {}
        self._number = 0

    @property
    def death(self) -> str:
        """How it ended, for a message."""
        status = self._process.poll()
        return f"were killed by signal {-status}" if status and status < 0 else f"ended with status {status}"

    @asynccontextmanager
    async def open(self, recipe: bytes) -> AsyncIterator[None]:
        hearing: asyncio.Task[None] | None = None
        try:
            reader, self._writer = await asyncio.open_connection(sock=self._ours)
            _send(self._writer, recipe)
            hearing = asyncio.create_task(self._hear(reader))
            yield
        finally:
            if hearing:
                hearing.cancel()
                self._writer.close()
            self._ours.close()
            await self._end()
            self._lose()

    async def begin(self, number: int, item: bytes) -> bytes:
        return await self._call("begin", number, item)

    async def go_on(self, number: int, ask: int, answer: bytes) -> bytes:
        return await self._call("go_on", number, ask, answer)

    async def _call(self, *call: Any) -> bytes:
        if self.gone.is_set():
            raise WorkerLost("it was gone")
        self._number += 1
        number, answer = self._number, asyncio.get_running_loop().create_future()
        self._calls[number] = answer
        try:
            _send(self._writer, pickle.dumps((number, *call), pickle.HIGHEST_PROTOCOL))
            data: bytes = await answer
            return data
        finally:
            self._calls.pop(number, None)

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                number, data = pickle.loads(await _received(reader))
                self.worked = True
                if (answer := self._calls.get(number)) and not answer.done():
                    answer.set_result(data)
        self._lose()

    def _lose(self) -> None:
        self.gone.set()
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(WorkerLost("a worker process died (killed, or out of memory?)"))

    async def _end(self) -> None:
        """The end of its stream ends it. In a thread: asyncio watches children in the main thread only."""
        try:
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, LEAVE_S)
        finally:
            self._process.kill()
            self._process.wait()


def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(_HEAD.pack(len(data)) + data)


async def _received(reader: asyncio.StreamReader) -> bytes:
    (size,) = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    return await reader.readexactly(size)


async def _serve(stream: socket.socket) -> None:
    """Until the driver closes the stream, or is gone."""
    reader, writer = await asyncio.open_connection(sock=stream)
    with suppress(asyncio.IncompleteReadError, OSError):
        worker = Worker(await _received(reader))
        calls: set[asyncio.Task[None]] = set()

        async def answer(number: int, method: str, *arguments: Any) -> None:
            data = await getattr(worker, method)(*arguments)
            _send(writer, pickle.dumps((number, data), pickle.HIGHEST_PROTOCOL))

        try:
            while True:
                call = asyncio.create_task(answer(*pickle.loads(await _received(reader))))
                calls.add(call)
                call.add_done_callback(calls.discard)
        finally:
            threading.Thread(target=_leave, daemon=True).start()
            await worker.close()


def _leave() -> None:
    """What computes in a thread would keep an ordinary exit waiting."""
    threading.Event().wait(LEAVE_S)
    os._exit(0)


def main() -> None:
    """A worker process. Its argument is the descriptor of its end of the stream."""
    if sys.platform == "linux":  # elsewhere the end of the stream must do, which a worker reads when it gets to it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    asyncio.run(_serve(socket.socket(fileno=int(sys.argv[1]))))
