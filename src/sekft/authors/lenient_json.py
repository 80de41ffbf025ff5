"""JSON as models write it: among prose and fences, with trailing commas, wrong escapes and bare quotes, or cut off.

An object read here is data that is still to be validated; no value is guessed that is not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from sekft.models.texts import ANSWER_LIMIT_CHARACTERS, without_thoughts

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
    text = without_thoughts(answer)
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
    if text[at] == "{":
        return _object(text, at, depth + 1)
    if text[at] == "[":
        return _array(text, at, depth + 1)
    if text[at] in "\"'":
        return _string(text, at)
    bare = _BARE.match(text, at)
    if bare is None:
        raise Malformed
    if bare[0] in _WORDS:
        return _WORDS[bare[0]], bare.end()
    try:
        return json.loads(bare[0]), bare.end()
    except ValueError:
        raise Malformed from None


def _object(text: str, at: int, depth: int) -> tuple[dict[str, object], int]:
    if depth > DEPTH:
        raise Malformed
    body: dict[str, object] = {}
    at = _skipped(text, at + 1)
    while text[at] != "}":
        key, at = _key(text, at)
        at = _skipped(text, at)
        if text[at] != ":":
            raise Malformed
        body[key], at = _value(text, at + 1, depth)
        at = _next(text, at, "}")
    return body, at + 1


def _array(text: str, at: int, depth: int) -> tuple[list[object], int]:
    if depth > DEPTH:
        raise Malformed
    items: list[object] = []
    at = _skipped(text, at + 1)
    while text[at] != "]":
        item, at = _value(text, at, depth)
        items.append(item)
        at = _next(text, at, "]")
    return items, at + 1


def _key(text: str, at: int) -> tuple[str, int]:
    if text[at] in "\"'":
        return _string(text, at)
    bare = _BARE.match(text, at)
    if bare is None:
        raise Malformed
    return bare[0], bare.end()


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
