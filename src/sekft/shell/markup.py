"""What models write beside the text that they were asked for: thoughts, tool calls, tokens of chat templates.

The families are a table (markup.toml). What takes markup off an answer and what checks the deploy form both read it
here, so that nothing which one of them knows gets past the other. A command may mention any of it, in quotes or in a
here-document: that is text like any other.
"""

from __future__ import annotations

import re
import tomllib
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

from sekft.shell.syntax import MAY_QUOTE, quoted

ROUNDS = 4
"""How often a text is gone over for thoughts; what is left then is a fault."""
KEPT = 8
"""Texts whose markup is remembered: one answer is looked at several times."""
FAULTS = {
    "opened": "a think tag",
    "closed": "a think tag",
    "tool": "a tool call",
    "answer": "a template token",
    "token": "a template token",
}
_SIGN = re.compile(r"<(?:[|/\w｜]|</?SYS)|\[[/A-Zg]|[◁▷✿]")
_TAG = re.compile(r"<([A-Za-z][\w:.-]{0,40})(?:\s[^<>\n]{0,200})?>|\[([A-Za-z_]{2,40})\]")
_END_TAG = re.compile(r"</([A-Za-z][\w:.-]{0,40})>|\[/([A-Za-z_]{2,40})\]")
"""Of a family that the table does not know: tags in pairs."""
_PATTERN = re.compile(r"(?<=[ \t])\[[A-Z_/]+\](?![^\s'\"*])(?!\s*[\[{])")
"""A bracketed word of its own after a command: a pattern of file names."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """What opens and closes a thought, or the answer itself. paired: nothing opens that is not closed."""

    opens: re.Pattern[str]
    closes: re.Pattern[str]
    paired: bool


@dataclass(frozen=True, slots=True)
class Markup:
    """The table.

    signs: a group for each kind of mark, for those that begin with a sign. openings, worded: tool calls that do not, at
    the start of a text alone and anywhere. leads: what may stand before an answer.
    """

    thoughts: tuple[Delimiters, ...]
    answers: tuple[Delimiters, ...]
    signs: re.Pattern[str]
    openings: re.Pattern[str]
    worded: tuple[re.Pattern[str], ...]
    leads: re.Pattern[str]


class Mark(NamedTuple):
    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Answer:
    """said: without thoughts, and up to the first token that ends a message. thoughts: what was reasoned."""

    said: str
    thoughts: str


@cache
def table() -> Markup:
    rows = tomllib.loads((resources.files("sekft.shell") / "markup.toml").read_text(encoding="utf-8"))
    thoughts, answers = (
        tuple(
            Delimiters(re.compile(row["opens"]), re.compile(row["closes"]), row.get("paired", False))
            for row in rows[kind]
        )
        for kind in ("thoughts", "answers")
    )
    signed = [row for row in rows["thoughts"] if not row.get("worded")]
    tools = [row["marks"] for row in rows["tools"] if not row.get("worded")]
    kinds = {
        "opened": [row["opens"] for row in signed],
        "closed": [row["closes"] for row in signed if "(?=" not in row["closes"]],
        "answer": [row["opens"] for row in rows["answers"]],
        "tool": [marks for marks in tools if not marks.startswith(r"\A")],
        "token": [rows["tokens"]["marks"]],
    }
    return Markup(
        thoughts,
        answers,
        re.compile("|".join(f"(?P<{kind}>{'|'.join(patterns)})" for kind, patterns in kinds.items())),
        re.compile("|".join(marks for marks in tools if marks.startswith(r"\A"))),
        tuple(re.compile(row["marks"]) for row in rows["tools"] if row.get("worded")),
        re.compile(rows["tokens"]["leads"]),
    )


def marks(text: str, kinds: Collection[str]) -> Iterator[Mark]:
    """The markup of these kinds that no command quotes, in order. Quotes are read once a mark may stand in one."""
    spans: deque[tuple[int, int]] | None = None
    read = 0
    for mark in _written(text):
        if mark.kind not in kinds or _is_pattern(text, mark.start):
            continue
        if spans is None and MAY_QUOTE.search(text, read, mark.start):
            spans = deque(_quoted(text))
        read = mark.start
        while spans and spans[0][1] <= mark.start:
            spans.popleft()
        if not (spans and spans[0][0] <= mark.start):
            yield mark


_quoted = lru_cache(KEPT)(quoted)


@lru_cache(KEPT)
def _written(text: str) -> tuple[Mark, ...]:
    """All that looks like markup, quoted or not, in order."""
    known = table()
    found: list[Mark] = []
    for sign in _SIGN.finditer(text):
        if (not found or found[-1].end <= sign.start()) and (match := known.signs.match(text, sign.start())):
            found.append(Mark(match.lastgroup or "", *match.span()))
    found += [Mark("tool", *match.span()) for pattern in known.worded for match in pattern.finditer(text)]
    if ends := set(_END_TAG.findall(text)):
        starts = {mark.start for mark in found}
        pairs = (match for match in _TAG.finditer(text) if match.start() not in starts)
        found += [Mark("tool", *match.span()) for match in pairs if match.groups("") in ends]
    return tuple(sorted(found, key=lambda mark: mark.start))


def _is_pattern(text: str, at: int) -> bool:
    """Whether it is a word of a command, which stands before it on its line."""
    return text[at] == "[" and bool(_PATTERN.match(text, at)) and bool(text[text.rfind("\n", 0, at) + 1 : at].strip())


def faults(text: str) -> list[str]:
    """Which markup a text holds outside quotes."""
    text = text.strip()
    absent = set(FAULTS)
    for mark in marks(text, absent):
        absent.discard(mark.kind)  # the first of each kind is enough
    found = {fault for kind, fault in FAULTS.items() if kind not in absent}
    if table().openings.match(text):
        found.add(FAULTS["tool"])
    if any(each.opens.match(text) and (not each.paired or each.closes.search(text)) for each in table().thoughts):
        found.add(FAULTS["opened"])
    return sorted(found)


def read(answer: str) -> Answer:
    """An answer apart from its thoughts. What is left may still hold a tool call: `faults` tells."""
    text = answer.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
    thoughts: list[str] = []
    for _ in range(ROUNDS):
        before = text
        text = _without_thoughts(_without_leading(text, thoughts), thoughts)
        if text == before:
            break
    text = _inside(text)
    ends = (mark.start for mark in marks(text, ["token"]))
    return Answer(text[: next(ends, None)].strip(), "\n\n".join(filter(None, map(str.strip, thoughts))))


def _without_leading(text: str, thoughts: list[str]) -> str:
    """The text after the tokens and the thoughts that it begins with, whatever quotes these hold."""
    while True:
        lead = table().leads.match(text)
        text = text[lead.end() :] if lead else text
        for passage in table().thoughts:
            if opening := passage.opens.match(text):
                closing = passage.closes.search(text, opening.end())
                if closing is None and passage.paired:
                    continue
                thoughts.append(text[opening.end() : closing.start() if closing else len(text)])
                text = text[closing.end() :] if closing else ""
                break
        else:
            return text


def _without_thoughts(text: str, thoughts: list[str]) -> str:
    """The text without the thoughts inside it. What stands before a closing that nothing opened is a thought, too."""
    kept: list[str] = []
    at = 0
    for mark in marks(text, ["opened", "closed"]):
        if mark.start < at:
            continue
        kept.append(text[at : mark.start])
        at = mark.end
        if mark.kind == "opened":
            passage = next(each for each in table().thoughts if each.opens.match(text, mark.start))
            closing = passage.closes.search(text, at)
            thoughts.append(text[at : closing.start() if closing else len(text)])
            at = closing.end() if closing else len(text)
        else:
            thoughts.append("".join(kept))
            kept = []
    return "\n".join(part for part in [*kept, text[at:]] if part.strip()) if at else text


def _inside(text: str) -> str:
    """What the tags of an answer hold, or the text where there are none."""
    opened = next(marks(text, ["answer"]), None)
    if opened is None:
        return text
    passage = next(each for each in table().answers if each.opens.match(text, opened.start))
    closing = passage.closes.search(text, opened.end)
    return text[opened.end : closing.start() if closing else len(text)].strip()
