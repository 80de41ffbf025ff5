"""The limiter against a service with a limit that it does not tell."""

from __future__ import annotations

import asyncio

import pytest

from sekft.models.limiter import INCREASE, Limiter

CALLS, AT_ONCE, LIMIT, LATENCY_S = 1500, 64, 16, 0.02


class Limited:
    """A service that rejects what is more than `limit` at once. It is no mock of ours: it is what a limit is."""

    def __init__(self, limit: int) -> None:
        self.limit, self.serving, self.most = limit, 0, 0
        self.rejected: list[bool] = []

    async def request(self) -> bool:
        full = self.serving >= self.limit
        self.rejected.append(full)
        if full:
            return False
        self.serving += 1
        self.most = max(self.most, self.serving)
        await asyncio.sleep(LATENCY_S)
        self.serving -= 1
        return True


async def call(limiter: Limiter, service: Limited) -> None:
    while True:
        async with limiter.slot() as began:
            answered = await service.request()
        if answered:
            return limiter.succeeded()
        limiter.rejected(began)
        await asyncio.sleep(LATENCY_S)


async def all_calls(limiter: Limiter, service: Limited) -> None:
    waiting = iter(range(CALLS))

    async def worker() -> None:
        for _ in waiting:
            await call(limiter, service)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def test_a_limit_is_found_and_followed() -> None:
    """After the first house full, fewer than 2 % of requests are rejected, and the limit is used.

    One more than the limit is tried at times; a house of answers may arrive before the rejection does.
    """
    limiter, service = Limiter("s"), Limited(LIMIT)
    await all_calls(limiter, service)
    warm = service.rejected[2 * AT_ONCE :]
    assert sum(warm) / len(warm) < 0.02
    assert 0.8 * LIMIT <= limiter.limit <= LIMIT + 1 + INCREASE


async def test_without_a_limit_nothing_waits() -> None:
    """A service that never rejects is sent all that is asked at once."""
    limiter, service = Limiter("s"), Limited(CALLS)
    await all_calls(limiter, service)
    assert service.most == AT_ONCE


async def test_a_cancelled_waiter_keeps_nobody_waiting() -> None:
    """Whoever gives up while waiting passes its turn on."""
    limiter = Limiter("s")
    limiter.limit = 1.0
    async with limiter.slot():
        tasks = [asyncio.create_task(call(limiter, Limited(1))) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[0].cancel()
    tasks[1].cancel()
    done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert [isinstance(each, asyncio.CancelledError) for each in done] == [True, True, False, False]


def test_pauses_differ_and_grow() -> None:
    """Two calls that failed together come back apart, and later each time, within a bound."""
    limiter = Limiter("s")
    first = [limiter.pause_s(1, 1.0) for _ in range(50)]
    assert len(set(first)) == 50
    assert min(first) >= 0.5
    assert max(first) <= 1.5
    assert limiter.pause_s(3, 1.0) >= 2.0
    assert limiter.pause_s(50, 1.0) <= 45.0


def test_a_wish_of_the_service_is_met_and_never_undercut() -> None:
    """What the service asks for is waited, but not for hours."""
    limiter = Limiter("s")
    assert limiter.pause_s(1, 0.01, 2.0) >= 2.0
    assert limiter.pause_s(1, 0.01, 86400.0) == pytest.approx(300, rel=0.11)
