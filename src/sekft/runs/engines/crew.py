"""The driver's side of workers: each item goes to the one with least to do, and to another one where that dies."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

from sekft.models.endpoint import Endpoint
from sekft.protocols import Task
from sekft.runs.engines.worker import Ask, Event

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
DEATHS = 3
"""Of workers at one item: then the item is to blame. It has the last of them to itself, so that no other is."""


class WorkerLost(Exception):
    """A worker died at its work. blameless: with its machine, so that no item did it."""

    def __init__(self, why: str, *, blameless: bool = False) -> None:
        super().__init__(why)
        self.blameless = blameless


class Seat(Protocol):
    """One worker as its driver sees it; see worker.Worker. The calls raise WorkerLost."""

    async def begin(self, number: int, item: bytes) -> bytes: ...
    async def go_on(self, number: int, ask: int, answer: bytes) -> bytes: ...


@dataclass(eq=False)
class _Place:
    """load: items under way there. shut: it takes no other, since the one that it has may kill it."""

    seat: Seat
    load: int = 0
    shut: bool = False


@dataclass
class Crew(Generic[ItemT, ResultT]):
    """Workers, which may come and go. each: how many items one has at once."""

    task: Task[ItemT, ResultT]
    each: int
    _places: list[_Place] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _broken: Exception | None = None
    _numbers: count[int] = field(default_factory=count)

    def __len__(self) -> int:
        return len(self._places)

    async def join(self, seat: Seat) -> None:
        self._places.append(_Place(seat))
        await self._tell()

    async def leave(self, seat: Seat) -> None:
        """Idempotent."""
        self._places = [place for place in self._places if place.seat is not seat]
        await self._tell()

    async def give_up(self, error: Exception) -> None:
        """No worker will come any more: whoever waits for one gets this error."""
        self._broken = error
        await self._tell()

    async def kept(self, keeping: Coroutine[Any, Any, None]) -> None:
        """What keeps workers coming; where that breaks, nobody waits for them."""
        try:
            await keeping
        except Exception as error:
            await self.give_up(error)

    async def do(self, item: ItemT) -> ResultT:
        """What a worker made of the item. Raises what the task raised there, and what give_up() was told."""
        data, deaths = pickle.dumps(item, pickle.HIGHEST_PROTOCOL), 0
        while True:
            try:
                async with self._seat(alone=deaths == DEATHS - 1) as seat:
                    return await self._done(seat, data)
            except WorkerLost as lost:
                deaths += not lost.blameless
                if deaths == DEATHS:
                    return self.task.lost(item, f"{DEATHS} workers died at it, the last one: {lost}")

    async def _done(self, seat: Seat, data: bytes) -> ResultT:
        number = next(self._numbers)
        event: Event = pickle.loads(await seat.begin(number, data))
        while isinstance(event, Ask):
            event = pickle.loads(await seat.go_on(number, event.number, await self._answered(event)))
        for each in event.told:
            self.task.tell(each)
        if event.error is not None:
            raise event.error
        result: ResultT = event.result
        return result

    async def _answered(self, ask: Ask) -> bytes:
        endpoint = self.task.endpoint
        assert isinstance(endpoint, Endpoint)  # only such a one is asked through us
        said: Any
        try:
            said = await endpoint.chat(**ask.request)
        except Exception as error:
            said = error
        return pickle.dumps(said, pickle.HIGHEST_PROTOCOL)

    @asynccontextmanager
    async def _seat(self, alone: bool) -> AsyncIterator[Seat]:
        """A place at the worker with least to do; it is left out from now on where it turns out to be lost."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._broken or self._free(alone))
            place = self._free(alone)
            if place is None:
                raise self._broken or AssertionError
            place.load, place.shut = place.load + 1, alone
        try:
            yield place.seat
        except WorkerLost:
            await self.leave(place.seat)
            raise
        finally:
            place.load, place.shut = place.load - 1, False
            await self._tell()

    def _free(self, alone: bool) -> _Place | None:
        most = 0 if alone else self.each - 1
        free = [place for place in self._places if not place.shut and place.load <= most]
        return min(free, key=lambda place: place.load, default=None)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
