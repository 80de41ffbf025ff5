"""Facts of many scenarios: what is stored comes back, and memory does not grow with them."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from sekft import taxonomy
from sekft.quality.facts import PackedFacts, ScenarioFacts, StoredFacts
from sekft.quality.holdings import Holdings, Proofs, Rolled
from sekft.quality.measures import measure_all
from tests import bundles

FEW, MANY = 100, 400
HELD_BYTES, MEASURING_BYTES = 500, 4000
"""Of a scenario more. Its facts are two kilobytes; what the interpreter keeps beside them varies."""


def facts(number: int) -> Iterator[ScenarioFacts]:
    """Scenarios that share no text, each of some two kilobytes."""
    one = ScenarioFacts.of(bundles.sealed(bundles.work()))
    assert one.texts
    for at in range(number):
        word = "".join(chr(ord("a") + int(digit)) for digit in str(at))
        told = [f"The {word} {line} {word}{line} waits for whoever reads it." for line in ("one", "two", "three") * 6]
        texts = replace(one.texts, documentation="\n".join(told), names=frozenset({word}), sentences=frozenset(told))
        yield replace(one, id=f"{at:016x}", family=f"f{at}", interface=(word,) * 8, texts=texts)


def held(stored: StoredFacts) -> Holdings:
    return Holdings(taxonomy.load(), {}, {}, stored, Proofs(), Counter(), Rolled(), (), "scenarios")


def grown(number: int) -> tuple[int, int]:
    """Bytes that the stored facts of so many scenarios hold in memory, and at most while they are measured."""
    tracemalloc.start()
    try:
        whole = held(StoredFacts.of(facts(number)))
        now, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        assert list(measure_all(whole))
        return now, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_is_stored_comes_back_in_order() -> None:
    """Each with its texts where they are asked for; what comes again takes the place of what was there."""
    first, second, third = facts(3)
    again = replace(first, proven=not first.proven)
    stored = StoredFacts.of([first, replace(second, texts=None), third, again])
    assert list(stored.with_texts()) == [again, third]
    assert [one.texts for one in stored] == [None] * 3
    assert [one.id for one in stored] == [first.id, second.id, third.id]
    assert len(stored) == 3
    assert (stored.get(first.id), stored.get("none")) == (replace(again, texts=None), None)


def test_a_reader_that_goes_through_them_may_look_others_up() -> None:
    """A twin's base is looked up while the twins are gone through."""
    stored = StoredFacts.of(facts(20))
    assert [stored.get(one.id) for one in stored] == list(stored)


def test_memory_does_not_grow_with_scenarios() -> None:
    """Little is held of a scenario beside its facts; measuring takes no more than about its texts, at most once."""
    few, many = grown(FEW), grown(MANY)
    held_bytes, measuring = ((after - before) / (MANY - FEW) for before, after in zip(few, many, strict=True))
    assert held_bytes < HELD_BYTES
    assert measuring < MEASURING_BYTES


def test_packed_facts_leave_texts_apart() -> None:
    """Who goes through the facts alone reads no texts."""
    (one,) = facts(1)
    packed = PackedFacts.of(one)
    assert b"waits for whoever" in (packed.texts or b"")
    assert b"waits for whoever" not in packed.facts
