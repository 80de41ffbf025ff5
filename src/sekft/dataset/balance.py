"""Which pairs a set takes: even over outcomes and causes, as long on one side as on the other, spread over the axes."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
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
    quota = quotas({key: len(pool) for key, pool in strata.items()}, most)
    taken, rng = _Balance(stubs), stream(seed, "pairs")
    for key in sorted(strata, key=lambda key: (len(strata[key]) - quota[key], key)):  # the least choice goes first
        pool, lacking = strata[key], quota[key]
        while lacking and pool:
            seen = sorted({rng.randrange(len(pool)) for _ in range(_LOOKED_AT)}, reverse=True)
            full = [at for at in seen if taken.scenarios[pool[at].scenario] >= per_scenario]
            best = min(set(seen) - set(full), key=lambda at: taken.cost(pool[at]), default=None)
            if best is not None:
                taken.add(pool[best])
                lacking -= 1
            for at in (at for at in seen if at == best or at in full):
                pool[at] = pool[-1]
                pool.pop()
    return sorted(taken.numbers)


def quotas(counts: Mapping[tuple[str, str], int], most: int | None = None) -> dict[tuple[str, str], int]:
    """How many of each (outcome, cause) to take."""
    outcomes: dict[str, dict[str, int]] = defaultdict(dict)
    for (outcome, cause), count in counts.items():
        outcomes[outcome][cause] = count
    evened = {outcome: shared(causes, largest(causes)) for outcome, causes in outcomes.items()}
    sums = {outcome: sum(causes.values()) for outcome, causes in evened.items()}
    total = largest(sums)
    quota = shared(sums, total if most is None else min(most, total))
    return {
        (outcome, cause): count
        for outcome, causes in evened.items()
        for cause, count in shared(causes, quota[outcome]).items()
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


class _Balance:
    """What is taken so far, and how well another would suit it."""

    def __init__(self, stubs: Sequence[Stub]) -> None:
        self.numbers: list[int] = []
        self.scenarios: Counter[str] = Counter()
        self._longer: Counter[int] = Counter()
        self._values: Counter[str] = Counter()
        self._values_of_axis = Counter(_axis(value) for value in {value for stub in stubs for value in stub.values})

    def cost(self, stub: Stub) -> tuple[int, int, int]:
        """How much further apart the lengths of the sides would be; how common its values are; the earlier first."""
        chosen, rejected = _bin(stub.chosen), _bin(stub.rejected)
        apart = 0
        if chosen != rejected:
            apart = (1 if self._longer[chosen] >= 0 else -1) + (1 if self._longer[rejected] <= 0 else -1)
        common = sum(self._values[value] * self._values_of_axis[_axis(value)] for value in stub.values)
        return apart, common, stub.number

    def add(self, stub: Stub) -> None:
        self.numbers.append(stub.number)
        self.scenarios[stub.scenario] += 1
        self._longer[_bin(stub.chosen)] += 1
        self._longer[_bin(stub.rejected)] -= 1
        self._values.update(stub.values)


def _axis(value: str) -> str:
    return value.partition("=")[0]


def _bin(tokens: int) -> int:
    return round(_BINS_AN_OCTAVE * math.log2(max(1, tokens)))
