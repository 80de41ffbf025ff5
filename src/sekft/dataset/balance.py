"""Which pairs a set takes: even over outcomes and causes, as long on one side as on the other, spread over the axes."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sekft.seeds import stream

EVEN = 2.0
"""No outcome, and of one outcome no cause, has more than this many times an even share."""
PER_SCENARIO = 4
_LOOKED_AT = 8
"""Candidates looked at for each that is taken."""
_BINS_AN_OCTAVE = 2


@dataclass(frozen=True, slots=True)
class Stub:
    """What the balance has to know of a pair. Lengths in tokens. values: `axis=value` of its scenario's cell."""

    number: int
    scenario: str
    outcome: str
    cause: str
    chosen: int
    rejected: int
    values: tuple[str, ...]


def balanced(stubs: Sequence[Stub], seed: int, per_scenario: int = PER_SCENARIO, most: int | None = None) -> list[int]:
    """The numbers of those to take, in order; the same for the same seed.

    most: at most so many; None takes as many as stay even.
    """
    strata: dict[tuple[str, str], list[Stub]] = defaultdict(list)
    for stub in stubs:
        strata[stub.outcome, stub.cause].append(stub)
    wanted = quotas({key: len(found) for key, found in strata.items()}, most)
    taking = _Taking(stubs, per_scenario, stream(seed, "pairs"))
    for key in sorted(strata, key=lambda key: (len(strata[key]) - wanted[key], key)):  # what has no choice goes first
        taking.take(strata[key], wanted[key])
    return sorted(taking.taken)


def quotas(counts: Mapping[tuple[str, str], int], most: int | None = None) -> dict[tuple[str, str], int]:
    """How many of each (outcome, cause) to take."""
    outcomes: dict[str, dict[str, int]] = defaultdict(dict)
    for (outcome, cause), count in counts.items():
        outcomes[outcome][cause] = count
    evened = {outcome: shared(causes, largest(causes)) for outcome, causes in outcomes.items()}
    sums = {outcome: sum(causes.values()) for outcome, causes in evened.items()}
    total = largest(sums)
    wanted = shared(sums, total if most is None else min(most, total))
    return {
        (outcome, cause): count
        for outcome, causes in evened.items()
        for cause, count in shared(causes, wanted[outcome]).items()
    }


def largest(counts: Mapping[str, int]) -> int:
    """The largest sum in which none has more than EVEN times an even share."""
    cap = max(counts.values(), default=0)
    while (total := sum(min(count, cap) for count in counts.values())) and cap > (fair := EVEN * total / len(counts)):
        cap = math.floor(fair)
    return total


def shared(counts: Mapping[str, int], total: int) -> dict[str, int]:
    """The total dealt out as evenly as the counts allow."""
    dealt: dict[str, int] = {}
    left = min(total, sum(counts.values()))
    for at, name in enumerate(sorted(counts, key=lambda name: (counts[name], name))):
        dealt[name] = min(counts[name], left // (len(counts) - at))
        left -= dealt[name]
    return dealt


class _Taking:
    """What is taken so far, and what would suit it best."""

    def __init__(self, stubs: Iterable[Stub], per_scenario: int, rng: random.Random) -> None:
        self.taken: list[int] = []
        self._per_scenario, self._rng = per_scenario, rng
        self._scenarios: Counter[str] = Counter()
        self._longer: Counter[int] = Counter()
        self._values: Counter[str] = Counter()
        there = {value for stub in stubs for value in stub.values}
        self._wide = Counter(value.partition("=")[0] for value in there)

    def take(self, pool: list[Stub], count: int) -> None:
        """So many of the pool, or as many as the scenarios' caps leave of it."""
        left = list(pool)
        while count and left:
            seen = {self._rng.randrange(len(left)) for _ in range(_LOOKED_AT)}
            full = {at for at in seen if self._scenarios[left[at].scenario] >= self._per_scenario}
            best = min(seen - full, key=lambda at: (*self._cost(left[at]), left[at].number), default=None)
            if best is not None:
                self._add(left[best])
                count -= 1
            for at in sorted(full | ({best} if best is not None else set()), reverse=True):
                left[at] = left[-1]
                left.pop()

    def _cost(self, stub: Stub) -> tuple[int, int]:
        """How much further apart the lengths of the two sides would be, and how common its values are already."""
        chosen, rejected = _bin(stub.chosen), _bin(stub.rejected)
        apart = 0
        if chosen != rejected:
            apart = (1 if self._longer[chosen] >= 0 else -1) + (1 if self._longer[rejected] <= 0 else -1)
        return apart, sum(self._values[value] * self._wide[value.partition("=")[0]] for value in stub.values)

    def _add(self, stub: Stub) -> None:
        self.taken.append(stub.number)
        self._scenarios[stub.scenario] += 1
        self._longer[_bin(stub.chosen)] += 1
        self._longer[_bin(stub.rejected)] -= 1
        self._values.update(stub.values)


def _bin(tokens: int) -> int:
    return round(_BINS_AN_OCTAVE * math.log2(max(1, tokens)))
