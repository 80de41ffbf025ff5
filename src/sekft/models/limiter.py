"""How many requests a service is sent at once, and when none at all.

The limit is found and followed: none until the service first rejects a request for being too many, then what it bore
at that moment, from where it grows slowly and falls by a step with each further rejection. A service that keeps failing
is left alone for a while, then tried with one request at a time.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sekft.errors import EndpointError
from sekft.seeds import stream

DECREASE = 0.95
INCREASE = 0.5
"""Slots gained in the time that a full house takes: at a limit of 32 some 0.6 % of requests find it closed."""
OPEN_AFTER = 10
FIRST_REST_S = 15.0
LONGEST_REST_S = 120.0
OUTAGE_S = 3600.0
LONGEST_PAUSE_S = 30.0
LONGEST_ASKED_S = 300.0


class Pace:
    """The requests of all calls to one service.

    rest_s:   how long nothing is sent after OPEN_AFTER failures in a row; doubles while one request at a time fails on.
    outage_s: after which a service that was there before is given up.
    note:     told when sending stops and when it goes on.
    """

    def __init__(self, name: str, rest_s: float = FIRST_REST_S, outage_s: float = OUTAGE_S) -> None:
        self.name = name
        self._jitter = stream(os.getpid(), "jitter")
        self.note: Callable[[str], None] = lambda text: None
        self.limit = math.inf
        self.in_flight = 0
        self.answered = False
        self._first_rest_s, self._outage_s = rest_s, outage_s
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._cut_at = -math.inf
        self._failures = 0
        self._open_since: float | None = None
        self._rested_at = self._resumes_at = -math.inf
        self._rest_s = rest_s

    @property
    def resting(self) -> bool:
        """Whether the service is left alone, but for one request that tries it."""
        return self._open_since is not None

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Wait until a request may be sent; yields when that was, in monotonic seconds."""
        await self._enter()
        try:
            yield time.monotonic()
        finally:
            self.in_flight -= 1
            self._wake()

    def fine(self) -> None:
        """A request was answered."""
        if self.resting:
            self.note(f"{self.name} answers again: going on")
        self.answered, self._failures, self._open_since = True, 0, None
        self.limit += INCREASE / self.limit
        self._wake()

    def rejected(self, began: float) -> None:
        """The service was full. Those sent before the last cut tell of the old limit and lower it no further."""
        borne = max(1.0, min(self.limit, self.in_flight))
        if began > self._cut_at:
            self._cut_at = time.monotonic()
            borne = max(1.0, borne * DECREASE)
        self.limit = borne

    def failed(self, began: float, why: str) -> None:
        """The service is broken or gone. Raises EndpointError after an outage of outage_s."""
        self._failures += 1
        now = time.monotonic()
        if not self.answered or self._failures < OPEN_AFTER or began < self._rested_at:
            return  # never seen alive, a single fault, or sent before the rest began
        if self._open_since is None:
            self._open_since, self._rest_s = now, self._first_rest_s
        else:
            self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
        if now - self._open_since > self._outage_s:
            raise EndpointError(
                f"{self.name} has failed for {now - self._open_since:.0f} s ({why}); the same command goes on"
            )
        self._rested_at, self._resumes_at = now, now + self._rest_s
        self.note(f"{self.name} keeps failing ({why}): sending nothing for {self._rest_s:g} s; nothing is lost")

    def pause_s(self, attempt: int, first_s: float, asked_s: float | None = None) -> float:
        """Before the next try: what the service asked for, or twice as long each time; spread, so that calls part."""
        if asked_s is not None:
            return min(asked_s, LONGEST_ASKED_S) * self._jitter.uniform(1.0, 1.1)
        return float(min(first_s * 2.0 ** (attempt - 1), LONGEST_PAUSE_S) * self._jitter.uniform(0.5, 1.5))

    async def _enter(self) -> None:
        try:
            while True:
                if (rest_s := self._resumes_at - time.monotonic()) > 0 and self.resting:
                    await asyncio.sleep(rest_s)
                elif self._room() > 0:
                    self.in_flight += 1
                    return
                else:
                    turn = asyncio.get_running_loop().create_future()
                    self._waiting.append(turn)
                    await turn
        except asyncio.CancelledError:
            self._wake()  # its turn may have come
            raise

    def _room(self) -> float:
        return (1 if self.resting else max(1, int(self.limit) if self.limit < math.inf else math.inf)) - self.in_flight

    def _wake(self) -> None:
        room = self._room()
        while room > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1
