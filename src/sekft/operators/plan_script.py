"""A scenario's private plan as one person would carry it out: where they look, which way they take.

Some scripts hold one mistake and its repair. The explorer types a script as it stands, the saboteur up to
where it goes wrong. A command is typed only when every token of it is grounded (seen in this very
trajectory, or common vocabulary); where it is not, another way of the same step is taken.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sekft.errors import UsageError
from sekft.operators.exploration import first_looks, search, sights
from sekft.protocols import Action, OperatorConfig
from sekft.scenario import PlanStep, Scenario
from sekft.shell import syntax
from sekft.shell.grounding import Seen
from sekft.trajectory import Turn

RECOVERY_SHARE = 0.25
"""Share of scripts that hold one mistake and its repair."""

_CHAINED_SHARE = 0.2
_USUAL_SHARE = 0.75
"""How often a step is taken in its usual way, the reference's: what varies is the scenario, the routine hardly does."""

_SLIPS = {
    "cat": "cta", "chmod": "chmdo", "echo": "ehco", "env": "evn", "find": "fidn", "grep": "gerp", "head": "haed",
    "ls": "sl", "man": "mna", "mv": "vm", "printf": "pritnf", "rm": "mr", "sed": "sde", "sort": "srot",
}  # fmt: skip

Ways = tuple[tuple[str, ...], ...]


class NotGrounded(Exception):
    """No way of a step can be typed: the scenario demands a lucky guess. It costs this rollout, not the run."""


@dataclass(frozen=True)
class Beat:
    """One command to be typed.

    step:     the place of its step in the plan; -1 for a look of one's own accord.
    spare:    the other ways of its step, should it not be grounded.
    mistakes: commands that go wrong right before it.
    wrong:    it is such a mistake, left out where it is not grounded.
    failing:  the failure that it is part of; typed whether grounded or not.
    """

    goal: str
    command: str
    step: int = -1
    spare: Ways = ()
    mistakes: tuple[str, ...] = ()
    wrong: bool = False
    failing: str | None = None


def recovery_share(settings: OperatorConfig) -> float:
    """The share that was asked for. Raises UsageError for what is no share."""
    share = RECOVERY_SHARE if settings.recovery_share is None else settings.recovery_share
    if not 0 <= share <= 1:
        raise UsageError(f"--recovery-share {share:g}: want a share from 0 to 1")
    return share


def script(scenario: Scenario, rng: random.Random, mended: float) -> list[Beat]:
    """One person's beats. mended: share of scripts that hold a mistake and its repair."""
    beats = _straight(scenario, rng)
    if rng.random() < _CHAINED_SHARE:
        beats = _chained(beats)
    return _with_mistake(beats, scenario, rng) if rng.random() < mended else beats


def resumed(scenario: Scenario, typed: Sequence[str], rng: random.Random) -> list[Beat]:
    """The rest of the plan after these commands: one way for each step of which they hold none."""
    left = Counter(part for command in typed for part in {command, *command.split(" && ")})
    beats: list[Beat] = []
    for place, step in enumerate(scenario.plan):
        done = next((way for way in step.ways if not Counter(way) - left), None)
        if done is not None:
            left.subtract(done)
        else:
            beats += _beats(step.goal, place, _ordered(step, set(typed), rng), tuple(step.mistakes))
    return beats


def _straight(scenario: Scenario, rng: random.Random) -> list[Beat]:
    """Looks, a search for what login did not tell, then one way for each step; nothing is looked at or learnt twice."""
    plan = scenario.plan or [PlanStep(goal="execute", ways=[scenario.reference])]
    beats = [Beat("look", command) for command in first_looks(rng)]
    for place, step in enumerate(plan):
        typed = {beat.command for beat in beats}
        again = sights(typed) if step.goal in ("look", "learn") else set()
        new = _beats(step.goal, place, _ordered(step, typed, rng), tuple(step.mistakes))
        if step.goal == "look" and new:
            beats += [Beat("look", command) for command in search(scenario, typed, new[0].command, rng)]
        beats += [beat for beat in new if not sights({beat.command}) & again]
    return beats


def _ordered(step: PlanStep, typed: set[str], rng: random.Random) -> Ways:
    """The ways of a step, the one to be taken first."""
    ways = [tuple(way) for way in rng.sample(step.ways, len(step.ways))]
    usual = rng.random() < _USUAL_SHARE
    ways.sort(key=lambda way: usual and way != tuple(step.ways[0]))
    if step.goal == "look":  # go on from what was looked at already, else as a search looks: without details
        ways.sort(key=lambda way: any(command.startswith("ls -l") for command in way))
        ways.sort(key=lambda way: not any(sights({command}) & sights(typed) for command in way))
    return tuple(ways)


def _beats(goal: str, step: int, ways: Ways, mistakes: tuple[str, ...] = ()) -> list[Beat]:
    first, spare = ways[0], tuple(ways[1:])
    beats = [Beat(goal, command, step, spare) for command in first]
    return [replace(beats[0], mistakes=mistakes), *beats[1:]] if beats else []


