"""Pieces in a row without padding, none seeing another; and which of them make a step, by seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sekft.seeds import stream
from sekft.training.data import Example, Tokens


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens start to end of a pack: each sees those before it in the span, and all that is ahead."""

    start: int
    end: int
    ahead: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Pack:
    """What a model is given at once.

    sources: indexes whose output predicts a learnt token; targets: those tokens.
    owners:  for each target, which sequence of the pack it belongs to, counted over pieces and their branches.
    """

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    spans: tuple[Span, ...]
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    owners: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


def pack(pieces: Sequence[Example]) -> Pack:
    """The pieces, one after the other: a piece's stem once, then its branches."""
    laid = _Laying()
    for piece in pieces:
        stem = laid.add(piece.stem, None, sequence=not piece.branches)
        for branch in piece.branches:
            laid.add(branch, stem, sequence=True)
    return laid.pack()


class _Laying:
    def __init__(self) -> None:
        self.ids: list[int] = []
        self.positions: list[int] = []
        self.spans: list[Span] = []
        self.learnt: list[tuple[int, int, int]] = []
        self.sequences = 0

    def add(self, tokens: Tokens, stem: Span | None, sequence: bool) -> Span:
        start, before = len(self.ids), stem.end - stem.start if stem else 0
        span = Span(start, start + len(tokens), (stem.start, stem.end) if stem else (0, 0))
        self.ids += tokens.ids
        self.positions += range(before, before + len(tokens))
        self.spans.append(span)
        for at, (token, counts) in enumerate(zip(tokens.ids, tokens.learnt, strict=True)):
            source = start + at - 1 if at else (stem.end - 1 if stem else None)
            if counts and source is not None:
                self.learnt.append((source, token, self.sequences))
        self.sequences += sequence
        return span

    def pack(self) -> Pack:
        sources, targets, owners = zip(*self.learnt, strict=True)
        return Pack(tuple(self.ids), tuple(self.positions), tuple(self.spans), sources, targets, owners)


def steps(
    pieces: Sequence[Example], seed: int, epochs: int, step_tokens: int, most_tokens: int | None
) -> list[list[int]]:
    """Which pieces each step learns from, as indexes: every epoch in an order of its own.

    step_tokens: how many tokens make a step; a longer piece makes one alone.
    most_tokens: end with the step that reaches so many, or None.
    """
    made: list[list[int]] = []
    held = total = 0
    for at in _order(len(pieces), seed, epochs):
        size = len(pieces[at])
        if not made or held + size > step_tokens:
            if most_tokens is not None and total >= most_tokens:
                break
            made.append([])
            held = 0
        made[-1].append(at)
        held += size
        total += size
    return made


def _order(count: int, seed: int, epochs: int) -> Iterator[int]:
    for epoch in range(epochs):
        order = list(range(count))
        stream(seed, "training", "order", epoch).shuffle(order)
        yield from order


def packed(pieces: Sequence[Example], pack_tokens: int) -> Iterator[Pack]:
    """The pieces of one step in as few packs as fit in order: what a device takes at once."""
    held: list[Example] = []
    for piece in pieces:
        if held and sum(map(len, held)) + len(piece) > pack_tokens:
            yield pack(held)
            held = []
        held.append(piece)
    if held:
        yield pack(held)
