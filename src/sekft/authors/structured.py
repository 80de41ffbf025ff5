"""Asks a teacher for one JSON object: by the strictest format that its service takes, read as it comes.

Models write JSON among prose and fences, with trailing commas, wrong escapes and bare quotes, or cut it off. An object
read here is data that is still to be validated; no value is guessed that is not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from sekft.models.endpoint import ContextFull, Endpoint, FormatRefused
from sekft.models.texts import ANSWER_LIMIT_CHARACTERS
from sekft.protocols import Author
from sekft.shell import markup

RUNGS = 3
"""json_schema, json_object, plain text."""
SEED_BITS = 31
TEMPERATURE = 1.0

Message = dict[str, str]
Schema = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ModelJson:
    """text: as it came, without thoughts. body: the object in it; None where there is none, and `fault` says why."""

    text: str
    body: dict[str, object] | None
    fault: str = ""


class AskingAuthor(Author):
    """An author that asks a served model for JSON objects.

    repairs: how often a refused candidate may be mended. max_tokens: for one answer, thoughts included.
    """

    def __init__(self, endpoint: Endpoint, repairs: int, max_tokens: int) -> None:
        self.endpoint: Endpoint = endpoint
        self.repairs, self.max_tokens = repairs, max_tokens
        self.settings = {"model": endpoint.model, "repairs": str(repairs), "max_tokens": str(max_tokens)}
        self._rung = 0

    async def ask(
        self, messages: Sequence[Message], schema: Schema, keys: Sequence[str], purpose: str, seed: int
    ) -> ModelJson:
        """One answer.

        keys:    those that the object should have, by which it is told from others in the answer.
        purpose: what the question is for, the same when it is asked again after an interruption.
        Raises EndpointError and InfraError; a conversation that has become too long is a fault of the answer.
        """
        while True:
            rung = self._rung
            try:
                reply = await self.endpoint.chat(
                    messages,
                    max_tokens=self.max_tokens,
                    temperature=TEMPERATURE,
                    seed=seed % (1 << SEED_BITS),
                    response_format=_format(rung, schema),
                    request_id=purpose,
                    named=True,
                )
            except ContextFull:
                return ModelJson("", None, "the conversation no longer fits")
            except FormatRefused:
                if rung == RUNGS - 1:
                    raise
                self._rung = max(self._rung, rung + 1)  # for every later question, too
                continue
            if reply.refused:
                return ModelJson("", None, f"the service refused to answer: {reply.refused}")
            body, fault = find(reply.text, keys)
            fault += f" (it met the limit of {self.max_tokens} tokens)" if reply.cut else ""
            return ModelJson(reply.text, body, fault)


def _format(rung: int, schema: Schema) -> dict[str, object] | None:
    if rung == 0:
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return {"type": "json_object"} if rung == 1 else None


def prompt(name: str, part: str = "", /, **slots: str) -> str:
    """The prompt of that file, every {slot} filled, less what stands between [PART …] and [end] for other parts."""
    text = (resources.files("sekft") / "authors" / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    text = _PART.sub(lambda match: match[2] if part in match[1].split() else "", text)
    for slot, value in slots.items():
        text = text.replace("{" + slot + "}", value)
    return text.strip() + "\n"


_PART = re.compile(r"^\[([a-z ]+)\]\n(.*?)^\[end\]\n", re.MULTILINE | re.DOTALL)
STARTS = 64
DEPTH = 24
_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/|\#[^\n]*)*", re.DOTALL)
_BARE = re.compile(r"[A-Za-z_][\w-]*|-?\d[\d.eE+-]*")
_CLOSES = re.compile(r"\s*(?:[,}\]:]|\Z|/[/*])")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/",
            "$": "$", "`": "`"}  # fmt: skip


class Malformed(Exception):
    """This is no JSON, not even a messy one."""


class Cut(Exception):
    """The text ends inside a value."""


def find(answer: str, keys: Collection[str]) -> tuple[dict[str, object] | None, str]:
    """The object in an answer that has most of these keys, at its top or one level below.

    Where there is none: None, and why, in words for whoever wrote the answer; else the second value is "".
    """
    if len(answer) > ANSWER_LIMIT_CHARACTERS:
        return None, f"the answer has {len(answer)} characters, want at most {ANSWER_LIMIT_CHARACTERS}"
    text = markup.read(answer).said
    best: dict[str, object] | None = None
    cut = False
    at, starts = text.find("{"), 0
    while at >= 0 and starts < STARTS:
        starts += 1
        try:
            value, end = _parsed(text, at)
        except Malformed:
            end = at + 1
        except Cut:
            cut, end = True, at + 1
        else:
            inner = [item for item in value.values() if isinstance(item, dict)]
            best = max([*([best] if best else []), value, *inner], key=lambda body: len(set(keys) & body.keys()))
        if best and set(keys) <= best.keys():
            break
        at = text.find("{", end)
    if best is not None and set(keys) & best.keys() and not (cut and not set(keys) <= best.keys()):
        return _encodable(best), ""
    return None, _fault(text, cut)


def _fault(text: str, cut: bool) -> str:
    if cut:
        return f"the answer is cut off after {len(text)} characters, or a quote or bracket in it is never closed"
    return f"the answer holds no JSON object with the wanted keys; it begins {text[:120]!r}" if text else "it is empty"


def _encodable(body: dict[str, object]) -> dict[str, object]:
    """Without lone surrogates, which no file can hold."""
    whole: dict[str, object] = json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
    return whole


def _parsed(text: str, at: int) -> tuple[dict[str, object], int]:
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text, at)
    except RecursionError:
        raise Malformed from None
    except ValueError:
        return _object(text, at, 0)
    return value, end


def _value(text: str, at: int, depth: int) -> tuple[object, int]:
    at = _skipped(text, at)
    if text[at] in "{[":
        if depth == DEPTH:
            raise Malformed
        return (_object if text[at] == "{" else _array)(text, at, depth + 1)
    if text[at] in "\"'":
        return _string(text, at)
    bare, end = _bare(text, at)
    if bare in _WORDS:
        return _WORDS[bare], end
    try:
        return json.loads(bare), end
    except ValueError:
        raise Malformed from None


def _object(text: str, at: int, depth: int) -> tuple[dict[str, object], int]:
    body: dict[str, object] = {}
    at = _skipped(text, at + 1)
    while text[at] != "}":
        key, at = (_string if text[at] in "\"'" else _bare)(text, at)
        at = _skipped(text, at)
        if text[at] != ":":
            raise Malformed
        body[key], at = _value(text, at + 1, depth)
        at = _next(text, at, "}")
    return body, at + 1


def _array(text: str, at: int, depth: int) -> tuple[list[object], int]:
    items: list[object] = []
    at = _skipped(text, at + 1)
    while text[at] != "]":
        item, at = _value(text, at, depth)
        items.append(item)
        at = _next(text, at, "]")
    return items, at + 1


def _bare(text: str, at: int) -> tuple[str, int]:
    match = _BARE.match(text, at)
    if match is None:
        raise Malformed
    return match[0], match.end()


def _next(text: str, at: int, closing: str) -> int:
    """Past the comma, where there is one, also one too many."""
    at = _skipped(text, at)
    if text[at] == ",":
        return _skipped(text, at + 1)
    if text[at] != closing:
        raise Malformed
    return at


def _skipped(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    at = space.end() if space else at
    if at >= len(text):
        raise Cut
    return at


def _string(text: str, at: int) -> tuple[str, int]:
    """A string. A quote inside it that was not escaped is told by what follows: no comma, colon or bracket."""
    quote = text[at]
    if text.startswith(quote * 3, at):
        end = text.find(quote * 3, at + 3)
        if end < 0:
            raise Cut
        return text[at + 3 : end], end + 3
    parts = []
    at += 1
    while at < len(text):
        char = text[at]
        if char == "\\":
            part, at = _escape(text, at)
            parts.append(part)
        elif char == quote and _CLOSES.match(text, at + 1):
            return "".join(parts), at + 1
        else:
            parts.append(char)
            at += 1
    raise Cut


def _escape(text: str, at: int) -> tuple[str, int]:
    """One escape. JSON knows no `\\$` and no `\\.`: the first is a sign escaped in vain, the second a pattern's own."""
    kind = text[at + 1 : at + 2]
    if kind == "u":
        try:
            return chr(int(text[at + 2 : at + 6], 16)), at + 6
        except ValueError:
            return "\\u", at + 2
    if kind in _ESCAPES and kind:
        return _ESCAPES[kind], at + 2
    return "\\" + kind, at + 2
