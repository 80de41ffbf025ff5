"""The form in which the model will be deployed, and every way of falling short of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from sekft.shell import markup, syntax
from sekft.trajectory import Trajectory, Turn

TURN_LIMIT_BYTES = 32 * 1024
"""Of an action or an output."""
ACTION_LIMIT = 40
"""Actions of a trajectory."""

_FENCE = re.compile(r"^[ \t]*(```|~~~)", re.MULTILINE)
_PROMPT = re.compile(r"^\s*\$ \S")
_PROSE = re.compile(
    r"(I|I'm|I'll|I've|Let|Let's|Sure|Here|Here's|Now|First|Next|Then|Okay|Ok|The|We|We'll|This|That|To|Please|Based|"
    r"Looking|It|It's|There|Since|After|Command|Answer|Action|Step)\b[ ,:.!]"
)


def violations(trajectory: Trajectory, forbidden: Sequence[str] = ()) -> list[str]:
    """Every way in which these turns are not the deploy form; empty when they are."""
    return [*_shape(trajectory), *_content(trajectory.turns, forbidden)]


def _shape(trajectory: Trajectory) -> Iterator[str]:
    turns = trajectory.turns
    if not turns:
        yield "no turns"
        return
    if not turns[0].orientation:
        yield "turn 0 has no orientation"
    for at, turn in enumerate(turns):
        if turn.role != ("action" if at % 2 else "env"):
            yield f"turn {at} is {turn.role}, want them to alternate from env"
        if at and turn.orientation is not None:
            yield f"turn {at} has an orientation, want it in turn 0 alone"
    if trajectory.ending.kind != "none" and turns[-1].role != "action":
        yield "the last turn is not the action that ended the session"
    actions = sum(turn.role == "action" for turn in turns)
    if actions > ACTION_LIMIT:
        yield f"{actions} actions, want at most {ACTION_LIMIT}"


def _content(turns: Sequence[Turn], forbidden: Sequence[str]) -> Iterator[str]:
    for at, turn in enumerate(turns):
        is_long = len(turn.content) > TURN_LIMIT_BYTES // 4  # of a character UTF-8 makes four bytes at most
        if is_long and (size := len(turn.content.encode())) > TURN_LIMIT_BYTES:
            yield f"turn {at} holds {size} bytes, want at most {TURN_LIMIT_BYTES}"
        if any(text and text in turn.content for text in forbidden):
            yield f"turn {at} holds a forbidden text"
        if turn.role == "action":
            yield from (f"turn {at} holds {fault}" for fault in action_faults(turn.content))


def action_faults(text: str) -> list[str]:
    """What in an action would not be typed: prose, comments, fences, thoughts, tool calls and template tokens."""
    faults = _faults if len(text) <= syntax.REMEMBERED_CHARACTERS else _faults.__wrapped__
    return list(faults(text))


@lru_cache(maxsize=syntax.REMEMBERED)
def _faults(text: str) -> tuple[str, ...]:
    faults = {
        "nothing": not text.strip(),
        "a fence": _FENCE.search(text) is not None,
        "a comment": bool(syntax.comments(text)),
        "a prompt": _PROMPT.match(text) is not None,
        "prose": _PROSE.match(text.lstrip()) is not None,
    }
    return (*(fault for fault, present in faults.items() if present), *markup.faults(text))
