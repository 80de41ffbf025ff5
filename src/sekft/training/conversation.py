"""What a conversation must be to be learnt from, whoever wrote it.

A template renders a null as the word None, an empty action as its end token alone, and a special token within an output
as itself: each would be learnt, or believed, and nobody typed it. So each is refused, with the place where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from sekft.errors import BundleError

ROLES = ("system", "user", "assistant")
CONVERSATIONS = ("messages", "prompt", "completion", "chosen", "rejected")
"""Columns that hold messages."""
CONTINUATIONS = ("completion", "chosen", "rejected")
"""Columns that go on from a prompt with what the assistant types."""
FIELDS = ("role", "content")
DELIMITER = re.compile(r"<\|.*\|>|</?s>")
"""What chat templates put between messages, in whatever family. Other special tokens, as SmolLM2's `<filename>`, are
words that a manual may hold."""


def refuse_unlearnable(row: Mapping[str, Any], markup: Collection[str], where: str) -> None:
    """Raises BundleError for a message that would teach what nobody typed. markup: see template_tokens."""
    for column in (name for name in CONVERSATIONS if name in row):
        messages = row[column]
        if not isinstance(messages, list) or not messages:
            raise BundleError(f"{where}: {column} is {_shown(messages)}, want a list of messages with role and content")
        for number, message in enumerate(messages):
            _refuse_message(message, markup, f"{where}: {column}[{number}]")
        ends = [messages[0]["role"], messages[-1]["role"]]
        if column in CONTINUATIONS and ends != ["assistant", "assistant"]:
            raise BundleError(f"{where}: {column} goes from {' to '.join(ends)}, want what the assistant types alone")


def _refuse_message(message: Any, markup: Collection[str], where: str) -> None:
    if not isinstance(message, dict) or not message.keys() >= set(FIELDS):
        raise BundleError(f"{where} is {_shown(message)}, want an object with role and content")
    role, content = message["role"], message["content"]
    if role not in ROLES:
        raise BundleError(f"{where}: role {_shown(role)}, want one of {', '.join(ROLES)}")
    if not isinstance(content, str):
        raise BundleError(f"{where}: the content is {_shown(content)}, want a text")
    if role == "assistant" and not content.strip():
        raise BundleError(f"{where}: the assistant types nothing; want an action, or a row without this message")
    # Calls, weights, thoughts: others mean something by them that is not learnt here.
    if more := sorted(
        name for name, value in message.items() if name not in FIELDS and value not in (None, "", [], {})
    ):
        raise BundleError(f"{where} holds {', '.join(more)}; want role and content alone")
    if token := next((token for token in markup if token in content), None):
        raise BundleError(
            f"{where}: the content holds {token}, which the base reads as its own token; leave the row out"
        )
    try:
        content.encode()
    except UnicodeEncodeError as error:
        raise BundleError(f"{where}: the content is no text: {error}") from error


def template_tokens(tokenizer: Any) -> list[str]:
    """The tokens that tell a conversation's parts apart, which a text must not hold.

    tokenizer: of transformers.
    """
    added = tokenizer.added_tokens_decoder.values()
    ends = {tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token}
    template = tokenizer.chat_template or ""
    return sorted(
        text
        for text in map(str, added)
        if text.strip() and (text in ends or DELIMITER.fullmatch(text) or (len(text) > 1 and text in template))
    )


def _shown(value: object) -> str:
    """A value of a row, shortened."""
    if value is None:
        return "null"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
