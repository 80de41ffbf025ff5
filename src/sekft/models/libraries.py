"""What training and local inference share: the libraries of the extra `train`, quiet and offline, and attention."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sekft.errors import UsageError, installing

NEEDED = ("torch", "transformers", "peft", "accelerate")
BLOCK = 192
"""Queries at once: each block is held against the keys that it may see and no others."""


def prepare() -> None:
    """Call before the first import of torch: no model hub is ever asked, no bar drawn over ours.

    Threads that wait for each other sleep: beside other programs, spinning ones made training five times as slow.
    Raises UsageError naming what the extra `train` would have installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(f"this wants {', '.join(missing)}: {installing('train')} (docs/training.md)")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


def device() -> str:
    """cuda where there is one, else cpu."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def bf16_here() -> bool:
    """Whether this machine computes in bfloat16; where it only imitates it, float32 is faster."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)  # type: ignore[no-any-return]
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def causal(query: Any, keys: Any, values: Any) -> Any:
    """Attention of a sequence's last tokens, each over itself and all before it: shaped like query.

    query: (key heads, query heads each, tokens, width), scaled. keys, values: (key heads, tokens or more, width).
    Heads that share keys are one matrix against them. On a CPU torch's fused kernel, which wants the keys repeated for
    each head, takes 1.5 times as long, forward and back, for heads of 64 in bfloat16 at 350 to 1,700 tokens.
    """
    import torch

    ahead = keys.shape[1] - query.shape[2]
    blocks = []
    for start in range(0, query.shape[2], BLOCK):
        part, reach = query[:, :, start : start + BLOCK], ahead + start + BLOCK
        size = part.shape[2]
        scores = (part.flatten(1, 2) @ keys[:, :reach].transpose(1, 2)).unflatten(1, (-1, size))
        later = torch.full((size, size), float("-inf"), dtype=scores.dtype, device=scores.device).triu(1)
        scores[..., -size:].add_(later)
        blocks.append((scores.softmax(-1).flatten(1, 2) @ values[:, :reach]).unflatten(1, (-1, size)))
    return torch.cat(blocks, 2)


def refuse_other_attention(folder: Path) -> None:
    """Training and local inference look at all earlier tokens and at nothing else.

    folder: a Hugging Face model's. Raises UsageError naming what else its configuration asks for.
    """
    prepare()
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config()
    layers = set(getattr(config, "layer_types", None) or ())
    others = sorted(layers - {"full_attention"})
    for name in ("attn_logit_softcapping",) if layers else ("sliding_window", "attn_logit_softcapping"):
        if (value := getattr(config, name, None)) is not None:
            others.append(f"{name} {value:g}")
    if others:
        raise UsageError(f"{folder}: its attention has {', '.join(others)}; want a model with full attention alone")
