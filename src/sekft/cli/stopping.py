"""SIGTERM ends a command as Ctrl-C does, and within two seconds whatever it is at."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

INTERRUPTED = 130
GRACE_S = 1.2
"""From the signal to the end of a command that has not ended by itself. What lies in a folder is whole at any time."""
_asked: list[bool] = []


def heed() -> None:
    """From now on SIGTERM raises KeyboardInterrupt in the main thread."""
    signal.signal(signal.SIGTERM, _interrupt)


@contextmanager
def cancelling(task: asyncio.Task[object] | None) -> Iterator[None]:
    """Meanwhile SIGTERM cancels this task of the running loop."""
    loop = task.get_loop() if task is not None else None

    def cancel(number: int, frame: FrameType | None) -> None:
        _end_soon()
        if task is not None and loop is not None:
            loop.call_soon_threadsafe(task.cancel)

    before = signal.signal(signal.SIGTERM, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _end_soon()
    raise KeyboardInterrupt


def leave_if_asked() -> None:
    """At a command's end: an interpreter that takes itself apart stops the timer, and with torch it takes seconds."""
    if _asked:
        sys.stdout.flush()
        os._exit(INTERRUPTED)


def _end_soon() -> None:
    _asked.append(True)
    timer = threading.Timer(GRACE_S, _leave)
    timer.daemon = True
    timer.start()


def _leave() -> None:
    """Sandboxes end with their harness; a thread that computes would keep an ordinary exit waiting."""
    print("sekft: interrupted; what was done is kept", file=sys.stderr, flush=True)
    os._exit(INTERRUPTED)
