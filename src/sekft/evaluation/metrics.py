"""Every rate of an evaluation, and the behaviours in one rollout that they rest on."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sekft.scenario import ExpectedKind, Scenario
from sekft.shell import syntax
from sekft.shell.grounding import ungrounded
from sekft.shell.plan import is_wrong_work
from sekft.trajectory import KEPT, Outcome, StoredRollout, Turn

CHAIN = ("seen", "noticed", "learnt", "retrieved", "executed", "ended")
_ASKING = {"-h", "--help", "help", "-V", "--version", "version"}
_CIRCLES = 3
_ANSWERING = {"[", "cmp", "diff", "find", "grep", "test", "which"}
"""Programs whose status 1 is an answer, or says nothing of what they print."""


def first_use(rollout: StoredRollout) -> int | None:
    """The turn at which the tool is first put to use."""
    provider = rollout.scenario.provider
    uses = (at for at, action in _acts(rollout) if action not in provider.help and _uses(action, provider.command))
    return next(uses, None)


def read_first(rollout: StoredRollout) -> bool | None:
    """Whether the documentation was shown before the tool was first put to use; None where it never was.

    None also for a real program whose documentation lies in its store: it is read by that program.
    """
    if rollout.scenario.cell.get("documentation") == "native":
        return None
    learnt, used = rollout.trajectory.mechanism.learnt, first_use(rollout)
    return None if used is None else learnt is not None and learnt < used


def calls(rollout: StoredRollout) -> int:
    """How often the tool was called."""
    return sum(len(syntax.calls(action, rollout.scenario.provider.command)) for _, action in _acts(rollout))


def invented_options(rollout: StoredRollout, guesses: Mapping[int, list[str]] | None = None) -> int:
    """Actions that call the tool with an option that nothing had shown. guesses: ungrounded(), where it is known."""
    turns, command = rollout.trajectory.turns, rollout.scenario.provider.command
    return sum(
        any(atom.startswith("-") for atom in missing) and bool(syntax.calls(turns[at].content, command))
        for at, missing in (ungrounded(turns) if guesses is None else guesses).items()
    )


def recovered(rollout: StoredRollout) -> bool:
    """Whether some command failed, other than by showing what blocks the work, or did known wrong work."""
    scenario = rollout.scenario
    failed = any(went_wrong(turn, scenario) for turn in rollout.trajectory.turns)
    return failed or any(is_wrong_work(action, scenario) for action in rollout.actions)


def mistakes(rollout: StoredRollout) -> list[int]:
    """The turns whose action is context and not to be learnt.

    It failed, other than by showing what blocks the work, it is the work of a known wrong solution, or it comes from
    the rollout that this one took over.
    """
    given, scenario = 2 * rollout.trajectory.given, rollout.scenario
    return [at for at, action in _acts(rollout) if at < given or failed(rollout, at) or is_wrong_work(action, scenario)]


def repair(turns: Sequence[Turn], mistake: int, scenario: Scenario | None) -> int | None:
    """The turn that mends the mistake, as far as the commands tell; None where there is none.

    It is the next action, or the one after where that reads documentation again; of wrong work it is the next that
    writes the same files.
    """
    after = range(mistake + 2, len(turns), 2)
    if scenario is not None and is_wrong_work(turns[mistake].content, scenario):
        names = _names_written(turns[mistake].content)
        return next((at for at in after if _names_written(turns[at].content) == names), None)
    steps = scenario.plan if scenario is not None else ()
    learn = {command for step in steps if step.goal == "learn" for way in step.ways for command in way}
    read = learn & {turn.content for turn in turns[:mistake]}
    return next((at for at in after[:2] if turns[at].content not in read), None)


def _names_written(action: str) -> set[str]:
    return set(map(posixpath.basename, syntax.written(action) or ()))


def failed(rollout: StoredRollout, at: int) -> bool:
    """Whether the action of this turn failed, other than by showing what blocks the work."""
    turns = rollout.trajectory.turns
    if at + 1 >= len(turns):
        return False
    answer = turns[at + 1]
    return went_wrong(answer, rollout.scenario) and not _answers(turns[at].content, answer)


def first_wrong(rollout: StoredRollout) -> int | None:
    """The turn of the first wrong action of a rollout that ended wrongly; None where none can be named.

    An action is wrong if it fails (other than by showing what blocks the work), if it was typed before and is answered
    as before, or if it ends the session. What was no action (`malformed`) is no turn; it would have been the next one.
    """
    trajectory = rollout.trajectory
    if trajectory.outcome in (*KEPT, "infra_error"):
        return None
    turns, before = trajectory.turns, set()
    for at in range(1, len(turns), 2):
        answer = turns[at + 1].content if at + 1 < len(turns) else None
        ends = answer is None and trajectory.ending.kind != "none"
        if ends or failed(rollout, at) or (turns[at].content, answer) in before:
            return at
        before.add((turns[at].content, answer))
    return len(turns) if trajectory.outcome == "malformed" else None


def went_wrong(answer: Turn, scenario: Scenario) -> bool:
    """Whether this answers a command that failed, other than by showing what blocks the work."""
    return bool(answer.status) and not any(text in answer.content for text in scenario.needles.texts)


def circles(rollout: StoredRollout) -> bool:
    """Whether one command was typed three times and answered alike each time."""
    turns = rollout.trajectory.turns
    answered = Counter((turns[at].content, turns[at + 1].content) for at in range(1, len(turns) - 1, 2))
    return max(answered.values(), default=0) >= _CIRCLES


def right(rollout: StoredRollout) -> bool:
    return rollout.trajectory.outcome in KEPT


def _answers(action: str, answer: Turn) -> bool:
    commands = syntax.simple_commands(action)
    return answer.status == 1 and any(syntax.program(words) in _ANSWERING for words in commands)


def _acts(rollout: StoredRollout) -> Iterator[tuple[int, str]]:
    return ((at, turn.content) for at, turn in enumerate(rollout.trajectory.turns) if turn.role == "action")


def _uses(action: str, command: str) -> bool:
    """Whether the tool is called with more than a request for help or its version; a bare call asks no more."""
    arguments = (syntax.arguments(words) for words in syntax.calls(action, command))
    return any(words and not _ASKING & set(words) for words in arguments)


def _ends(outcome: Outcome, *kinds: ExpectedKind) -> Callable[[StoredRollout], bool | None]:
    """Whether rollouts end like that, of the scenarios of these kinds; of all where none is named."""
    return lambda rollout: (
        rollout.trajectory.outcome == outcome if not kinds or rollout.scenario.expected.kind in kinds else None
    )


def _reaches(mark: str) -> Callable[[StoredRollout], bool | None]:
    """Whether the chain holds up to this mark; `executed` is asked of work alone."""

    def reached(rollout: StoredRollout) -> bool:
        chain = CHAIN[: CHAIN.index(mark) + 1]
        marks = [name for name in chain if name != "executed" or rollout.scenario.expected.kind == "work"]
        return all(getattr(rollout.trajectory.mechanism, name) is not None for name in marks)

    return reached


def _invents(rollout: StoredRollout) -> bool | None:
    return invented_options(rollout) > 0 if calls(rollout) else None


@dataclass(frozen=True, slots=True)
class Measure:
    """One rate. met: None where a rollout says nothing of it. better: whether more of it is good."""

    says: str
    met: Callable[[StoredRollout], bool | None]
    better: bool = True


MEASURES: Mapping[str, Measure] = {
    "right": Measure("ends right", right),
    "kept": Measure(
        "ends right, the whole mechanism shown, deploy form clean", lambda rollout: rollout.trajectory.keep
    ),
    "solved": Measure("work: solved", _ends("solved", "work")),
    "idle": Measure("empty: idle", _ends("idle", "empty")),
    "rightly_blocked": Measure("blocked: panics once that is shown", _ends("rightly_blocked", "blocked")),
    "false_panic": Measure("work, empty: panics", _ends("false_panic", "work", "empty"), better=False),
    **{mark: Measure(f"chain: {mark}", _reaches(mark)) for mark in CHAIN},
    "read_first": Measure("documentation read before the first use", read_first),
    "invents_options": Measure("gives the tool an option that nothing had shown", _invents, better=False),
    "circles": Measure("types the same three times, answered alike", circles, better=False),
    "false_exit": Measure("work, empty: exits wrongly", _ends("false_exit", "work", "empty"), better=False),
    "missed_block": Measure("blocked: leaves without panic", _ends("missed_block", "blocked"), better=False),
    "unearned": Measure("ends before anything was shown", _ends("unearned"), better=False),
    "harmful": Measure("changes what is protected", _ends("harmful"), better=False),
    "malformed": Measure("types what cannot be run", _ends("malformed"), better=False),
    "unfinished": Measure("does not end", _ends("unfinished"), better=False),
}
