"""What every engine does: the contract suite of the family."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from sekft.errors import InfraError, UsageError
from sekft.protocols import Engine
from sekft.runs.engines import SpreadConfig, chosen
from sekft.runs.engines.local import LocalEngine, at_once
from sekft.runs.engines.processes import ProcessesEngine
from tests.engines import Breaking, Deadly, Meeting, Squaring, Trial, Unsendable, Waiting, filled

ENGINES: dict[str, Engine] = {"local": LocalEngine(), "processes": ProcessesEngine(2)}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


async def results(engine: Engine, task: Trial, items: int, concurrency: int) -> list[Any]:
    done = engine.map(task, range(items), concurrency, lambda *_: None)
    async with aclosing(done):
        return [result async for result in done]


async def test_every_item_yields_one_result(engine: Engine, tmp_path: Path) -> None:
    """All results come, each landed once with its item, and what was told of it before."""
    task, landed, told = Squaring(tmp_path), Counter[int](), list[str]()
    task.tell = told.append

    def land(item: int, result: tuple[int, float, float]) -> None:
        assert result[0] == item * item
        assert f"{item} is squared" in told
        landed[item] += 1

    assert sorted([made[0] async for made in engine.map(task, range(50), 7, land)]) == [at * at for at in range(50)]
    assert landed == Counter(range(50))
    assert len(told) == 50


async def test_concurrency_is_a_bound_and_is_used(engine: Engine, tmp_path: Path) -> None:
    """As many items are under way as were asked for, and never more, over all workers."""
    made = await results(engine, Squaring(tmp_path), 40, 4)
    moments = [begun for _, begun, _ in made]
    under_way = [sum(begun <= moment < ended for _, begun, ended in made) for moment in moments]
    assert max(under_way) <= 4
    (tmp_path / "met").mkdir()
    assert len(await results(engine, Meeting(tmp_path / "met"), 4, 4)) == 4  # none ends before four are under way


async def test_an_error_of_a_task_goes_on_once_the_others_are_left(engine: Engine, tmp_path: Path) -> None:
    """It is the error that was raised, and nothing of the other items is left behind."""
    with pytest.raises(InfraError, match=r"^broken$"):
        await results(engine, Breaking(tmp_path), 4, 4)
    assert not list(tmp_path.iterdir())


async def test_cancelling_the_caller_leaves_every_item(engine: Engine, tmp_path: Path) -> None:
    """A cancelled map cleans up in each worker."""
    task = asyncio.create_task(results(engine, Waiting(tmp_path), 3, 3))
    await filled(tmp_path, 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list(tmp_path.iterdir())


async def test_items_are_taken_as_places_come_free(engine: Engine, tmp_path: Path) -> None:
    """A long list of items is never read ahead of the work."""
    taken = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    done = engine.map(Squaring(tmp_path), items(), 2, lambda *_: None)
    await anext(done)
    assert len(taken) <= 4
    await done.aclose()


async def test_work_is_spread_over_workers(tmp_path: Path) -> None:
    """Each of two processes takes half of what is under way, and none of it is done here."""
    shares = Counter(await results(ProcessesEngine(2), Meeting(tmp_path), 4, 4))
    assert [*shares.values()] == [2, 2]
    assert os.getpid() not in shares


async def test_what_cannot_be_sent_is_told_as_an_error(tmp_path: Path) -> None:
    """A result that no other process can have is a bug of the task, with its reason."""
    with pytest.raises(RuntimeError, match="cannot pickle"):
        await results(ProcessesEngine(2), Unsendable(tmp_path), 4, 2)


async def test_an_item_that_kills_its_workers_costs_itself_alone(tmp_path: Path) -> None:
    """It is given up in the end; one that a kill befell once is done again, and so are those beside it."""
    made = await results(ProcessesEngine(2), Deadly(tmp_path), 12, 6)
    lost = [each for each in made if each.startswith("lost")]
    assert sorted(each for each in made if each not in lost) == sorted(f"done: {at}" for at in range(12) if at != 7)
    assert [each[:25] for each in lost] == ["lost: 3 workers died at it"[:25]]


async def test_workers_that_cannot_start_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none lives, the map ends with an error, and not never."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(InfraError, match="worker processes in a row ended with status 1 at their start"):
        await results(ProcessesEngine(2), Squaring(tmp_path), 4, 2)


@pytest.mark.parametrize(
    ("config", "items", "kind"),
    [
        (SpreadConfig(), 8, LocalEngine),
        (SpreadConfig(), None, LocalEngine),
        (SpreadConfig(engine="processes"), None, ProcessesEngine),
        (SpreadConfig(workers=3), 8, ProcessesEngine),
        (SpreadConfig(engine="local"), 10_000, LocalEngine),
    ],
)
def test_the_engine_follows_from_options_and_work(
    config: SpreadConfig, items: int | None, kind: type[object], tmp_path: Path
) -> None:
    """Processes where they are named; little work stays in this process."""
    assert isinstance(chosen(config, Squaring(tmp_path), items, print), kind)


def test_much_work_takes_every_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default there is a worker for each core, and on one core none."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert isinstance(chosen(SpreadConfig(), Squaring(tmp_path), 10_000, print), ProcessesEngine)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    assert isinstance(chosen(SpreadConfig(), Squaring(tmp_path), 10_000, print), LocalEngine)


def test_a_task_whose_order_counts_stays_here(tmp_path: Path) -> None:
    """Whatever was asked for, and it is said."""
    said: list[str] = []
    task = Squaring(tmp_path, spreads=False)
    assert isinstance(chosen(SpreadConfig(engine="processes"), task, 99, said.append), LocalEngine)
    assert said == ["this work stays in one process: its order counts"]


@pytest.mark.parametrize("options", [{"engine": "local", "workers": 2}, {"address": "10.0.0.1:6379"}])
def test_options_of_another_engine_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    """Nothing that was asked for is silently left out."""
    with pytest.raises(UsageError, match=f"--{'workers' if 'workers' in options else 'address'}: is"):
        chosen(SpreadConfig(**options), Squaring(tmp_path), 99, print)


async def test_every_job_yields_one_result() -> None:
    """All results of jobs come, whatever the order in which these finish."""

    async def job(item: int) -> int:
        await asyncio.sleep(0.001 * (item % 3))
        return item * item

    assert sorted([result async for result in at_once(job, range(50), 7)]) == [item * item for item in range(50)]


async def test_as_many_jobs_as_asked_for() -> None:
    """As many jobs run at once as were asked for, and never more."""
    running, most = 0, 0

    async def job(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1

    async for _ in at_once(job, range(20), 4):
        pass
    assert most == 4


async def test_a_failing_job_cancels_the_others_and_waits_for_them() -> None:
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
        async for _ in at_once(job, range(4), 4):
            pass
    assert sorted(cleaned) == [1, 2, 3]


async def test_cancelling_the_caller_cancels_jobs() -> None:
    """A cancelled map leaves no job behind."""
    cleaned = []

    async def job(item: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append(item)

    async def all_of_them() -> None:
        async for _ in at_once(job, range(3), 3):
            pass

    task = asyncio.create_task(all_of_them())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cleaned) == [0, 1, 2]


async def test_jobs_begin_as_places_come_free() -> None:
    """A long list of items is never read ahead of the jobs."""
    taken = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    async def job(item: int) -> int:
        return item

    done = at_once(job, items(), 2)
    await anext(done)
    assert len(taken) <= 3
