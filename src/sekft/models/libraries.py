"""The extra `train`: whether it is there, and its libraries kept quiet and off the network."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from sekft.errors import UsageError

WANTED = ("torch", "transformers", "peft", "accelerate")


def prepare() -> None:
    """Call before the first import of torch: no model hub is ever asked, no bar drawn over ours.

    Threads that wait for each other sleep: beside other programs, spinning ones made training five times as slow.
    Raises UsageError naming what the extra `train` would have installed.
    """
    missing = [name for name in WANTED if find_spec(name) is None]
    if missing:
        raise UsageError(f"this wants {', '.join(missing)}: pip install 'sekft[train]' (docs/training.md)")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


def refuse_other_attention(folder: Path) -> None:
    """Training and generation bring their own attention, which looks at all tokens before and nothing else.

    folder: a Hugging Face model's. Raises UsageError naming what else its configuration asks for.
    """
    prepare()
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config()
    layers = set(getattr(config, "layer_types", None) or ())
    asked = sorted(layers - {"full_attention"})
    for name in ("attn_logit_softcapping",) if layers else ("sliding_window", "attn_logit_softcapping"):
        if (value := getattr(config, name, None)) is not None:
            asked.append(f"{name} {value:g}")
    if asked:
        raise UsageError(f"{folder}: its attention has {', '.join(asked)}; want a model with full attention alone")


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
