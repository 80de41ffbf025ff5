"""Many jobs at once in this process, on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class LocalEngine:
    """Keeps `concurrency` jobs going; takes the next item only when a place is free."""

    async def map(
        self, job: Callable[[ItemT], Awaitable[ResultT]], items: Iterable[ItemT], concurrency: int
    ) -> AsyncIterator[ResultT]:
        """Yield results as they finish, in any order.

        The first job that raises, or the caller's going away, cancels the others and waits for
        them to clean up before the exception goes on.
        """
        waiting = iter(items)
        tasks: set[asyncio.Task[ResultT]] = set()
        try:
            while True:
                tasks.update(_started(job, waiting, concurrency - len(tasks)))
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


def _started(
    job: Callable[[ItemT], Awaitable[ResultT]], waiting: Iterator[ItemT], places: int
) -> list[asyncio.Task[ResultT]]:
    tasks: list[asyncio.Task[ResultT]] = []
    while len(tasks) < places:
        try:
            item = next(waiting)
        except StopIteration:
            break
        tasks.append(asyncio.ensure_future(_awaited(job, item)))
    return tasks


async def _awaited(job: Callable[[ItemT], Awaitable[ResultT]], item: ItemT) -> ResultT:
    return await job(item)
