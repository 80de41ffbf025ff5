"""A session as lines of a page: what was typed and answered, and what stands in the margin of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from sekft.evaluation.metrics import repair
from sekft.shell.syntax import bare, settled
from sekft.trajectory import Turn
from sekft.viewer.meanings import MARKS
from sekft.viewer.reading import Reading
from sekft.viewer.terminal import screen

ALIKE_AT_LEAST = 3
"""So many repetitions of a step, answered alike, are told in one line."""
LONG_LINES, LONG_CHARACTERS = 32, 3000
"""What is longer is shown in part at first."""


@dataclass(frozen=True)
class Tag:
    """A word in the margin. tone: mark, good, bad, warn or none. says: in full."""

    text: str
    tone: str = ""
    says: str = ""


@dataclass(frozen=True)
class ScreenLine:
    """An action and its answer, ready for a page. turn: 0 for the landing. repeats: of this step, hidden here.

    key: of what was typed and answered; a page sets two sessions side by side by it.
    """

    turn: int
    key: str
    prompt: Markup
    typed: Markup | None
    output: Markup
    tags: Sequence[Tag] = ()
    answered: Sequence[Tag] = ()
    thought: str = ""
    long: int = 0
    repeats: Sequence[ScreenLine] = field(default_factory=tuple)

    @property
    def last_repeat(self) -> int:
        return self.repeats[-1].turn if self.repeats else self.turn


@dataclass(frozen=True)
class SessionStep:
    """An action with its answer. turn: the action's; 0 is the landing."""

    turn: int
    action: Turn | None
    answer: Turn | None
    prompt: str

    @property
    def output(self) -> str:
        """The answer without the prompt that ends it."""
        return (
            "" if self.answer is None else self.answer.content[: len(self.answer.content) - len(prompt_of(self.answer))]
        )


def lines(reading: Reading) -> list[ScreenLine]:
    """The whole session; a step that goes round in circles is folded into one line."""
    marker = _Marker(reading)
    shown = [marker.line(step) for step in steps(reading.turns)]
    return list(_folded(shown))


def prompt_of(turn: Turn) -> str:
    """The prompt that ends what the terminal shows: its last line."""
    return turn.content.rpartition("\n")[2]


def steps(turns: Sequence[Turn]) -> list[SessionStep]:
    """The landing, then each action with what it was answered."""
    if not turns:
        return []
    found = [SessionStep(0, None, turns[0], "")]
    for at in range(1, len(turns), 2):
        answer = turns[at + 1] if at + 1 < len(turns) else None
        found.append(SessionStep(at, turns[at], answer, prompt_of(turns[at - 1])))
    return found


def _key(step: SessionStep) -> str:
    """The same for two steps of one scenario that were typed and answered alike, but for what chance changes."""
    typed = bare(step.action.content) if step.action else ""
    told = f"{typed}\0{settled(step.answer.content, typed) if step.answer else ''}"
    return hashlib.blake2s(told.encode("utf-8", "replace"), digest_size=5).hexdigest()


class _Marker:
    """Knows what is worth marking in one session."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._needles = list(needles(reading))
        self._wrong = set(reading.mistakes)
        self._repairs = {repair(reading.turns, at, reading.scenario) for at in reading.mistakes}
        self._marks: dict[int, list[Tag]] = {}
        for mark, at in reading.mechanism.model_dump().items():
            if at is not None:
                self._marks.setdefault(at, []).append(Tag(mark, "mark", MARKS[mark]))

    def line(self, step: SessionStep) -> ScreenLine:
        prompt = step.prompt
        output = step.output
        count = output.count("\n")
        long = count if count > LONG_LINES or len(output) > LONG_CHARACTERS else 0
        return ScreenLine(
            turn=step.turn,
            key=_key(step),
            prompt=screen(prompt, self._needles if step.turn < 2 else ()),
            typed=screen(step.action.content) if step.action else None,
            output=screen(output, self._needles),
            tags=list(self._of_action(step)),
            answered=list(self._of_answer(step)),
            thought=self._reading.thoughts.get(step.turn, ""),
            long=max(long, 1) if long or len(output) > LONG_CHARACTERS else 0,
        )

    def _of_action(self, step: SessionStep) -> Iterator[Tag]:
        if step.action is None:
            return
        fault, at = self._reading.fault, step.turn
        if fault is not None and fault.turn == at:
            yield Tag(fault.kind.replace("_", " "), "bad", f"made to fail from here on: {fault.kind}")
        yield from self._marks.get(at, ())
        honest = fault is None or at < fault.turn
        if honest and at in self._repairs and step.answer is not None and not step.answer.status:
            yield Tag("repair", "good", "mends the mistake before it")

    def _of_answer(self, step: SessionStep) -> Iterator[Tag]:
        if step.answer is None:
            return
        at = step.turn + 1 if step.action else 0
        yield from self._marks.get(at, ())
        if step.turn in self._wrong and step.answer.status:
            yield Tag(f"failed {step.answer.status}", "warn", f"a mistake: status {step.answer.status}")
        elif step.turn in self._wrong:
            yield Tag("mistake", "warn", "a model reads this and does not learn it")
        elif step.answer.status:
            yield Tag(f"status {step.answer.status}", "", "the command's status, which is an answer here")
        if at and at == self._reading.evidence:
            yield Tag("evidence", "good", "this shows that no work waits or that the work is blocked")
        if step.answer.truncated:
            yield Tag("cut", "warn", "the output was longer than a turn may be")
        if step.answer.timed_out:
            yield Tag("timed out", "warn", "the command took too long and was stopped")


def needles(reading: Reading) -> Iterator[tuple[str, str]]:
    """The texts that decide, with what each is."""
    if reading.scenario is None:
        return
    wanted = reading.scenario.needles
    yield wanted.announcement, "the announcement"
    yield from ((text, "a directive") for text in wanted.directives)
    yield from ((text, "evidence") for text in wanted.texts)
    yield wanted.documentation, "the documentation"


def _folded(shown: Sequence[ScreenLine]) -> Iterator[ScreenLine]:
    """A run of steps that were typed and answered alike as its first and the rest of them."""
    at = 0
    while at < len(shown):
        end = at + 1
        while end < len(shown) and _alike(shown[at], shown[end]):
            end += 1
        if end - at > ALIKE_AT_LEAST:
            yield replace(shown[at], repeats=tuple(shown[at + 1 : end]))
            at = end
        else:
            yield shown[at]
            at += 1


def _alike(one: ScreenLine, other: ScreenLine) -> bool:
    return one.typed is not None and (one.typed, one.output) == (other.typed, other.output)


def answer_after(turns: Sequence[Turn], at: int) -> Markup:
    """What the terminal showed after the action of that turn, with the next prompt."""
    return screen(turns[at + 1].content) if at + 1 < len(turns) else Markup("")
