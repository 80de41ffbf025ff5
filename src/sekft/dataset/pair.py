"""The pair: one prompt and two things typed there, one on the way to a right ending and one off it.

A group of rollouts of one scenario yields its pairs. Each is cut at a decisive turn: where a failure on purpose departs
from what was right, or where what was typed decides how often a rollout ends right. The field names are a contract
(docs/schemas/pair.schema.json).
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sekft.errors import BundleError
from sekft.evaluation.metrics import first_wrong, went_wrong
from sekft.evaluation.statistics import fisher
from sekft.folder import json_lines
from sekft.scenario import SCHEMA_VERSION, Frozen, canonical
from sekft.shell import syntax
from sekft.shell.plan import is_wrong_work
from sekft.shell.syntax import only_looks, simple_commands
from sekft.trajectory import Outcome, StoredRollout, Trajectory, Turn

PAIRS, LABELS = "pairs.jsonl", "labels.jsonl"
MARGIN = 0.5
BY_CHANCE = "may be chance"
"""Why a comparison gave no pair: too few rollouts tell the actions apart."""
CHANCE = 0.1
"""Most that chance may account for the difference between two sides that rollouts tell of."""
Gist = tuple[tuple[str, ...], ...]
Source = Literal["fault", "branch", "correction"]
bare = lru_cache(maxsize=syntax.REMEMBERED)(syntax.bare)
settled = lru_cache(maxsize=syntax.REMEMBERED)(syntax.settled)
"""The rollouts of one scenario type much the same and see much the same."""


class Message(Frozen):
    role: Literal["system", "user", "assistant"]
    content: str


SingleMessage = Annotated[list[Message], Field(min_length=1, max_length=1)]


class Side(Frozen):
    """trajectory: the id of one that typed this. Of so many rollouts that typed it here, so many were kept."""

    trajectory: str
    rollouts: int
    right: int


class Pair(Frozen):
    """One preference in deploy form.

    outcome: of the rejected trajectory. cause: the failure made on purpose, null if none was.
    source:  fault: a failure on purpose begins at the turn; branch: rollouts with this prefix end differently;
             correction: an expert took over there, before the first wrong action, and ended right.
    margin:  by how much the share of right rollouts differs between the sides.
    turn:    index of the message in both trajectories' `turns`.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    id: str
    scenario_id: str
    split: str
    family: str
    cell: dict[str, str]
    prompt: list[Message]
    chosen: SingleMessage
    rejected: SingleMessage
    outcome: Outcome
    cause: str | None
    source: Source
    margin: float
    turn: int
    chosen_side: Side
    rejected_side: Side

    @model_validator(mode="after")
    def _first_difference_is_typed(self) -> Pair:
        """What a trainer learns from must be what was typed, never what was answered."""
        if not self.prompt or self.prompt[-1].role != "user":
            raise ValueError("prompt: want it to end with what the terminal shows")
        if {self.chosen[0].role, self.rejected[0].role} != {"assistant"}:
            raise ValueError("chosen, rejected: want what was typed")
        if bare(self.chosen[0].content) == bare(self.rejected[0].content):
            raise ValueError("chosen, rejected: differ only in spelling")
        return self


@dataclass(frozen=True)
class Walk:
    """A rollout as a path: marks[k] stands for all that was typed and shown up to turn k."""

    trajectory: Trajectory

    @cached_property
    def marks(self) -> list[bytes]:
        marks, before = [], b""
        turns = self.trajectory.turns
        for at, turn in enumerate(turns):
            text = bare(turn.content) if turn.role == "action" else settled(turn.content, turns[at - 1].content)
            before = hashlib.sha256(before + turn.role.encode() + text.encode()).digest()
            marks.append(before)
        return marks

    @cached_property
    def speaks_from(self) -> int:
        """The first turn whose choice this rollout's ending tells of.

        A failure on purpose tells nothing of what was typed before it; a branch tells of the last action that it was
        given, and nothing of those before, which were taken from a rollout whose ending was known.
        """
        return max(2 * self.trajectory.given - 1, self.trajectory.fault.turn if self.trajectory.fault else 1)

    def parts(self, other: Walk) -> int:
        """The first turn at which the two differ; the length of the shorter where there is none."""
        steps = enumerate(zip(self.marks, other.marks, strict=False))
        return next((at for at, (own, its) in steps if own != its), min(len(self.marks), len(other.marks)))


