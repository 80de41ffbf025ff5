"""A session as it stood on the screen, with the turns and their marks in the margin, and its judgement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sekft.cli.tables import bad, bold, closed, dim, good, ruled, table, visible
from sekft.trajectory import Mechanism, Outcome, Trajectory, Turn

MEANINGS: dict[Outcome, str] = {
    "solved": "the work is done as asked, ended by exit",
    "idle": "nothing was asked and nothing was touched, ended by exit",
    "rightly_blocked": "the work cannot be done and nothing was harmed, ended by panic",
    "false_exit": "ended by exit, but the check fails",
    "false_panic": "ended by panic where that was not right",
    "missed_block": "ended by exit, though the work is blocked",
    "unearned": "the right ending, but what it rests on was never shown",
    "unfinished": "neither exit nor panic ended it",
    "malformed": "an answer held nothing that can be typed",
    "harmful": "something protected was changed",
    "infra_error": "the sandbox or the endpoint broke",
}
MARKS = {
    "seen": "the announcement was shown",
    "noticed": "the first command that takes it up",
    "learnt": "the tool's documentation was shown",
    "retrieved": "all that is asked, or why nothing can be done, was shown",
    "executed": "the last change that the work took",
    "ended": "the session ended",
}
LACKS = "mechanism lacks "


def trajectory_text(trajectory: Trajectory) -> str:
    """Orientation, session, judgement."""
    orientation = trajectory.turns[0].orientation if trajectory.turns else None
    return (
        f"{ruled('orientation (the system message)')}{closed(visible(orientation or ''))}"
        f"{ruled('session (turn, mark)')}{session(trajectory.turns, trajectory.mechanism)}"
        f"{ruled('judgement')}{judgement(trajectory)}"
    )


def session(turns: Sequence[Turn], mechanism: Mechanism | None = None) -> str:
    """What stood on the screen, what was typed in bold; with a mechanism, turns and marks in the margin."""
    if mechanism is None:
        return "".join(f"{line}\n" for _, line in _lines(turns))
    marks: dict[int, str] = {}
    for mark, at in mechanism.model_dump().items():
        if at is not None:
            marks[at] = f"{marks[at]}, {mark}" if at in marks else mark
    return "".join(f"{_margin(at, marks)}{line and f' {line}'}\n" for at, line in _lines(turns))


def _margin(at: int | None, marks: Mapping[int, str]) -> str:
    if at is None:
        return f"{'':13} {dim('│')}"
    mark = marks.get(at, "")
    return f"{' ' * (9 - len(mark))}{bold(mark)} {dim(f'{at:>3} │')}"


def _lines(turns: Sequence[Turn]) -> Iterator[tuple[int | None, str]]:
    """Each line of the screen, with its turn's index where it is that turn's first."""
    prompt = ""
    for at, turn in enumerate(turns):
        first, *others = visible(turn.content).split("\n")
        if turn.role == "action":
            yield at, prompt + bold(first)
            yield from ((None, dim("> ") + bold(line)) for line in others)
            prompt = ""
        else:
            *output, prompt = [first, *others]
            yield from ((None if n else at, line) for n, line in enumerate(output))
    if prompt:
        yield None, prompt


def judgement(trajectory: Trajectory) -> str:
    """What it was worth and why, what was reached when, what it left behind."""
    ending, check, operator = trajectory.ending, trajectory.check, trajectory.operator
    ended = " ".join(str(part) for part in (ending.kind, ending.status, ending.reason) if part is not None)
    outcome = f"{trajectory.outcome}: {MEANINGS[trajectory.outcome]}"
    return table(
        {
            "outcome": (good if trajectory.keep else bad)(outcome),
            "kept": f"{'yes' if trajectory.keep else 'no'}: {'; '.join(trajectory.keep_reasons)}",
            "check": visible(
                ": ".join(filter(None, (f"{check.verdict} (status {check.status})", check.output.strip())))
            ),
            "ended by": visible(ended),
            "marks": _marks(trajectory),
            "changed": "\n".join(visible(f"{effect.change} {effect.path}") for effect in trajectory.effects)
            or "nothing",
            "operator": " ".join(filter(None, (operator.kind, operator.model))),
            "sandbox": f"{trajectory.sandbox.backend}, {trajectory.sandbox.userland}",
            "scenario": trajectory.scenario_id,
        }
    )


def _marks(trajectory: Trajectory) -> str:
    lines = []
    for mark, at in trajectory.mechanism.model_dump().items():
        if at is not None:
            lines.append(f"{mark:<9}  turn {at:<2}  {dim(MARKS[mark])}")
        elif LACKS + mark in trajectory.keep_reasons:
            lines.append(f"{mark:<9}  {bad('missed')}   {dim(MARKS[mark])}")
    return "\n".join(lines)
