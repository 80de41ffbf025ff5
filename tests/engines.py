"""Tasks for engines, in a module that worker processes can import."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sekft.errors import InfraError
from sekft.protocols import ModelClient


class Trial:
    """What a test's task has in common. place: a folder in which it leaves a file for each item that is under way."""

    endpoint: ModelClient | None = None
    sandbox: str | None = None
    tell: Callable[[Any], None]

    def __init__(self, place: Path, spreads: bool = True) -> None:
        self.place, self.spreads = place, spreads
        self.tell = print

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.place,)

    async def do(self, item: int) -> Any:
        raise NotImplementedError

    def lost(self, item: int, why: str) -> Any:
        return f"lost: {why}"


async def filled(place: Path, files: int) -> None:
    """Until so many items are under way."""
    for _ in range(6000):
        if len(list(place.iterdir())) >= files:
            return
        await asyncio.sleep(0.005)
    raise TimeoutError(f"{place}: never held {files} files")


class Squaring(Trial):
    """Tells each item, and gives its square with when it began and ended."""

    async def do(self, item: int) -> tuple[int, float, float]:
        began = time.monotonic()
        await asyncio.sleep(0.01 + 0.002 * (item % 3))
        self.tell(f"{item} is squared")
        return item * item, began, time.monotonic()


class Breaking(Trial):
    """Item 0 breaks once the others are under way; these would go on for a minute."""

    async def do(self, item: int) -> int:
        (mark := self.place / str(item)).touch()
        try:
            if item == 0:
                await filled(self.place, 4)
                raise InfraError("broken")
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            mark.unlink()
        return item


class Waiting(Breaking):
    """None ends."""

    async def do(self, item: int) -> int:
        return await super().do(item + 1)


class Meeting(Trial):
    """Four have to be under way at once before any ends, and says where."""

    async def do(self, item: int) -> int:
        (self.place / str(item)).touch()
        await filled(self.place, 4)
        return os.getpid()


class Unsendable(Trial):
    async def do(self, item: int) -> object:
        return threading.Lock()


class Deadly(Trial):
    """Item 7 kills whoever does it, every time; item 3 the first time."""

    async def do(self, item: int) -> str:
        first = not (self.place / str(item)).exists()
        (self.place / str(item)).touch()
        if item == 7 or (item == 3 and first):
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0.02)
        return f"done: {item}"
