"""A scripted expert that lands, looks round, learns the tool, does the work and ends.

It takes its goals from the scenario's private plan and chooses among each goal's ways, but it
types a command only when every token of it is grounded: seen earlier in this very trajectory,
or common vocabulary. Samples differ in what they look at, which way they take, what they
verify, and in the slip that some of them make and mend.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sekft.errors import SekftError, UsageError
from sekft.grounding import Seen
from sekft.protocols import Action, OperatorSettings, Policy
from sekft.scenario import Scenario, Step
from sekft.seeds import stream
from sekft.trajectory import OperatorInfo, Turn

RECOVERY_SHARE = 0.25
"""Share of trajectories that hold one mistake and its repair."""

_CHAINED_SHARE = 0.2

# First looks of people who land on an unknown machine, with weights. Outputs that differ from
# run to run (processes, dates, kernel versions) would make replays differ: left out.
_LOOKS = {
    "ls": 10, "ls -la": 8, "ls -l": 5, "pwd": 5, "whoami": 4, "id": 4, "env": 3, "ls -a": 3, "hostname": 2,
    "pwd; ls": 3, "ls -R": 1,
    "cat /etc/motd": 3, "ls /srv": 1, "ls -A": 2, "ls ~": 2, "ls -la ~": 2, "ls /home": 1, "id; pwd": 2,
    "ls -lA": 1, "whoami; hostname": 2, "env | sort": 1, "cat /etc/issue": 1, "echo $HOME": 1, "pwd && ls -la": 2,
    "find . -type f": 2, "ls /opt": 1, "whoami && pwd": 1,
}  # fmt: skip
# Looks that show the same: nobody lists a folder twice in a row.
_HOME = frozenset(("ls", "ls -la", "ls -l", "ls -a", "ls -A", "ls -lA", "ls ~", "ls -la ~", "ls -R", "pwd; ls",
                   "pwd && ls -la", "find . -type f"))  # fmt: skip
_ENVIRONMENT = frozenset(("env", "env | sort", "export -p"))
_SIGHTS = (_HOME, _ENVIRONMENT)
_LOOK_COUNTS = {0: 34, 1: 36, 2: 20, 3: 10}
_SLIPS = {
    "cat": "cta", "chmod": "chmdo", "echo": "ehco", "env": "evn", "find": "fidn", "grep": "gerp", "head": "haed",
    "ls": "sl", "man": "mna", "mv": "vm", "printf": "pritnf", "rm": "mr", "sed": "sde", "sort": "srot",
}  # fmt: skip


def make(settings: OperatorSettings) -> ExplorerOperator:
    share = RECOVERY_SHARE if settings.recovery_share is None else settings.recovery_share
    if not 0 <= share <= 1:
        raise UsageError(f"--recovery-share {share:g}: want a share from 0 to 1")
    return ExplorerOperator(share)


class NotGrounded(SekftError):
    """No way of a step can be typed: the scenario demands a lucky guess."""


class ExplorerOperator:
    """recovery_share: share of trajectories in which one mistake is made and mended."""

    def __init__(self, recovery_share: float = RECOVERY_SHARE) -> None:
        self.recovery_share = recovery_share
        self.info = OperatorInfo(kind="explorer", settings={"recovery_share": f"{recovery_share:g}"})

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return _Explorer(scenario, stream(seed, "explorer"), self.recovery_share)


@dataclass(frozen=True)
class _Beat:
    """One command to be typed; spare: the other ways of its step, should it not be grounded."""

    goal: str
    command: str
    spare: tuple[tuple[str, ...], ...] = ()


class _Explorer:
    def __init__(self, scenario: Scenario, rng: random.Random, recovery_share: float) -> None:
        self._rng = rng
        self._seen = Seen()
        self._read = 0
        self._tool = scenario.provider.command
        beats = self._script(scenario)
        if rng.random() < _CHAINED_SHARE:
            beats = self._chained(beats)
        if rng.random() < recovery_share:
            beats = self._with_mistake(beats, scenario)
        self._beats = deque(beats)

    async def act(self, turns: Sequence[Turn]) -> Action:
        for turn in turns[self._read :]:
            self._seen.add(f"{turn.orientation or ''}\n{turn.content}")
        self._read = len(turns)
        return Action(self._next(turns))

    def _next(self, turns: Sequence[Turn]) -> str:
        """The next command that is grounded, changing to another way of its step where one is not."""
        while self._beats:
            beat = self._beats.popleft()
            if self._is_told_already(beat, turns):
                continue
            if not (missing := self._seen.missing(beat.command)):
                return beat.command
            if not beat.spare:
                raise NotGrounded(f"explorer: {beat.command!r} holds {missing}, which nothing has shown")
            while self._beats and self._beats[0].spare is beat.spare:
                self._beats.popleft()
            self._beats.extendleft(reversed(_beats(beat.goal, beat.spare)))
        raise NotGrounded("explorer: the plan ran out before an ending")

    def _is_told_already(self, beat: _Beat, turns: Sequence[Turn]) -> bool:
        """Whether a bare call has just printed the help that this asks for."""
        if len(turns) < 3 or beat.command not in (f"{self._tool} {word}" for word in ("--help", "-h", "help")):
            return False
        return turns[-2].content == self._tool and "--help" not in turns[-1].content

    def _script(self, scenario: Scenario) -> list[_Beat]:
        """Looks, then one way for each step; nothing is looked at or learnt twice."""
        plan = scenario.plan or [Step(goal="execute", ways=[scenario.reference])]
        beats = [_Beat("look", command) for command in self._first_looks()]
        for step in plan:
            typed = {beat.command for beat in beats}
            ways = self._ordered(step, typed)
            again = _sights(typed) if step.goal in ("look", "learn") else set()
            beats += [beat for beat in _beats(step.goal, ways) if not _sights({beat.command}) & again]
        return beats

    def _ordered(self, step: Step, typed: set[str]) -> tuple[tuple[str, ...], ...]:
        ways = [tuple(way) for way in self._rng.sample(step.ways, len(step.ways))]
        if step.goal == "look":  # go on from what was looked at already
            ways.sort(key=lambda way: not any(_sights({command}) & _sights(typed) for command in way))
        return tuple(ways)

    def _first_looks(self) -> list[str]:
        count = self._rng.choices([*_LOOK_COUNTS], [*_LOOK_COUNTS.values()])[0]
        looks: list[str] = []
        while len(looks) < count:
            look = self._rng.choices([*_LOOKS], [*_LOOKS.values()])[0]
            if not _sights({look}) & _sights(set(looks)):
                looks.append(look)
        return looks

    def _with_mistake(self, beats: list[_Beat], scenario: Scenario) -> list[_Beat]:
        """The script with one mistake in it, right before the command that mends it."""
        found = [[(at, mistake(beats, at, scenario)) for at in range(len(beats))] for mistake in _MISTAKES]
        options = [places for row in found if (places := [(at, wrong) for at, wrong in row if wrong is not None])]
        if not options:
            return beats
        at, wrong = self._rng.choice(self._rng.choice(options))
        return [*beats[:at], _Beat(beats[at].goal, wrong), *beats[at:]]

    def _chained(self, beats: list[_Beat]) -> list[_Beat]:
        """The script with the work and the first look at its effect typed as one line."""
        for at in range(len(beats) - 1):
            one, two = beats[at], beats[at + 1]
            if (one.goal, two.goal) == ("execute", "confirm") and not set("\n;") & set(one.command):
                chained = _Beat("execute", f"{one.command} && {two.command}")
                return [*beats[:at], chained, *self._chained(beats[at + 2 :])]
        return beats


def _sights(commands: set[str]) -> set[str]:
    """The commands, each looking the same way named alike."""
    return {next((min(sight) for sight in _SIGHTS if command in sight), command) for command in commands}


def _beats(goal: str, ways: Sequence[tuple[str, ...]]) -> list[_Beat]:
    first, spare = ways[0], tuple(ways[1:])
    return [_Beat(goal, command, spare) for command in first]


def _slip(beats: Sequence[_Beat], at: int, scenario: Scenario) -> str | None:
    """Fingers that swap two letters of the command."""
    first, _, rest = beats[at].command.partition(" ")
    return f"{_SLIPS[first]} {rest}".strip() if first in _SLIPS and not set("\n;&|") & set(rest) else None


def _bare_call(beats: Sequence[_Beat], at: int, scenario: Scenario) -> str | None:
    """The tool called with nothing to do, right before its help is asked for."""
    return scenario.provider.command if _is_first_call(beats, at, scenario) else None


def _version_call(beats: Sequence[_Beat], at: int, scenario: Scenario) -> str | None:
    """An option that most tools have and this one has not; its error says what to ask for."""
    return f"{scenario.provider.command} --version" if _is_first_call(beats, at, scenario) else None


def _no_page(beats: Sequence[_Beat], at: int, scenario: Scenario) -> str | None:
    """The manual asked for a page that there is not."""
    tool = scenario.provider.command
    paged = any(file.path.endswith(f"/{tool}.1") for file in scenario.files)
    return f"man {tool}" if not paged and _is_first_call(beats, at, scenario) else None


def _nameless_call(beats: Sequence[_Beat], at: int, scenario: Scenario) -> str | None:
    """The tool called for one entry without saying which."""
    words = beats[at].command.split()
    if beats[at].goal not in ("retrieve", "acknowledge") or words[0] != scenario.provider.command or len(words) != 3:
        return None
    return f"{words[0]} {words[1]}"


def _elsewhere(beats: Sequence[_Beat], at: int, scenario: Scenario) -> str | None:
    """A file or folder named without the way to it, from where it does not lie."""
    words = beats[at].command.split()
    if len(words) != 2 or words[0] not in ("cat", "head", "tail", "ls") or not words[1].startswith("/"):
        return None
    folder, _, name = words[1].rpartition("/")
    moved = any(beat.command.startswith("cd ") for beat in beats)
    if scenario.expected.kind != "work" or beats[at].goal == "look" or moved or folder == scenario.login.home:
        return None
    return f"{words[0]} {name}"


def _is_first_call(beats: Sequence[_Beat], at: int, scenario: Scenario) -> bool:
    tool = scenario.provider.command
    return at == next((n for n, beat in enumerate(beats) if tool in beat.command.split()), None)


_MISTAKES: tuple[Callable[[Sequence[_Beat], int, Scenario], str | None], ...] = (
    _slip,
    _bare_call,
    _version_call,
    _no_page,
    _nameless_call,
    _elsewhere,
)
