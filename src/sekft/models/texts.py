"""How much is in a model's text: tokens, and the most that is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from sekft.errors import UsageError, installing

ANSWER_LIMIT_CHARACTERS = 1 << 20
"""Of a model's answer, thoughts included: a longer one is a fault and is not read."""
CHARACTERS_A_TOKEN = 2.5
"""SmolLM2's tokenizer on 120 explorer trajectories, which are full of invented names, gave 2.49; others differ."""
A_MESSAGE = 5
"""Tokens that ChatML puts round a message: its start, its role, its end and two line ends."""
Message = Mapping[str, str]


class TokenCounter(Protocol):
    """name: for reports; it says so where the count is an estimate."""

    name: str

    def __call__(self, text: str) -> int: ...


class EstimatedTokens:
    name = f"estimate, {CHARACTERS_A_TOKEN} characters a token"

    def __call__(self, text: str) -> int:
        return round(len(text) / CHARACTERS_A_TOKEN)


class Exact:
    """As a `tokenizer.json` counts. Raises UsageError without that file, or without the library."""

    def __init__(self, path: Path) -> None:
        file = path / "tokenizer.json" if path.is_dir() else path
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise UsageError(f"--tokenizer wants the library `tokenizers`: {installing('tokens')}") from None
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises nothing narrower
            raise UsageError(
                f"--tokenizer {path}: {error}; want a tokenizer.json, or a model's folder with one"
            ) from error
        self.name = f"tokenizer {path.name}"

    def __call__(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)


def counter(path: Path | None) -> TokenCounter:
    return Exact(path) if path else EstimatedTokens()


def length(messages: Sequence[Message], count: TokenCounter) -> int:
    """Tokens of a conversation, with what ChatML puts round each message."""
    return sum(count(message["content"]) + A_MESSAGE for message in messages)
