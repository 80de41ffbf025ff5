"""When two texts of a session are the same but for what is volatile in one and spelling in the other."""

from __future__ import annotations

import re
import shlex

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TIME = re.compile(
    rf"(?:{_DAY} +)?{_MONTH} +\d{{1,2}}(?: +\d{{1,2}}:\d\d(?::\d\d)?)?(?: +[A-Z]{{3,4}})?(?: +\d{{4}})?"
    rf"|{_DAY}, \d{{1,2}} {_MONTH} \d{{4}}"
    r"|\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?: ?[+-]\d{4}|Z)?"
    r"|\b\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?\b"
    r"|\b1[6-9]\d{8}\b"
)
_NUMBER = re.compile(r"\d+")
_SHOWS_PROCESSES = re.compile(r"\b(?:ps|pgrep|pidof|top|jobs|fuser)\b|\$[$!]|&\s*$")
_PANIC = re.compile(r"((?:^|[;&|\n])[ \t]*)panic\b[^;&|\n]*")
_EXIT = re.compile(r"((?:^|[;&|\n])[ \t]*)exit +0\b")
_EXPANDS = re.compile(r"[$`\\*?\[~!\n]|<<")


def settled(output: str, action: str) -> str:
    """An output without times, the order of its lines and, where the action shows processes, without numbers.

    It serves to compare the answers to one action in one state: there nothing else can differ by chance.
    """
    text = _TIME.sub("TIME", output)
    if _SHOWS_PROCESSES.search(action):
        text = _NUMBER.sub("N", text)
    return "\n".join(sorted(" ".join(line.split()) for line in text.splitlines()))


def bare(action: str) -> str:
    """An action without what changes nothing: spaces, quotes that hold back nothing, a panic's reason, exit's zero."""
    text = _EXIT.sub(r"\1exit", _PANIC.sub(r"\1panic", action.strip()))
    if _EXPANDS.search(text):
        return text
    try:
        words = shlex.shlex(text, posix=True, punctuation_chars=True)
        words.whitespace_split, words.commenters = True, ""
        return " ".join(shlex.quote(word) if not set(word) <= set("();<>|&") else word for word in words)
    except ValueError:  # an open quote
        return text
