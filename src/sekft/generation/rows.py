"""The key-value cache of many conversations, a row each, and attention over it."""

from __future__ import annotations

from typing import Any

NAME = "sekft_rows"
BLOCK = 192
ROOM_TOKENS, SPARE_TOKENS = 128, 512
"""By which the cache grows, as long as the longest conversation that it holds; how much too long it may be."""


def register() -> None:
    """Make it known to transformers, for `attn_implementation`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)


def attend(module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, **_: Any) -> tuple[Any, None]:
    """As transformers calls it. query: (rows, heads, tokens, width); key, value: (rows, fewer heads, positions, width).

    Gives (rows, tokens, heads, width). Heads that share keys are one matrix against them, and the tokens of a row go in
    blocks: torch's fused kernel, which wants keys repeated for each head, takes longer than all else here.
    """
    import torch

    del module
    rows, heads, tokens, width = query.shape
    grouped = (query * scaling).unflatten(1, (key.shape[1], -1))
    made = []
    for at in range(0, tokens, BLOCK):
        part = grouped[:, :, :, at : at + BLOCK]
        reach = key.shape[2] - max(0, tokens - at - BLOCK)
        scores = (part.flatten(2, 3) @ key[:, :, :reach].transpose(2, 3)).unflatten(2, (-1, part.shape[3]))
        weights = scores.masked_fill(~mask[:, :, None, at : at + BLOCK, :reach], float("-inf")).softmax(-1)
        made.append((weights.flatten(2, 3) @ value[:, :, :reach]).unflatten(2, (-1, part.shape[3])))
    return torch.cat(made, 3).view(rows, heads, tokens, width).transpose(1, 2), None


class Rows:
    """The key-value cache of many conversations, a row each, as transformers asks for one.

    Zeros, where nothing was written: what a mask hides is still multiplied by nought.
    """

    def __init__(self, rows: int, context: int) -> None:
        self._rows, self._context = rows, context
        self._layers: list[tuple[Any, Any]] = []
        self._room = 0

    def point(self, rows: slice, positions: Any, longest: int) -> None:
        """Where the next forward pass writes. longest: of all rows, with what it writes."""
        self._at, self._positions = rows, positions
        self._one = positions.shape[1] == 1
        room = min(-(-longest // ROOM_TOKENS) * ROOM_TOKENS, self._context)
        if room > self._room or room + SPARE_TOKENS < self._room:
            self._room = room
            self._layers = [(self._moved(keys), self._moved(values)) for keys, values in self._layers]
        # One token a row sees all the room, which lies in one piece; what is too much is masked.
        self._length = self._room if self._one else int(positions.max()) + 1

    def mask(self, positions: Any) -> Any:
        """(row, 1, token, position): which positions a token sees: its own and all before it."""
        import torch

        seen = torch.arange(self._length, device=positions.device)
        return (seen[None, None, :] <= positions[:, :, None])[:, None]

    def update(self, keys: Any, values: Any, layer: int, *_: object) -> tuple[Any, Any]:
        """Write (row, head, token, channel) at the positions; what each row may see of this layer."""
        import torch

        if layer == len(self._layers):
            self._layers.append((self._moved(keys[:0]), self._moved(values[:0])))
        found = []
        for held, new in zip(self._layers[layer], (keys, values), strict=True):
            rows = held[self._at]
            if self._one:
                rows[torch.arange(len(rows), device=rows.device), :, self._positions[:, 0]] = new[:, :, 0]
            else:
                start = int(self._positions[0, 0])
                rows[:, :, start : start + new.shape[2]] = new
            found.append(rows[:, :, : self._length])
        return found[0], found[1]

    def _moved(self, old: Any) -> Any:
        """Into a tensor with the room that there is now."""
        made = old.new_zeros((self._rows, old.shape[1], self._room, old.shape[3]))
        kept = min(self._room, old.shape[2])
        made[: len(old), :, :kept] = old[:, :, :kept]
        return made