def _chained(beats: list[Beat]) -> list[Beat]:
    """The script with the work and the first look at its effect typed as one line."""
    for at in range(len(beats) - 1):
        work, look = beats[at], beats[at + 1]
        if (work.goal, look.goal) == ("execute", "confirm") and not set("\n;") & set(work.command):
            chained = Beat("execute", f"{work.command} && {look.command}", work.step)
            return [*beats[:at], chained, *_chained(beats[at + 2 :])]
    return beats


def _with_mistake(beats: list[Beat], scenario: Scenario, rng: random.Random) -> list[Beat]:
    """The script with one mistake in it, right before the command that mends it."""
    options = {
        mistakes: places
        for mistakes in _MISTAKES
        if (places := [(at, wrong) for at in range(len(beats)) for wrong in mistakes(beats, at, scenario)])
    }
    if not options:
        return beats
    at, wrong = rng.choice(options[rng.choices([*options], [_MISTAKES[mistakes] for mistakes in options])[0]])
    return [*beats[:at], replace(beats[at], command=wrong, wrong=True), *beats[at:]]


def _slips(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[str]:
    """Fingers that swap two letters of the command."""
    first, _, rest = beats[at].command.partition(" ")
    return [f"{_SLIPS[first]} {rest}".strip()] if first in _SLIPS and not set("\n;&|") & set(rest) else []


def _bare_calls(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[str]:
    """The tool called with nothing to do, right before its help is asked for."""
    return [scenario.provider.command] if _is_first_call(beats, at, scenario) else []


def _version_calls(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[str]:
    """An option that most tools have and this one has not; its error says what to ask for."""
    return [f"{scenario.provider.command} --version"] if _is_first_call(beats, at, scenario) else []


def _no_pages(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[str]:
    """The manual asked for a page that there is not."""
    tool = scenario.provider.command
    paged = any(file.path.endswith(f"/{tool}.1") for file in scenario.files)
    return [f"man {tool}"] if not paged and _is_first_call(beats, at, scenario) else []


def _planned(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[str]:
    """Mistakes that the author knows of this tool: a call without a name, a placeholder typed as it stands."""
    return list(beats[at].mistakes)


def _elsewhere(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[str]:
    """A file or folder named without its path, from another folder."""
    words = beats[at].command.split()
    if len(words) != 2 or words[0] not in ("cat", "head", "tail", "ls") or not words[1].startswith("/"):
        return []
    folder, _, name = words[1].rpartition("/")
    moved = any(beat.command.startswith("cd ") for beat in beats)
    if scenario.expected.kind != "work" or beats[at].goal == "look" or moved or folder == scenario.login.home:
        return []
    return [f"{words[0]} {name}"]


def _is_first_call(beats: Sequence[Beat], at: int, scenario: Scenario) -> bool:
    tool = scenario.provider.command
    return at == next((n for n, beat in enumerate(beats) if _names_tool(beat.command, tool)), None)


def _names_tool(command: str, tool: str) -> bool:
    """Whether the command runs the tool or asks for its manual page."""
    return bool(syntax.calls(command, tool)) or f"man {tool}" in command


_MISTAKES: dict[Callable[[Sequence[Beat], int, Scenario], list[str]], int] = {
    _slips: 1,
    _bare_calls: 1,
    _version_calls: 1,
    _no_pages: 1,
    _planned: 4,
    _elsewhere: 1,
}
"""With weights: what students are seen to do wrong is how they call a tool."""


class Typist:
    """The policy that types a script, a grounded beat at a time."""

    def __init__(self, scenario: Scenario, beats: Sequence[Beat]) -> None:
        self._tool = scenario.provider.command
        self._beats = deque(beats)
        self._seen = Seen()
        self._read = 0

    async def act(self, turns: Sequence[Turn]) -> Action:
        for turn in turns[self._read :]:
            self._seen.add(f"{turn.orientation or ''}\n{turn.content}")
        self._read = len(turns)
        beat = self._next(turns)
        return Action(beat.command, failing=beat.failing)

    def _next(self, turns: Sequence[Turn]) -> Beat:
        """The next beat that is grounded, changing to another way of its step where one is not."""
        while self._beats:
            beat = self._beats.popleft()
            if self._is_told_already(beat, turns):
                continue
            if beat.failing or not (missing := self._seen.missing(beat.command)):
                return beat
            if beat.wrong:
                continue
            if not beat.spare:
                raise NotGrounded(f"{beat.goal}: {beat.command!r} holds {missing}, which nothing has shown")
            while self._beats and self._beats[0].spare is beat.spare and not self._beats[0].failing:
                self._beats.popleft()
            self._beats.extendleft(reversed(_beats(beat.goal, beat.step, beat.spare)))
        raise NotGrounded("the plan ran out before an ending")

    def _is_told_already(self, beat: Beat, turns: Sequence[Turn]) -> bool:
        """Whether a bare call has just printed the help that this asks for."""
        if len(turns) < 3 or beat.command not in (f"{self._tool} {word}" for word in ("--help", "-h", "help")):
            return False
        return turns[-2].content == self._tool and "--help" not in turns[-1].content
