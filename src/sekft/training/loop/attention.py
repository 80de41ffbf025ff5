"""Attention over a pack: each span for itself, so that a pack needs neither padding nor a mask of its square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sekft.models.attention import causal
from sekft.training.loop.packs import Span

NAME = "sekft_packed"


def register() -> None:
    """Make it known to transformers, for `attn_implementation`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)


def attend(
    module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, spans: Sequence[Span], **_: Any
) -> tuple[Any, None]:
    """As transformers calls it. query: (1, heads, tokens, width); key, value: (1, fewer heads, tokens, width).

    Gives (1, tokens, heads, width).
    """
    import torch

    del module, mask
    parts = [_span(span, query[0], key[0], value[0], scaling) for span in spans]
    return torch.cat(parts, dim=1).transpose(0, 1).unsqueeze(0), None


def _span(span: Span, query: Any, key: Any, value: Any, scaling: float) -> Any:
    import torch

    query, heads = query[:, span.start : span.end], key.shape[0]
    keys, values = (_visible(part, span) for part in (key, value))
    if query.device.type == "cpu":
        return causal((query * scaling).unflatten(0, (heads, -1)), keys, values).flatten(0, 1)
    group = query.shape[0] // heads
    keys, values = keys.repeat_interleave(group, 0), values.repeat_interleave(group, 0)
    own, whole = query.shape[1], keys.shape[1]
    visible = torch.ones(own, whole, dtype=torch.bool, device=query.device).tril(whole - own)
    return torch.nn.functional.scaled_dot_product_attention(query, keys, values, attn_mask=visible, scale=scaling)


def _visible(part: Any, span: Span) -> Any:
    """Keys or values of the span's stem, then its own."""
    import torch

    own = part[:, span.start : span.end]
    return torch.cat([part[:, slice(*span.stem)], own], dim=1) if span.stem else own
