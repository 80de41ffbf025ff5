"""Hashed seed streams: no two named streams overlap, whatever the numbers."""

from __future__ import annotations

import hashlib
import random


def stream(root: int, *names: object) -> random.Random:
    """A random stream that depends on every name, in order.

    root:  the user's --seed.
    names: whatever identifies the draw, for example ("author", slot, attempt).
    """
    return random.Random(derive(root, *names))


def derive(root: int, *names: object) -> int:
    """A 53-bit seed for the stream of that name: exact in JSON everywhere, stable across versions."""
    text = "\x1f".join([str(root), *(str(name) for name in names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11
