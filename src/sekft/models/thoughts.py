"""A model's reasoning and the tokens of its chat template, apart from what it answers."""

from __future__ import annotations

import re

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
