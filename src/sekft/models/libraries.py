"""The extra `train`: whether it is there, and its libraries kept quiet and off the network."""

from __future__ import annotations

import os
from importlib.util import find_spec

from sekft.errors import UsageError

NEEDED = ("torch", "transformers", "peft", "accelerate")


def prepare() -> None:
    """Call before the first import of torch: no model hub is ever asked, no bar drawn over ours.

    Threads that wait for each other sleep: beside other programs, spinning ones made training five times as slow.
    Raises UsageError naming what the extra `train` would have installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(f"this wants {', '.join(missing)}: pip install 'sekft[train]' (docs/training.md)")
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
