"""What a worker does, whoever started it: it opens the task that it was sent and does one item after another.

An item is begun by a call. The call returns what came of the item, or what a served model is to be asked; the driver
asks it and goes on with the item by another call. So a worker needs no key, and one journal and one budget hold.
"""

from __future__ import annotations

import asyncio
import pickle
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sekft.models.endpoint import Endpoint
from sekft.models.journal import Reply
from sekft.protocols import Task


@dataclass(frozen=True, slots=True)
class Ask:
    """number: tells apart what one item asks at once. request: the arguments of Endpoint.chat."""

    number: int
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """told: what the task said meanwhile, in order. error: why there is no result."""

    result: Any
    told: tuple[Any, ...] = ()
    error: Exception | None = None


Event = Ask | Done


@dataclass
class _Item:
    """One that is under way."""

    events: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    asked: list[asyncio.Future[Reply]] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)


_current: ContextVar[_Item] = ContextVar("_current")


class Worker:
    """recipe: the pickled task. It is opened with the first item: what is wrong with it is then that item's error."""

    def __init__(self, recipe: bytes) -> None:
        self._recipe = recipe
        self._task: Task[Any, Any] | None = None
        self._items: dict[int, _Item] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def begin(self, number: int, item: bytes) -> bytes:
        """Do that item; returns the pickled Event that comes first."""
        self._items[number] = entry = _Item()
        task = asyncio.create_task(self._do(entry, item))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await self._next(number)

    async def go_on(self, number: int, ask: int, answer: bytes) -> bytes:
        """What it asked is answered, by a Reply or an exception; returns the event that comes next."""
        said, asked = pickle.loads(answer), self._items[number].asked[ask]
        if isinstance(said, Exception):
            asked.set_exception(said)
        else:
            asked.set_result(said)
        return await self._next(number)

    async def close(self) -> None:
        """Leave what is under way, sandboxes included."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _next(self, number: int) -> bytes:
        event = await self._items[number].events.get()
        if isinstance(event, Done):
            del self._items[number]
        return _pickled(event)

    async def _do(self, entry: _Item, item: bytes) -> None:
        _current.set(entry)
        try:
            task = self._task = self._task or self._opened()
            done = Done(await task.do(pickle.loads(item)), tuple(entry.told))
        except Exception as error:
            done = Done(None, tuple(entry.told), error)
        entry.events.put_nowait(done)

    def _opened(self) -> Task[Any, Any]:
        task: Task[Any, Any] = pickle.loads(self._recipe)
        task.tell = lambda text: _current.get().told.append(text)
        if isinstance(task.endpoint, Endpoint):
            task.endpoint.relay = _asked
        return task


async def _asked(request: Mapping[str, Any]) -> Reply:
    entry = _current.get()
    answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    entry.asked.append(answer)
    entry.events.put_nowait(Ask(len(entry.asked) - 1, request))
    return await answer


def _pickled(event: Event) -> bytes:
    """An error that cannot travel, or could not be read at the other end, is told by its text."""
    try:
        data = pickle.dumps(event, pickle.HIGHEST_PROTOCOL)
        pickle.loads(data) if isinstance(event, Done) and event.error is not None else None
    except Exception as broken:
        error = event.error if isinstance(event, Done) and event.error else broken
        text = "".join(traceback.format_exception(error)).strip()
        return pickle.dumps(Done(None, (), RuntimeError(f"in a worker: {text}")), pickle.HIGHEST_PROTOCOL)
    return data
