"""What services mean by what they send: refusals of any status, errors inside a 200, and the forms of an answer.

The wordings are a table (dialects.toml). Where none fits, the status decides. Only the service's own words are read:
what it echoes of the request, as validators do, tells nothing.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Kind = Literal[
    "account", "key", "model", "setting", "context", "output", "filter", "answer", "field", "busy", "broken", "refused"
]
"""account, key, model and setting stop the run; busy and broken pass; the rest is one conversation's fate."""
LONGEST_RENEWAL_S = 300.0
"""A quota that comes again sooner is waited for."""
ECHOES = frozenset("input body request messages prompt ctx url headers doc_url documentation_url help_url".split())
WORDS = ("message", "msg", "error_msg", "status_msg", "detail", "description", "error", "reason")
READ_CHARACTERS = 4000
"""Of one string that a service sends."""
DEPTH = 8
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WAIT = re.compile(
    r"(?:try again|retry|wait|reset|come back|available)[^\d\n]{0,40}((?:\d+(?:\.\d+)?\s?[a-z]{1,7}\s?)+)"
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s?(ms|milli|[smhd])")
_UNSUPPORTED = re.compile(r"support|unrecogni|unexpected|unknown|not permitted|not allowed|forbidden|deprecated")
_RENAMED = re.compile(
    rf"max_completion_tokens|(?<![\w-])max_tokens\b.*(?:{_UNSUPPORTED.pattern})|(?:{_UNSUPPORTED.pattern}).*(?<![\w-])max_tokens\b"
)
_TAGS = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<[^<>]{0,400}>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """kind, and the statuses and words that tell it; `but` are words that do not."""

    kind: str
    words: re.Pattern[str]
    but: re.Pattern[str] | None
    statuses: frozenset[int] | None

    def fits(self, status: int, words: str) -> bool:
        if self.statuses is not None and status not in self.statuses:
            return False
        return bool(self.words.search(words)) and not (self.but and self.but.search(words))


@dataclass(frozen=True, slots=True)
class Fields:
    """names: of each optional field, as services write it.

    The patterns tell a value that is fixed, one out of its range, and that two fields exclude each other.
    """

    names: Mapping[str, re.Pattern[str]]
    fixed: re.Pattern[str]
    range: re.Pattern[str]
    either: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Dialects:
    rows: tuple[Row, ...]
    fields: Fields
    finishes: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """words: the service's own. fields: to be left out, or renamed. retry_after_s: when to come back, by its words.

    generated: what the model wrote, where the service could not read that.
    """

    kind: Kind
    words: str
    fields: tuple[str, ...] = ()
    retry_after_s: float | None = None
    generated: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer in our terms. withheld: why there is none, in the service's words; it will not differ next time.

    usage: as the service tells it, for `prices.used`.
    """

    text: str
    thoughts: str = ""
    cut: bool = False
    withheld: str = ""
    usage: object = None

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.thoughts or self.cut or self.withheld)


@cache
def table() -> Dialects:
    data = tomllib.loads((resources.files("sekft.models") / "dialects.toml").read_text(encoding="utf-8"))
    rows = tuple(
        Row(
            row["kind"],
            re.compile(row["words"]),
            re.compile(row["except"]) if "except" in row else None,
            frozenset(row["statuses"]) if "statuses" in row else None,
        )
        for row in data["refusals"]
    )
    told = data["fields"]
    names = {
        name: re.compile("|".join(rf"(?<![\w-]){re.escape(spelt)}(?![\w-])" for spelt in spellings))
        for name, spellings in told["names"].items()
    }
    fields = Fields(names, *(re.compile(told[name]) for name in ("fixed", "range", "either")))
    return Dialects(rows, fields, {kind: frozenset(names) for kind, names in data["finishes"].items()})


def refusal(
    status: int, content: bytes, sent: Collection[str], model: str, retry_after_s: float | None = None
) -> Refusal:
    """What a status other than 200 means.

    sent: the names of the request's fields. model: whose name is no word of a refusal.
    retry_after_s: by the headers.
    """
    text = content.decode("utf-8", "replace")
    return _meant(status, _json(text), text, sent, model, retry_after_s)


def _meant(
    status: int, body: object, text: str, sent: Collection[str], model: str, retry_after_s: float | None = None
) -> Refusal:
    own = list(_strings(body)) if body is not None else [_TAGS.sub(" ", text[: 4 * READ_CHARACTERS])]
    words = _told(body) or " ".join(" ".join(own).split())
    read = re.sub(rf"(?<!\w){re.escape(model.lower())}(?!\w)", "model", " ".join(" ".join(own).lower().split()))
    wait_s = _wait_s(read) if retry_after_s is None else retry_after_s
    kind, fields = _kind(status, read, sent, wait_s)
    generated = next(_found(body, "failed_generation"), "") if kind == "answer" else ""
    return Refusal(kind, words, fields, wait_s, generated)


def _kind(status: int, words: str, sent: Collection[str], wait_s: float | None) -> tuple[Kind, tuple[str, ...]]:
    if status == 402:
        return "account", ()
    kinds = (row.kind for row in table().rows if row.fits(status, words))
    kind: Any = next(kinds, None)
    if kind == "quota":
        kind = "busy" if wait_s is not None and wait_s <= LONGEST_RENEWAL_S else "account"
    if kind in ("account", "context", "output", "filter", "answer"):
        return kind, ()
    if fields := _refused_fields(status, words, sent):
        return "field", fields
    if kind in ("setting", "model", "broken", "busy"):
        return kind, ()
    if status in (401, 403):
        return "key", ()
    if status == 404:
        return "model", ()
    if status in (429, 498) or (status == 503 and wait_s is not None):
        return "busy", ()
    return ("broken" if status in (200, 408, 409, 425, 499) or status >= 500 else "refused"), ()


def _refused_fields(status: int, words: str, sent: Collection[str]) -> tuple[str, ...]:
    """The fields of a request that a service does not take; () where it objects to something else."""
    if status not in (200, 400, 404, 422, 500, 501) or (status not in (400, 422) and not _UNSUPPORTED.search(words)):
        return ()
    fields = table().fields
    named = [name for name, pattern in fields.names.items() if name in sent and pattern.search(words)]
    if fields.range.search(words) and not fields.fixed.search(words):
        named = [name for name in named if name not in ("temperature", "top_p")]  # a value that the user chose
    if {"temperature", "top_p"} <= set(named) and fields.either.search(words):
        named.remove("temperature")
    too_large = any(row.kind == "setting" and row.fits(status, words) for row in table().rows)
    if "max_tokens" in sent and _RENAMED.search(words) and not too_large:
        named.append("max_tokens")
    if len(named) > 1 and "response_format" in named:
        named.remove("response_format")  # the others first: a format is given up in steps
    return tuple(named)


def completion(content: bytes, sent: Collection[str], model: str) -> Completion | Refusal | None:
    """What a 200 holds; None where it is not of an OpenAI-compatible service, or not whole."""
    text = content.decode("utf-8", "replace")
    body = _json(text)
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        return None
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    if (wrong := _error_in(body, choice)) is not None:
        return _meant(_status_in(wrong), wrong, text, sent, model)
    if choice is None:
        return None
    return _answer(choice, body.get("usage"))


def _error_in(body: Mapping[str, Any], choice: Mapping[str, Any] | None) -> object | None:
    """The error that a 200 holds, in the place of its answer or in the middle of it."""
    if body.get("error"):
        return {name: value for name, value in body.items() if name != "choices"}
    if choice is not None:
        return {"error": choice["error"]} if choice.get("error") else None
    base = body.get("base_resp")
    if isinstance(base, dict) and base.get("status_code"):
        return base
    is_error = body.get("object") == "error" or body.get("type") == "error" or body.get("success") is False
    told = any(body.get(name) for name in ("detail", "error_msg", "error_code", "message", "errors"))
    return body if is_error or told else None


def _status_in(wrong: object) -> int:
    """The status that an error inside a 200 names; 200 where it names none."""
    for name in ("code", "status", "status_code", "http_code"):
        for code in _found(wrong, name):
            if str(code).isdigit() and 400 <= int(code) < 600:
                return int(code)
    return 200


def _answer(choice: Mapping[str, Any], usage: object) -> Completion | Refusal:
    message = choice.get("message")
    if not isinstance(message, dict):
        message = {"content": message if isinstance(message, str) else choice.get("text")}
    text, thoughts = _parts(message.get("content"))
    for name in ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks"):
        thoughts = thoughts or "".join(_parts(message.get(name)))
    text = text or (message["refusal"] if isinstance(message.get("refusal"), str) else "")
    if calls := message.get("tool_calls") or message.get("function_call"):
        text = f"{text}\n<tool_call>{json.dumps(calls)}</tool_call>".strip()
    finish = str(choice.get("finish_reason") or "").lower()
    ends = {kind for kind, names in table().finishes.items() if finish in names or finish.split(":")[0] in names}
    if "broken" in ends and (finish not in ("other", "unknown") or not (text or thoughts)):
        return Refusal("broken", f"the answer broke off: finish_reason {finish!r}")
    withheld = f"the answer was withheld: finish_reason {finish!r}" if "filter" in ends and not text else ""
    return Completion(text, thoughts, "cut" in ends or ("filter" in ends and bool(text)), withheld, usage)


def _parts(content: object) -> tuple[str, str]:
    """Text and thoughts of a content, which is a text, a list of parts, or a part."""
    if isinstance(content, str):
        return content, ""
    if isinstance(content, list):
        both = [_parts(part) for part in content]
        return "".join(text for text, _ in both), "".join(thought for _, thought in both)
    if not isinstance(content, dict):
        return "", ""
    kind = str(content.get("type") or "")
    if "tool" in kind or "function" in kind:
        return f"<tool_call>{json.dumps(content)}</tool_call>", ""
    inner = next(
        (
            content[name]
            for name in ("text", "thinking", "reasoning", "content", "summary", "refusal")
            if content.get(name)
        ),
        "",
    )
    text, thought = _parts(inner)
    if isinstance(inner, dict):
        text = text or str(inner.get("value") or "")
    is_thought = any(word in kind for word in ("think", "thought", "reason")) or content.get("thought") is True
    return ("", text + thought) if is_thought else (text, thought)


def _json(text: str) -> object | None:
    """The JSON of a body: all of it, of its first event, or of the error that it breaks off with."""
    text = text.strip().removeprefix("data:").lstrip()
    try:
        return json.loads(text) or None
    except (ValueError, RecursionError):
        at = text.rfind('{"error"')
    try:
        value = json.JSONDecoder().raw_decode(text, max(0, at))[0]
    except (ValueError, RecursionError):
        return None
    return value or None if at >= 0 or "data:" in text else None


def _strings(value: object, depth: int = 0) -> Iterator[str]:
    """The strings and codes of a body, without what it echoes of the request."""
    if isinstance(value, str):
        yield value[:READ_CHARACTERS]
        if value.lstrip().startswith("{") and depth < DEPTH:  # an error inside an error, as text
            inner = _json(value)
            yield from _strings(inner, depth + 1) if isinstance(inner, dict) else ()
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, list) and depth < DEPTH:
        for item in value:
            yield from _strings(item, depth + 1)
    elif isinstance(value, dict) and depth < DEPTH:
        for name, item in value.items():
            if name == "retryDelay":
                yield f"retry in {item}"
            elif name not in ECHOES and name != "failed_generation":
                yield from _strings(item, depth + 1)


def _found(value: object, name: str, depth: int = 0) -> Iterator[Any]:
    """The values of that name, at any depth."""
    if isinstance(value, dict) and depth < DEPTH:
        if name in value:
            yield value[name]
        for item in value.values():
            yield from _found(item, name, depth + 1)
    elif isinstance(value, list) and depth < DEPTH:
        for item in value:
            yield from _found(item, name, depth + 1)


def _told(body: object) -> str:
    """The message for a person: the first that the body holds, with what it says of a cause."""
    if isinstance(body, list):
        return "; ".join(filter(None, map(_told, body[:3])))
    if not isinstance(body, dict):
        return ""
    for name in ("error", *WORDS, "errors", "base_resp"):
        value = body.get(name)
        said = value if isinstance(value, str) else _told(value)
        if said:
            raw = body.get("metadata")
            cause = raw.get("raw") if isinstance(raw, dict) else None
            where = body.get("loc")
            said = f"{'.'.join(map(str, where))}: {said}" if isinstance(where, list) else said
            return f"{said}: {cause}" if isinstance(cause, str) else said
    return ""


def _wait_s(words: str) -> float | None:
    """How long a service asks to wait, in its words; None where it says nothing of it."""
    told = _WAIT.search(words)
    parts = _PART.findall(told[1]) if told else []
    return sum(float(number) * _UNITS["ms" if unit == "milli" else unit] for number, unit in parts) if parts else None
