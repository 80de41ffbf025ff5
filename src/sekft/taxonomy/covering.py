"""Which values meet in a cell: a block design over weighted axes.

Rows are built one after another. On each axis only values that are behind their weight's schedule are
candidates, so every prefix is close to the weights; of these the row takes what completes most pairs of
values that have not met yet, so a block holds every pair that its weights leave room for. Independent
draws would need some ten times as many rows for that.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Set

BLOCK = 5000
"""Rows of one design. Blocks are drawn apart, so that any slot is at hand without those before its block."""
_SETTLING = 40
"""Last rows of a block, which choose for the weights first."""
_TRIES = 6
_SPARE = 2.0
"""Rows by which a value may run ahead of its weight's schedule for a pair that is still missing."""
_HOPELESS = 300
_LATENESS = 2.0
_LATEST = 9.0
"""How many pairs a row by which a value is late is worth, and how many such rows count. A value that many others
exclude completes few pairs, and would wait for the end of the block."""

Level = tuple[str, str]


class Design:
    """One block's rows, in order; the same stream gives the same rows.

    weights: axis → value → relative frequency. barred: pairs of (axis, value) that never meet, both ways round.
    """

    def __init__(
        self, weights: Mapping[str, Mapping[str, float]], barred: Set[tuple[Level, Level]], rng: random.Random
    ) -> None:
        self._rng = rng
        self._levels: list[Level] = [(axis, value) for axis, values in weights.items() for value in values]
        self._share = [weights[axis][value] / sum(weights[axis].values()) for axis, value in self._levels]
        self._axes = [
            [index for index, level in enumerate(self._levels) if level[0] == axis]
            for axis in sorted(weights, key=lambda axis: -len(weights[axis]))
        ]
        self._barred = [
            sum(1 << index for index, other in enumerate(self._levels) if (level, other) in barred)
            for level in self._levels
        ]
        self._phase = [rng.random() for _ in self._levels]
        self._met = [0] * len(self._levels)
        self._missing: list[int] = []
        self._refill()

    def rows(self) -> Iterator[dict[str, str]]:
        """At most BLOCK rows; ends before that when no row is allowed."""
        for at in range(1, BLOCK + 1):
            row = self._best(at)
            if row is None:
                return
            mask = sum(1 << level for level in row)
            if not self._gain(row, mask):
                self._refill()
            for level in row:
                self._met[level] += 1
                self._missing[level] &= ~mask
            yield dict(sorted(self._levels[level] for level in row))

    def _best(self, at: int) -> list[int] | None:
        """The row that completes most pairs, of a few; one with late values is worth some pairs more."""
        best, gained = None, -math.inf
        for number in range(_TRIES):
            row = self._row(at, self._overdue(at) if number % 2 and at <= BLOCK - _SETTLING else 0)
            if row is None:
                continue
            gain = self._gain(row, sum(1 << level for level in row)) + _LATENESS * self._lateness(row, at)
            if gain > gained:
                best, gained = row, gain
        return best or next((row for _ in range(_HOPELESS) if (row := self._row(at, 0, free=True)) is not None), None)

    def _lateness(self, row: list[int], at: int) -> float:
        return sum(min(_LATEST, self._behind(level, at)) for level in row)

    def _overdue(self, at: int) -> int:
        """A pair that has not met, of values that the schedule can spare, as a mask; 0 where there is none."""
        spare = sum(
            1 << level for level, share in enumerate(self._share) if self._behind(level, at) > -min(_SPARE, share * at)
        )
        levels = range(len(self._levels))
        behind = [level for level in levels if self._behind(level, at) > 0]
        waiting = [(level, self._missing[level] & spare) for level in behind]
        waiting = [(level, others) for level, others in waiting if others]
        if not waiting:
            return 0
        level, others = self._rng.choice(waiting)
        return 1 << level | 1 << self._rng.choice([other for other in levels if others >> other & 1])

    def _row(self, at: int, pair: int, free: bool = False) -> list[int] | None:
        """One value an axis, the longest axis first; None at a dead end.

        pair: levels that it must hold, as a mask. free: values are chosen by chance alone.
        """
        row: list[int] = []
        chosen = pair
        for levels in self._axes:
            open_ = [level for level in levels if not self._barred[level] & chosen]
            open_ = [level for level in open_ if pair >> level & 1] or open_
            if not open_:
                return None
            level = self._rng.choice(open_) if free else self._pick(open_, chosen, at)
            row.append(level)
            chosen |= 1 << level
        return row

    def _pick(self, open_: list[int], chosen: int, at: int) -> int:
        rank = []
        for level in open_:
            behind = self._behind(level, at)
            missing = self._missing[level]
            gain = (missing & chosen).bit_count() if chosen else missing.bit_count()
            settling = self._share[level] * at - self._met[level] if at > BLOCK - _SETTLING else 0.0
            rank.append((min(behind, 0.0), settling, gain, missing.bit_count() + self._rng.random(), level))
        return max(rank)[-1]

    def _behind(self, level: int, at: int) -> float:
        """How many rows a value is late. Each starts at a chance point of its schedule: else every rare value would
        come once in the first rows, and small sets would be made of them."""
        return self._share[level] * at - self._met[level] - self._phase[level]

    def _gain(self, row: list[int], mask: int) -> int:
        return sum((self._missing[level] & mask).bit_count() for level in row)

    def _refill(self) -> None:
        """All pairs count as not met again."""
        everything = (1 << len(self._levels)) - 1
        own = {index: sum(1 << level for level in levels) for levels in self._axes for index in levels}
        self._missing = [everything & ~own[index] & ~self._barred[index] for index in range(len(self._levels))]
