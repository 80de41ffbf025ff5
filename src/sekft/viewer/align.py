"""Two sessions side by side: what they share, where they part, and which of their steps belong together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from sekft.evaluation.metrics import CHAIN
from sekft.shell.syntax import bare, settled
from sekft.trajectory import Turn
from sekft.viewer.reading import Reading


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


@dataclass(frozen=True)
class Beside:
    """A line of the page: one step of each, or of one alone. same: typed and answered alike."""

    left: SessionStep | None
    right: SessionStep | None
    same: bool = False
    parts: bool = False


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


def aligned(left: Reading, right: Reading) -> list[Beside]:
    """The two, step by step. Of one scenario by what was typed, of two by the marks that they reached.

    The first line that differs is where they part.
    """
    same_scenario = left.scenario_id == right.scenario_id
    lines = list(_by_text(left, right) if same_scenario else _by_marks(left, right))
    first = next((at for at, line in enumerate(lines) if not line.same), None)
    if first is not None:
        line = lines[first]
        lines[first] = Beside(line.left, line.right, parts=True)
    return lines


def _by_text(left: Reading, right: Reading) -> Iterator[Beside]:
    ones, others = steps(left.turns), steps(right.turns)
    matcher = SequenceMatcher(None, [*map(_key, ones)], [*map(_key, others)], autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            yield from (Beside(one, other, same=True) for one, other in zip(ones[a:b], others[c:d], strict=True))
        else:
            yield from _zipped(ones[a:b], others[c:d])


def _key(step: SessionStep) -> tuple[str, str]:
    typed = bare(step.action.content) if step.action else ""
    return typed, settled(step.answer.content, typed) if step.answer else ""


def _by_marks(left: Reading, right: Reading) -> Iterator[Beside]:
    """Stage by stage: the steps that reach a mark stand side by side, below what each did up to it."""
    sides = [_stages(reading) for reading in (left, right)]
    for stage in range(len(CHAIN)):
        backwards = _zipped(*(side.get(stage, [])[::-1] for side in sides))
        yield from reversed(list(backwards))
    yield from _zipped(*(side.get(len(CHAIN), []) for side in sides))


def _stages(reading: Reading) -> dict[int, list[SessionStep]]:
    """stage → steps: the stage of a step is how many marks had been reached before it."""
    reached = sorted(at for at in reading.mechanism.model_dump().values() if at is not None)
    found: dict[int, list[SessionStep]] = {}
    for step in steps(reading.turns):
        found.setdefault(sum(at < step.turn for at in reached), []).append(step)
    return found


def _zipped(ones: Sequence[SessionStep], others: Sequence[SessionStep]) -> Iterator[Beside]:
    for at in range(max(len(ones), len(others))):
        yield Beside(ones[at] if at < len(ones) else None, others[at] if at < len(others) else None)


def words(old: str, new: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Two actions cut into words, each with whether the other has it in its place."""
    ones, others = _cut(old), _cut(new)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for kind, a, b, c, d in SequenceMatcher(None, ones, others, autojunk=False).get_opcodes():
        left.append(("".join(ones[a:b]), kind == "equal"))
        right.append(("".join(others[c:d]), kind == "equal"))
    return [piece for piece in left if piece[0]], [piece for piece in right if piece[0]]


def _cut(text: str) -> list[str]:
    """Words and what stands between them."""
    pieces, word = [], ""
    for char in text:
        if char.isspace():
            pieces += [word, char] if word else [char]
            word = ""
        else:
            word += char
    return [*pieces, word] if word else pieces
