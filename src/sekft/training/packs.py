"""Examples in a row without padding, none seeing another; and which of them make a step, by seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sekft.seeds import stream
from sekft.training.data import Example


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens start to end of a pack: each sees those before it in the span, and all of the stem."""

    start: int
    end: int
    stem: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Pack:
    """What a model is given at once.

    sources:   indexes whose output predicts a learnt token; targets: those tokens.
    sequences: for each target, which sequence of the pack it belongs to, counted over examples and their branches.
    """

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    spans: tuple[Span, ...]
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    sequences: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


def pack(examples: Sequence[Example]) -> Pack:
    """The examples, one after the other: an example's stem once, then its branches."""
    ids: list[int] = []
    positions: list[int] = []
    spans: list[Span] = []
    learnt: list[tuple[int, int, int]] = []
    sequence = 0
    for example in examples:
        stem: Span | None = None
        for tokens in (example.stem, *example.branches):
            start, before = len(ids), stem.end - stem.start if stem else 0
            ids += tokens.ids
            positions += range(before, before + len(tokens))
            spans.append(Span(start, len(ids), (stem.start, stem.end) if stem else None))
            last = stem.end - 1 if stem else None
            sources = (last, *range(start, len(ids) - 1))
            learnt += [
                (source, token, sequence)
                for source, token, counts in zip(sources, tokens.ids, tokens.learnt, strict=True)
                if counts and source is not None
            ]
            sequence += stem is not None or not example.branches
            stem = stem or spans[-1]
    predicting, targets, sequences = zip(*learnt, strict=True)
    return Pack(tuple(ids), tuple(positions), tuple(spans), predicting, targets, sequences)


def packed(examples: Sequence[Example], pack_tokens: int) -> Iterator[Pack]:
    """The examples of one step in as few packs as fit in order: what a device takes at once."""
    held: list[Example] = []
    for example in examples:
        if held and sum(map(len, held)) + len(example) > pack_tokens:
            yield pack(held)
            held = []
        held.append(example)
    if held:
        yield pack(held)


def steps(
    examples: Sequence[Example], seed: int, epochs: int, step_tokens: int, most_tokens: int | None
) -> list[list[int]]:
    """Which examples each step learns from, as indexes: every epoch in an order of its own.

    step_tokens: how many tokens make a step; a longer example makes one alone.
    most_tokens: end with the step that reaches so many, or None.
    """
    plan: list[list[int]] = []
    held = total = 0
    for index in _order(len(examples), seed, epochs):
        size = len(examples[index])
        if not plan or held + size > step_tokens:
            if most_tokens is not None and total >= most_tokens:
                break
            plan.append([])
            held = 0
        plan[-1].append(index)
        held += size
        total += size
    return plan


def _order(count: int, seed: int, epochs: int) -> Iterator[int]:
    for epoch in range(epochs):
        order = list(range(count))
        stream(seed, "training", "order", epoch).shuffle(order)
        yield from order
