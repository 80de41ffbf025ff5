"""How many requests a service is sent at once, and when it is sent none.

There is no limit until the service first rejects a request for being one too many. Then the limit is what it bore at
that moment; it grows slowly and falls by a step with each further rejection. A service that keeps failing is left alone
for a while, then tried with one request at a time.
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
"""Slots gained in the time that a full house takes: at a limit of 32 some 0.6 % of requests are rejected."""
DOWN_AFTER = 10
CONVERSATIONS = 3
"""That failed since the last answer: what breaks on one conversation may well answer all others."""
FIRST_REST_S, LONGEST_REST_S = 15.0, 120.0
OUTAGE_S = 3600.0
LONGEST_BACKOFF_S, LONGEST_RETRY_AFTER_S = 30.0, 300.0


class Limiter:
    """The requests of all calls to one service.

    rest_s:   how long nothing is sent after DOWN_AFTER failures in a row; grows to as long as the outage lasts.
    outage_s: after which a service that answered before is given up.
    note:     is called when sending stops and when it resumes.
    """

    def __init__(self, name: str, rest_s: float = FIRST_REST_S, outage_s: float = OUTAGE_S) -> None:
        self.name = name
        self.note: Callable[[str], None] = lambda text: None
        self.limit, self.in_flight = math.inf, 0
        self.answered = False
        self._rest_s, self._outage_s = rest_s, outage_s
        self._jitter = stream(os.getpid(), "jitter")
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._failures = 0
        self._failing: set[str] = set()
        self._lowered_at = self._resumes_at = -math.inf
        self._down_since: float | None = None

    @property
    def resting(self) -> bool:
        """Whether the service is left alone, but for one request that tries it."""
        return self._down_since is not None

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Wait until a request may be sent; yields when that was, in monotonic seconds."""
        try:
            while (rest_s := self._resumes_at - time.monotonic()) > 0 or self._free() < 1:
                if rest_s > 0:
                    await asyncio.sleep(rest_s)
                else:
                    self._waiting.append(turn := asyncio.get_running_loop().create_future())
                    await turn
        except asyncio.CancelledError:
            self._wake()  # its turn may have come
            raise
        self.in_flight += 1
        try:
            yield time.monotonic()
        finally:
            self.in_flight -= 1
            self._wake()

    def succeeded(self) -> None:
        """A request was answered."""
        if self.resting:
            self.note(f"{self.name} answers again: going on")
        self.answered, self._failures, self._down_since, self._resumes_at = True, 0, None, -math.inf
        self._failing.clear()
        self.limit += INCREASE / self.limit
        self._wake()

    def rejected(self, began: float) -> None:
        """The service was full. Requests sent before the limit was last lowered lower it no further."""
        borne = max(1.0, min(self.limit, self.in_flight))
        if began > self._lowered_at:
            self._lowered_at = time.monotonic()
            borne = max(1.0, borne * DECREASE)
        self.limit = borne

    def failed(self, began: float, why: str, conversation: str | None) -> None:
        """The service is broken or gone. Raises EndpointError after an outage of outage_s.

        conversation: whose request failed; None where none can be to blame, as nothing answers at all.
        """
        self._failures += 1
        self._failing.add(conversation or f"failure {self._failures}")
        now = time.monotonic()
        is_down = self._failures >= DOWN_AFTER and len(self._failing) >= CONVERSATIONS
        if not self.answered or not is_down or began < self._resumes_at:
            return  # never seen alive, single faults, or sent before the rest began
        self._down_since = self._down_since or now
        down_s = now - self._down_since
        if down_s > self._outage_s:
            raise EndpointError(f"{self.name} has failed for {down_s:.0f} s ({why}); run the same command to resume")
        rest_s = max(self._rest_s, min(down_s, LONGEST_REST_S))
        self._resumes_at = now + rest_s
        self.note(f"{self.name} keeps failing ({why}): sending nothing for {rest_s:.3g} s; nothing is lost")

    def pause_s(self, attempt: int, first_s: float, retry_after_s: float | None = None) -> float:
        """Before the next try: what the service asked for, or twice as long each time; spread, so that calls part."""
        if retry_after_s is not None:
            return min(retry_after_s, LONGEST_RETRY_AFTER_S) * self._jitter.uniform(1.0, 1.1)
        return float(min(first_s * 2.0 ** (attempt - 1), LONGEST_BACKOFF_S) * self._jitter.uniform(0.5, 1.5))

    def _free(self) -> float:
        return (1 if self.resting else self.limit) - self.in_flight

    def _wake(self) -> None:
        free = self._free()
        while free >= 1 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