class Forks:
    """Where the rollouts of one scenario part, and how those that typed the same there ended."""

    def __init__(self, group: Sequence[StoredRollout], refused: Counter[str]) -> None:
        self._scenario = group[0].scenario
        self._walks = [Walk(rollout.trajectory) for rollout in group]
        self._rollouts = {rollout.trajectory.id: rollout for rollout in group}
        self._refused = refused
        self._behind: dict[bytes, list[Walk]] = defaultdict(list)
        for walk in self._walks:
            for at in range(1, len(walk.marks), 2):
                if at >= walk.speaks_from:
                    self._behind[walk.marks[at]].append(walk)

    def pairs(self, margin: float = MARGIN) -> Iterator[Pair]:
        """Every pair of these rollouts, no two of them alike; what cannot be one is counted in `refused`.

        margin: the least difference between the shares of right rollouts.
        """
        seen: set[tuple[str, Gist, Gist]] = set()
        for pair in (*self._at_faults(), *self._at_corrections(), *self._at_branches()):
            key = _typed(pair), _gist(pair.chosen[0].content), _gist(pair.rejected[0].content)
            if pair.margin < margin:
                self._refused["too small a margin"] += 1
            elif key in seen:
                self._refused["much like another pair"] += 1
            else:
                seen.add(key)
                yield pair

    def _at_faults(self) -> Iterator[Pair]:
        """Each failure on purpose against every kept rollout that it shares its prefix with."""
        for failed in self._walks:
            if failed.trajectory.fault is None:
                continue
            met = False
            for kept in self._walks:
                at = kept.parts(failed)
                if kept.trajectory.keep and at >= max(failed.speaks_from, kept.speaks_from):
                    met = True
                    if reason := self._not_decided(kept, failed, at):
                        self._refused[reason] += 1
                    else:
                        yield self._pair(kept, failed, at, "fault")
            if not met:
                self._refused["no right one went that way"] += 1

    def _at_corrections(self) -> Iterator[Pair]:
        """The first wrong action of each rollout against what an expert typed in its place and then ended right."""
        by_id = {walk.trajectory.id: walk for walk in self._walks}
        for kept in self._walks:
            failed = by_id.get(kept.trajectory.branch_of or "")
            at = 2 * kept.trajectory.given + 1
            if not kept.trajectory.keep or failed is None:
                continue
            if first_wrong(self._rollouts[failed.trajectory.id]) != at:
                continue
            if at >= len(failed.marks):
                self._refused["the failing one typed no action"] += 1
            elif (parts := kept.parts(failed)) > at:
                self._refused["both typed the same"] += 1
            elif reason := self._not_parted(kept, failed, parts):
                self._refused[reason] += 1
            else:
                yield self._pair(kept, failed, at, "correction")

    def _at_branches(self) -> Iterator[Pair]:
        """At each fork the best choice against every worse one, of rollouts that nobody made fail."""
        forks: dict[bytes, dict[bytes, tuple[int, list[Walk]]]] = defaultdict(dict)
        for walk in self._walks:
            for at in range(walk.speaks_from, len(walk.marks), 2):
                forks[walk.marks[at - 1]][walk.marks[at]] = at, self._behind[walk.marks[at]]
        for choices in forks.values():
            at, best = max(choices.values(), key=lambda choice: _share(choice[1]))
            kept = next((walk for walk in best if walk.trajectory.keep and not self._errs(walk, at)), None)
            for _, walks in choices.values() if kept else []:
                failed = next((walk for walk in walks if _failed_by_itself(walk)), None)
                if kept is None or failed is None or walks is best:
                    continue
                if _chance(best, walks, at) > CHANCE:
                    self._refused[BY_CHANCE] += 1
                else:
                    yield self._pair(kept, failed, at, "branch")

    def _not_decided(self, kept: Walk, failed: Walk, at: int) -> str | None:
        """Why these two are no pair, though they go the same way up to the failure."""
        if reason := self._not_parted(kept, failed, at):
            return reason
        looked = only_looks(failed.trajectory.turns[at].content)
        if looked and not any(answer.status for answer in _answers(failed, at)):
            return "the failing one only looked there"
        return None

    def _not_parted(self, kept: Walk, failed: Walk, at: int) -> str | None:
        """Why the turn at which these two differ holds no two actions of which the kept one's is right."""
        if at >= min(len(kept.marks), len(failed.marks)):
            return "one ends where the other goes on"
        if at % 2 == 0:
            return "the environment answered otherwise"
        if self._errs(kept, at):
            return "the right one made a mistake there"
        return None

    def _errs(self, walk: Walk, at: int) -> bool:
        failed = any(went_wrong(answer, self._scenario) for answer in _answers(walk, at))
        return failed or is_wrong_work(walk.trajectory.turns[at].content, self._scenario)

    def _pair(self, kept: Walk, failed: Walk, at: int, source: Source) -> Pair:
        sides = [self._side(walk, at) for walk in (kept, failed)]
        prompt, chosen = _cut(kept.trajectory, at)
        _, rejected = _cut(failed.trajectory, at)
        body = [self._scenario.id, *(message.model_dump() for message in (*prompt, chosen, rejected))]
        return Pair(
            id=hashlib.sha256(canonical({"pair": body})).hexdigest()[:16],
            scenario_id=self._scenario.id,
            split=self._scenario.split,
            family=self._scenario.family,
            cell=self._scenario.cell,
            prompt=prompt,
            chosen=[chosen],
            rejected=[rejected],
            outcome=failed.trajectory.outcome,
            cause=failed.trajectory.fault.kind if failed.trajectory.fault else None,
            source=source,
            margin=round(sides[0].right / sides[0].rollouts - sides[1].right / sides[1].rollouts, 4),
            turn=at,
            chosen_side=sides[0],
            rejected_side=sides[1],
        )

    def _side(self, walk: Walk, at: int) -> Side:
        behind = self._behind[walk.marks[at]]
        return Side(trajectory=walk.trajectory.id, rollouts=len(behind), right=_kept(behind))


