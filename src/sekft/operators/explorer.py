"""A scripted expert that lands, looks round, learns the tool, does the work and ends.

It takes its next goal from the scenario's private plan and chooses among that goal's ways,
but it types a command only when every token of it is grounded: seen earlier in this very
trajectory, or common vocabulary. Samples differ in what they look at, which way they take
and what they verify.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence

from sekft.errors import SekftError
from sekft.grounding import Seen
from sekft.protocols import Action, Policy
from sekft.scenario import Scenario, Step
from sekft.seeds import stream
from sekft.trajectory import OperatorInfo, Turn

# First looks of people who land on an unknown machine; outputs that differ from run to run
# (processes, dates, kernel versions) would make replays differ, so they are left out.
_LOOKS = (
    "ls",
    "ls -la",
    "ls -l",
    "pwd",
    "whoami",
    "id",
    "env",
    "ls -a",
    "hostname",
    "cat /etc/motd",
    "ls /srv",
    "ls -A",
)
_LOOK_WEIGHTS = (8, 6, 4, 5, 3, 2, 3, 2, 1, 2, 1, 1)
_LOOK_COUNTS = (0, 1, 2, 3)
_LOOK_COUNT_WEIGHTS = (40, 35, 18, 7)


class NotGrounded(SekftError):
    """No way of a step can be typed: the scenario demands a lucky guess."""


def make(temperature: float | None, max_tokens: int | None) -> ExplorerOperator:
    del temperature, max_tokens
    return ExplorerOperator()


class ExplorerOperator:
    info = OperatorInfo(kind="explorer")

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return _Explorer(scenario, stream(seed, "explorer"))


class _Explorer:
    def __init__(self, scenario: Scenario, rng: random.Random) -> None:
        self._rng = rng
        self._steps = deque(scenario.plan or [Step(goal="execute", ways=[scenario.reference])])
        self._pending: deque[str] = deque(self._first_looks())
        self._spare: list[list[str]] = []
        self._typed: set[str] = set()
        self._seen = Seen()
        self._read = 0

    async def act(self, turns: Sequence[Turn]) -> Action:
        for turn in turns[self._read :]:
            self._seen.add(f"{turn.orientation or ''}\n{turn.content}")
        self._read = len(turns)
        command = self._next()
        self._typed.add(command)
        return Action(command)

    def _next(self) -> str:
        """The next command that is grounded, changing to another way of the step where one is not."""
        while True:
            while not self._pending:
                self._begin(self._steps.popleft())
            command = self._pending.popleft()
            if not self._seen.missing(command):
                return command
            self._other_way(command)

    def _begin(self, step: Step) -> None:
        ways = self._rng.sample(step.ways, len(step.ways))
        if step.goal == "look":
            ways.sort(key=lambda way: not any(command in self._typed for command in way))
        first, *self._spare = ways
        repeats = step.goal in ("look", "learn")
        self._pending.extend(command for command in first if not (repeats and command in self._typed))

    def _other_way(self, command: str) -> None:
        if not self._spare:
            raise NotGrounded(f"explorer: {command!r} holds {self._seen.missing(command)}, which nothing has shown")
        self._pending = deque(self._spare.pop(0))

    def _first_looks(self) -> list[str]:
        count = self._rng.choices(_LOOK_COUNTS, _LOOK_COUNT_WEIGHTS)[0]
        looks: list[str] = []
        while len(looks) < count:
            look = self._rng.choices(_LOOKS, _LOOK_WEIGHTS)[0]
            if look.split()[0] not in {other.split()[0] for other in looks}:
                looks.append(look)
        return looks
