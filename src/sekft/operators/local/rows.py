"""The key-value cache of many conversations, a row each, and attention over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sekft.models.attention import causal

NAME = "sekft_rows"
ROOM_TOKENS, SPARE_TOKENS = 128, 512
"""By which the cache grows, as long as the longest conversation that it holds; how much too long it may be."""


@dataclass(frozen=True, slots=True)
class Line:
    """New tokens of one row, from position `start` on."""

    row: int
    start: int
    ids: Sequence[int]

    @property
    def end(self) -> int:
        return self.start + len(self.ids)


@dataclass(frozen=True, slots=True)
class PassLayout:
    """Lines behind each other, those of one token first and by row. rows, positions: of each token.

    singles: how many have one token. low, high: between which rows these lie. hidden: (row from low on, position) that
    these do not see.
    """

    lines: Sequence[Line]
    rows: Any
    positions: Any
    singles: int
    low: int
    high: int
    hidden: Any


def register() -> None:
    """Make it known to transformers, for `attn_implementation`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)


def attend(
    module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, layout: PassLayout, **_: Any
) -> tuple[Any, None]:
    """As transformers calls it. query: (1, heads, tokens, width); key, value: the cache, (rows, fewer heads, positions,
    width).

    Gives (1, tokens, heads, width).
    """
    import torch

    del module, mask
    grouped = (query[0] * scaling).unflatten(0, (key.shape[1], -1))  # (key heads, query heads each, tokens, width)
    parts, start = [], layout.singles
    if start:
        parts.append(_singles(grouped[:, :, :start], key, value, layout))
    for line in layout.lines[layout.singles :]:
        part = grouped[:, :, start : start + len(line.ids)]
        parts.append(causal(part, key[line.row, :, : line.end], value[line.row, :, : line.end]))
        start += len(line.ids)
    return torch.cat(parts, 2).flatten(0, 1).transpose(0, 1)[None], None


def _singles(grouped: Any, key: Any, value: Any, layout: PassLayout) -> Any:
    """One token a row, each against its own keys. Rows between them that have none, and positions that hold nothing,
    are computed, too: to leave them out would copy the cache.
    """
    at, rows = layout.rows[: layout.singles] - layout.low, slice(layout.low, layout.high)
    whole = grouped.new_zeros((layout.high - layout.low, *grouped.shape[:2], grouped.shape[3]))
    whole[at] = grouped.permute(2, 0, 1, 3)
    scores = whole @ key[rows].transpose(2, 3)
    weights = scores.masked_fill_(layout.hidden[:, None, None], float("-inf")).softmax(-1)
    return (weights @ value[rows])[at].permute(1, 2, 0, 3)


class Rows:
    """The key-value cache of many conversations, a row each, as transformers asks for one.

    Zeros, where nothing was written: what a mask hides is still multiplied by nought.
    """

    def __init__(self, rows: int, context: int) -> None:
        self._rows, self._context = rows, context
        self._layers: list[tuple[Any, Any]] = []
        self._room = 0

    def lay_out(self, lines: Sequence[Line], longest: int, device: Any) -> PassLayout:
        """Where the next forward pass writes, and what it sees. longest: of all rows, with what it writes."""
        import torch

        room = min(-(-longest // ROOM_TOKENS) * ROOM_TOKENS, self._context)
        if room > self._room or room + SPARE_TOKENS < self._room:
            self._room = room
            self._layers = [(self._moved(keys), self._moved(values)) for keys, values in self._layers]
        singles = [line for line in lines if len(line.ids) == 1]
        low, high = (singles[0].row, singles[-1].row + 1) if singles else (0, 0)
        # A row without a token sees one position, so that its shares are numbers.
        seen = torch.ones(high - low, dtype=torch.long)
        for line in singles:
            seen[line.row - low] = line.end
        self._layout = PassLayout(
            lines=lines,
            rows=torch.tensor([line.row for line in lines for _ in line.ids], device=device),
            positions=torch.cat([torch.arange(line.start, line.end) for line in lines]).to(device),
            singles=len(singles),
            low=low,
            high=high,
            hidden=(torch.arange(self._room)[None] >= seen[:, None]).to(device),
        )
        return self._layout

    def update(self, keys: Any, values: Any, layer: int, *_: object) -> tuple[Any, Any]:
        """Write (1, head, token, channel) where the layout says; gives all that this layer holds."""
        if layer == len(self._layers):
            empty = keys.new_zeros((0, keys.shape[1], 0, keys.shape[3]))
            self._layers.append((self._moved(empty), self._moved(empty)))
        for held, new in zip(self._layers[layer], (keys, values), strict=True):
            held[self._layout.rows, :, self._layout.positions] = new[0].transpose(0, 1)
        return self._layers[layer]

    def _moved(self, old: Any) -> Any:
        """Into a tensor with the room that there is now."""
        new = old.new_zeros((self._rows, old.shape[1], self._room, old.shape[3]))
        kept = min(self._room, old.shape[2])
        new[: len(old), :, :kept] = old[:, :, :kept]
        return new
