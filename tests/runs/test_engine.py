"""What every engine does: the contract suite of the family."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from sekft.protocols import Engine
from sekft.runs.resources import LocalEngine


@pytest.fixture(params=[LocalEngine])
def engine(request: pytest.FixtureRequest) -> Engine:
    made: Engine = request.param()
    return made


async def test_every_item_yields_one_result(engine: Engine) -> None:
    """All results come, whatever the order in which jobs finish."""

    async def job(item: int) -> int:
        await asyncio.sleep(0.001 * (item % 3))
        return item * item

    assert sorted([result async for result in engine.map(job, range(50), 7)]) == [item * item for item in range(50)]


async def test_concurrency_is_a_bound_and_is_used(engine: Engine) -> None:
    """As many jobs run at once as were asked for, and never more."""
    running, most = 0, 0

    async def job(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1

    async for _ in engine.map(job, range(20), 4):
        pass
    assert most == 4


async def test_a_failing_job_cancels_the_others_and_waits_for_them(engine: Engine) -> None:
    """The exception comes out once every other job has cleaned up."""
    cleaned = []

    async def job(item: int) -> None:
        if item == 0:
            await asyncio.sleep(0.01)
            raise ValueError("broken")
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(item)

    with pytest.raises(ValueError, match="broken"):
        async for _ in engine.map(job, range(4), 4):
            pass
    assert sorted(cleaned) == [1, 2, 3]


async def test_cancelling_the_caller_cleans_up(engine: Engine) -> None:
    """A cancelled map leaves no job behind."""
    cleaned = []

    async def job(item: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append(item)

    async def all_of_them() -> None:
        async for _ in engine.map(job, range(3), 3):
            pass

    task = asyncio.create_task(all_of_them())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cleaned) == [0, 1, 2]


async def test_items_are_taken_as_places_come_free(engine: Engine) -> None:
    """A long list of items is never read ahead of the jobs."""
    taken = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    async def job(item: int) -> int:
        return item

    results = engine.map(job, items(), 2)
    await anext(results)
    assert len(taken) <= 3
