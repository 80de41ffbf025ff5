"""What is in a model's text: reasoning and tokens of a chat template beside the answer, and how many tokens in all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from sekft.errors import UsageError

ANSWER_LIMIT_CHARACTERS = 1 << 20
"""Of a model's answer, thoughts included: a longer one is a fault and is not read."""
THINK = re.compile(r"<(think|thinking|thought|reasoning)\b[^<>]*>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
THINK_END = re.compile(r"\A.*</(?:think|thinking|thought|reasoning)>", re.DOTALL | re.IGNORECASE)
THINK_TAG = re.compile(r"</?(?:think|thinking|thought|reasoning)\b[^<>]*>", re.IGNORECASE)
HARMONY_FINAL = re.compile(r"\A.*<\|channel\|>\s*final\s*<\|message\|>", re.DOTALL)
HEADER_TOKEN = re.compile(
    r"\A\s*(?:<\|(?:im_start|start_header_id|start)\|>\s*)?assistant\s*(?:<\|end_header_id\|>|\n)"
)
END_TOKEN = re.compile(r"<\|[a-z_]+\|>|<(?:end_of_turn|eos)>|</s>\s*\Z|\[/?INST\]")
CHARACTERS_A_TOKEN = 2.5
"""SmolLM2's tokenizer on 120 explorer trajectories, which are full of invented names, gave 2.49; others differ."""
A_MESSAGE = 5
"""Tokens that ChatML puts round a message: its start, its role, its end and two line ends."""
Message = Mapping[str, str]


def thoughts(answer: str) -> str:
    """What a model reasoned in its answer, tags aside; empty where it did not."""
    text = answer.replace("\r\n", "\n")
    passages = [match[0] for match in THINK.finditer(text)] or [match[0] for match in THINK_END.finditer(text)]
    return "\n\n".join(THINK_TAG.sub("", passage).strip() for passage in passages)


def without_thoughts(text: str) -> str:
    text = HARMONY_FINAL.sub("", text)
    text = THINK.sub("", text)
    text = THINK_END.sub("", text)  # the opening tag was in the template
    text = HEADER_TOKEN.sub("", text)
    end = END_TOKEN.search(text)
    return (text[: end.start()] if end else text).replace("\0", "").strip()


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
            raise UsageError("--tokenizer wants the library `tokenizers`: pip install 'sekft[tokens]'") from None
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
