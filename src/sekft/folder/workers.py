"""Work on what a folder holds, spread over the cores: an ordered map, the same whatever the number of processes.

A worker is an interpreter of its own and knows no `__main__`, so that a script needs no guard round its calls of sekft.
It reads files, and writes none. It ends with its pipe, and so with us, however we end.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any, TypeVar

from sekft.errors import SekftError

ItemT = TypeVar("ItemT")
PartT = TypeVar("PartT")
ALONE_S = 1.5
"""Of processor time, before workers start: the start of two takes about a second."""
MOST = 8
"""Workers: what they send back keeps one core busy by then."""
WEIGHT = 128
"""Of the items that a worker is sent at once."""
AHEAD = 3
"""Such chunks under way for each worker: so much is held in memory."""
GARBAGE = 100_000
"""Objects made by a worker and not yet freed, before it looks for cycles: documents have none, and hold thousands."""
_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031
Weigh = Callable[[Any], int]


@contextmanager
def mapped(
    work: Callable[[ItemT], PartT],
    items: Iterable[ItemT],
    *,
    weigh: Weigh = lambda _: 1,
    workers: int | None = None,
    alone_s: float | None = None,
) -> Iterator[Iterator[PartT]]:
    """What the work makes of each item, in the order of the items; an error is raised at its item's place.

    work:    is pickled, as are items and parts; what has to be imported from a script is done in this process instead.
    weigh:   how much of a chunk an item takes. workers: None for one a core; 0 for this process alone.
    alone_s: processor seconds of work in this process before others start; None for ALONE_S.
    Raises SekftError where a worker dies.
    """
    many, first_s = cores() if workers is None else workers, ALONE_S if alone_s is None else alone_s
    with closing(_mapped(work, iter(items), weigh, many, first_s)) as parts:
        yield parts


def cores() -> int:
    """How many of the usable ones workers pay for; 0 where it is one."""
    own = min(MOST, usable_cores())
    return own if own > 1 else 0


def usable_cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def interpreter(code: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """A process of this Python that runs the code and imports what we can. options: of Popen.

    In a group of its own: what the terminal's keys send is for us, who tell it.
    """
    paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    command = [sys.executable, "-P", "-c", code, *arguments]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, process_group=0, **options)


def _mapped(
    work: Callable[[ItemT], PartT], items: Iterator[ItemT], weigh: Weigh, workers: int, alone_s: float
) -> Generator[PartT, None, None]:
    recipe = _pickled(work) if workers else None  # before it has worked here: it may remember what cannot be sent
    until = time.process_time() + alone_s
    while not workers or time.process_time() < until:
        try:
            item = next(items)
        except StopIteration:
            return
        yield work(item)
    if recipe is None:
        yield from map(work, items)
        return
    with ExitStack() as stack:
        crew: list[_Worker] = []
        waiting: deque[_Worker] = deque()
        for number, chunk in enumerate(_chunks(items, weigh)):
            if isinstance(chunk, Exception):
                yield from chain.from_iterable(each.answer() for each in waiting)
                raise chunk
            if len(crew) < workers:  # no more than there are chunks
                crew.append(stack.enter_context(closing(_Worker(recipe))))
            if len(waiting) == AHEAD * workers:
                yield from waiting.popleft().answer()
            worker = crew[number % workers]
            worker.ask(chunk)
            waiting.append(worker)
        yield from chain.from_iterable(each.answer() for each in waiting)


def _pickled(work: object) -> bytes | None:
    """None for what another process could not load."""
    with suppress(pickle.PicklingError, AttributeError, TypeError):
        recipe = pickle.dumps(work, pickle.HIGHEST_PROTOCOL)
        return None if b"__main__" in recipe else recipe
    return None


def _chunks(items: Iterator[ItemT], weigh: Weigh) -> Iterator[list[ItemT] | Exception]:
    """The items in lists of about one weight; last of all, what reading them raised."""
    chunk: list[ItemT] = []
    weight = 0
    try:
        for item in items:
            chunk.append(item)
            weight += weigh(item)
            if weight >= WEIGHT:
                yield chunk
                chunk, weight = [], 0
    except Exception as error:
        yield chunk
        yield error
        return
    if chunk:
        yield chunk


class _Worker:
    """A process that answers one chunk after the other."""

    def __init__(self, recipe: bytes) -> None:
        self._process = interpreter(
            f"from {__name__} import serve; serve()", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._asked, self._answers = _stream(self._process.stdin), _stream(self._process.stdout)
        self._send(recipe)

    def ask(self, items: Sequence[object]) -> None:
        self._send(pickle.dumps(items, pickle.HIGHEST_PROTOCOL))

    def _send(self, message: bytes) -> None:
        with suppress(BrokenPipeError):  # its answer will say that it is dead
            _write(self._asked, message)

    def answer(self) -> Iterator[Any]:
        """The parts of the chunk that it was asked first; raises what its work raised, once those before it are out."""
        answer = _read(self._answers)
        if answer is None:
            raise SekftError(self._death())
        parts, error = pickle.loads(answer)
        yield from parts
        if error is not None:
            raise error

    def _death(self) -> str:
        status = self._process.wait()
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        why = "; the machine may be short of memory" if status == -signal.SIGKILL else ""
        return f"worker process {self._process.pid} died ({how}){why}; nothing was changed, run the command again"

    def close(self) -> None:
        """End it, whatever it is at."""
        self._process.kill()
        self._process.wait()
        for stream in (self._asked, self._answers):
            with suppress(OSError):  # what could not be written any more
                stream.close()


def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise TypeError("want a pipe")
    with suppress(ImportError, OSError):
        from fcntl import fcntl

        fcntl(pipe, _F_SETPIPE_SZ, _PIPE_BYTES)  # so that a worker goes on while its answer waits
    return pipe


def _write(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(8, "big") + message)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    """None at the end, even in the middle of a message."""
    head = stream.read(8)
    size = int.from_bytes(head, "big")
    message = stream.read(size) if len(head) == 8 else b""
    return message if len(head) == 8 and len(message) == size else None


def serve() -> None:
    """The life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints
    messages: SimpleQueue[bytes | None] = SimpleQueue()
    # Reads ahead: else both sides could wait for the other to read.
    Thread(target=_listen, args=(sys.stdin.buffer, messages), daemon=True).start()
    if (recipe := messages.get()) is None:
        return
    work: Callable[[Any], Any] | None = None
    while (chunk := messages.get()) is not None:
        parts: list[Any] = []
        error: Exception | None = None
        try:
            work = work or _loaded(recipe)
            parts.extend(map(work, pickle.loads(chunk)))  # those before an error stay
        except Exception as raised:
            error = _sendable(raised)
        try:
            _write(answers, pickle.dumps((parts, error), pickle.HIGHEST_PROTOCOL))
        except BrokenPipeError:
            break
    os._exit(0)  # the thread may be in the middle of a read


def _loaded(recipe: bytes) -> Callable[[Any], Any]:
    """The work; what it imported stays, and need not be searched for garbage any more."""
    work: Callable[[Any], Any] = pickle.loads(recipe)
    gc.freeze()
    gc.set_threshold(GARBAGE)
    return work


def _listen(stream: IO[bytes], messages: SimpleQueue[bytes | None]) -> None:
    while (message := _read(stream)) is not None:
        messages.put(message)
    messages.put(None)


def _sendable(error: Exception) -> Exception:
    """The error, with where it was raised, unless its words are for the user."""
    if not isinstance(error, SekftError):
        error.add_note("in a worker process:\n" + traceback.format_exc())
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__} in a worker process:\n{traceback.format_exc()}")
    return error
