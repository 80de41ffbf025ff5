"""Jobs in this process: many at once in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from itertools import islice
from typing import TypeVar

from sekft.protocols import Land, Task

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


async def at_once(
    job: Callable[[ItemT], Awaitable[ResultT]], items: Iterable[ItemT], most: int | Callable[[], int]
) -> AsyncGenerator[ResultT, None]:
    """Keep `most` jobs going; take the next item only when a place is free; yield results as they come, in any order.

    The first job that raises, or the caller's going away, cancels the others and waits for
    them to clean up before the exception goes on.
    """
    waiting = iter(items)
    tasks: set[asyncio.Future[ResultT]] = set()
    try:
        while True:
            free = (most if isinstance(most, int) else most()) - len(tasks)
            tasks.update(asyncio.ensure_future(job(item)) for item in islice(waiting, max(0, free)))
            if not tasks:
                return
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                tasks.remove(task)
                yield task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def landing(
    do: Callable[[ItemT], Awaitable[ResultT]], land: Land[ItemT, ResultT]
) -> Callable[[ItemT], Awaitable[ResultT]]:
    """A job whose result is landed before anyone may be cancelled: what is done is kept."""

    async def job(item: ItemT) -> ResultT:
        result = await do(item)
        land(item, result)
        return result

    return job


class LocalEngine:
    """Satisfies protocols.Engine."""

    async def map(
        self, task: Task[ItemT, ResultT], items: Iterable[ItemT], concurrency: int, land: Land[ItemT, ResultT]
    ) -> AsyncGenerator[ResultT, None]:
        done = at_once(landing(task.do, land), items, concurrency)
        try:
            async for result in done:
                yield result
        finally:
            await done.aclose()
