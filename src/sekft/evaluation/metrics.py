"""What an operator did in one rollout: how it came to use the tool, what it made up, whether it went in circles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from sekft.scenario import Scenario
from sekft.shell import syntax
from sekft.shell.grounding import ungrounded
from sekft.trajectory import Trajectory, Turn

_ASKING = {"-h", "--help", "help", "-V", "--version", "version"}
_CIRCLES = 3
_ANSWERING = {"[", "cmp", "diff", "find", "grep", "test", "which"}
"""Programs whose status 1 is an answer, or says nothing of what they print."""


class Rolled(Protocol):
    """A stored rollout with its scenario."""

    @property
    def trajectory(self) -> Trajectory: ...
    @property
    def scenario(self) -> Scenario: ...


def first_use(one: Rolled) -> int | None:
    """The turn at which the tool is first put to use."""
    told, command = one.scenario.provider.help, one.scenario.provider.command
    return next((at for at, action in _acts(one) if action not in told and _uses(action, command)), None)


def read_first(one: Rolled) -> bool | None:
    """Whether the documentation was shown before the tool was first put to use; None where it never was."""
    learnt, used = one.trajectory.mechanism.learnt, first_use(one)
    return None if used is None else learnt is not None and learnt < used


def calls(one: Rolled) -> int:
    """How often the tool was called."""
    return sum(len(syntax.calls(action, one.scenario.provider.command)) for _, action in _acts(one))


def invented_options(one: Rolled) -> int:
    """Actions that call the tool with an option that nothing had shown."""
    turns, command = one.trajectory.turns, one.scenario.provider.command
    return sum(
        any(atom.startswith("-") for atom in missing) and bool(syntax.calls(turns[at].content, command))
        for at, missing in ungrounded(turns).items()
    )


def recovered(one: Rolled) -> bool:
    """Whether some command failed, other than by showing what blocks the work, and the session went on."""
    return any(went_wrong(turn, one.scenario) for turn in one.trajectory.turns)


def mistakes(one: Rolled) -> list[int]:
    """The turns whose action failed, other than by showing what blocks the work: nothing to learn from, but context."""
    turns = one.trajectory.turns
    return [
        at
        for at, action in _acts(one)
        if at + 1 < len(turns) and went_wrong(turns[at + 1], one.scenario) and not _answers(action, turns[at + 1])
    ]


def went_wrong(answer: Turn, scenario: Scenario) -> bool:
    """Whether this answers a command that failed, other than by showing what blocks the work."""
    notice = scenario.needles.notice
    return bool(answer.status) and not (notice and notice in answer.content)


def _answers(action: str, answer: Turn) -> bool:
    commands = syntax.simple_commands(action)
    return answer.status == 1 and any(syntax.program(words) in _ANSWERING for words in commands)


def circles(one: Rolled) -> bool:
    """Whether one command was typed three times and answered alike each time."""
    turns = one.trajectory.turns
    answered = Counter((turns[at].content, turns[at + 1].content) for at in range(1, len(turns) - 1, 2))
    return max(answered.values(), default=0) >= _CIRCLES


def _acts(one: Rolled) -> Iterator[tuple[int, str]]:
    return ((at, turn.content) for at, turn in enumerate(one.trajectory.turns) if turn.role == "action")


def _uses(action: str, command: str) -> bool:
    """Whether the tool is called with more than a request for help or its version; a bare call asks no more."""
    asked = (syntax.arguments(words) for words in syntax.calls(action, command))
    return any(words and not _ASKING & set(words) for words in asked)
