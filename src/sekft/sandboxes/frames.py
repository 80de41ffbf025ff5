"""Questions and answers over one stream to a runner: one at a time, each with its time limit."""

from __future__ import annotations

import asyncio
from typing import Protocol

from sekft.errors import InfraError
from sekft.sandboxes import wire


class StreamEnded(InfraError):
    """The runner, and with it the sandbox, is gone."""


class Reader(Protocol):
    async def readexactly(self, n: int, /) -> bytes: ...


class Frames:
    """name: the backend's, for messages."""

    def __init__(self, name: str, reader: Reader, writer: asyncio.StreamWriter) -> None:
        self._name = name
        self._reader = reader
        self._writer = writer
        self._waiting = False

    async def ask(self, frame: bytes, wanted: str, timeout_s: float) -> bytes:
        if self._waiting:
            raise InfraError(f"{self._name}: an earlier request was cut off, so its answer is not known")
        self._waiting = True
        try:
            async with asyncio.timeout(timeout_s):
                self._writer.write(frame)
                await self._writer.drain()
                kind, length = wire.HEAD.unpack(await self._reader.readexactly(wire.HEAD.size))
                payload = await self._reader.readexactly(length)
        except TimeoutError as error:
            raise InfraError(f"{self._name}: no answer from the runner within {timeout_s:g} s") from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise StreamEnded(f"{self._name}: the sandbox ended unexpectedly") from error
        if chr(kind) != wanted:
            raise InfraError(f"{self._name}: runner: {payload.decode(errors='replace')}")
        self._waiting = False
        return payload