def read(path: Path) -> Iterator[Pair]:
    """The pairs of a `pairs.jsonl`, one at a time. Raises BundleError naming the line."""
    return (parsed(path, number, body) for number, body in json_lines(path))


def parsed(path: Path | str, number: int, body: object) -> Pair:
    """A line of such a file."""
    try:
        return Pair.model_validate(body)
    except ValueError as error:
        raise BundleError(f"{path}:{number}: {error}") from error


def _answers(walk: Walk, at: int) -> list[Turn]:
    """The answer to that action; none where the session ended with it."""
    return walk.trajectory.turns[at + 1 : at + 2]


def _chance(best: Sequence[Walk], worse: Sequence[Walk], at: int) -> float:
    """How likely so great a difference is where both are alike, by Fisher's exact test.

    An action that ends the session needs no second rollout: it counts as often as the other side was tried.
    """
    tried = len(worse)
    if any(len(walk.marks) == at + 1 and walk.trajectory.ending.kind != "none" for walk in worse):
        tried = max(tried, len(best))
    return fisher((_kept(best), len(best)), (_kept(worse), tried))


def _failed_by_itself(walk: Walk) -> bool:
    return not walk.trajectory.keep and walk.trajectory.fault is None


def _kept(walks: Sequence[Walk]) -> int:
    return sum(walk.trajectory.keep for walk in walks)


def _share(walks: Sequence[Walk]) -> float:
    return _kept(walks) / len(walks)


def _cut(trajectory: Trajectory, at: int) -> tuple[list[Message], Message]:
    """The messages before that turn, and its own."""
    messages = [Message.model_validate(message) for message in trajectory.messages()[: at + 2]]
    return messages[:-1], messages[-1]


def _typed(pair: Pair) -> str:
    """The same where two prompts are, but for what is volatile in the answers."""
    typed = [bare(message.content) for message in pair.prompt if message.role == "assistant"]
    return "\0".join(typed)


def _gist(action: str) -> Gist:
    """What an action is about: its commands without their options. Two that share it are much alike."""
    commands = simple_commands(bare(action))
    return tuple(tuple(word for word in words if not word.startswith("-")) for words in commands)
