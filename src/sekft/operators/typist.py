"""The policy that types a script, one grounded command at a time.

What nothing has shown is not typed: another way of the same step is taken, or a look that shows it comes first. Where
neither is to be had, the rollout ends there and says what was missing.
"""

from __future__ import annotations

import posixpath
import random
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sekft.operators.inspection import OPENING, concluded, inspect, owes_a_look
from sekft.operators.lookup import look_for
from sekft.protocols import NOT_GROUNDED, Action
from sekft.scenario import Scenario
from sekft.shell.grounding import Seen
from sekft.trajectory import Turn

Ways = tuple[tuple[str, ...], ...]
_GOES = re.compile(r"cd (/?[\w./-]+)(?: *(?:&&|;) *|$)(.*)", re.DOTALL)
_WORD = re.compile(r"[\w-]+")
INSPECT = "inspect"
"""The goal of a beat without a command: looks at what blocks the work, chosen by what was shown."""


@dataclass(frozen=True)
class Beat:
    """One command to be typed.

    step:     the place of its step in the plan; -1 for a look of one's own accord.
    place:    its own place in its way.
    spare:    the other ways of its step, should it not be grounded.
    mistakes: commands that go wrong right before it.
    wrong:    it is such a mistake, or what follows of it; left out, with what follows, where it is not grounded.
    failing:  the failure that it is part of.
    guess:    typed whether grounded or not.
    looks:    at most so many, where its goal is to inspect.
    shows:    the command that it is to ground, left out where that is grounded already.
    tells:    the name that it is to tell, left out where any answer but the last has told it.
    """

    goal: str
    command: str
    step: int = -1
    spare: Ways = ()
    mistakes: tuple[str, ...] = ()
    wrong: bool = False
    failing: str | None = None
    guess: bool = False
    looks: int = 0
    place: int = 0
    shows: str | None = None
    tells: str | None = None


def beats_of(goal: str, step: int, ways: Ways, mistakes: tuple[str, ...] = ()) -> list[Beat]:
    """The first of the ways, the others spare."""
    first, spare = ways[0], tuple(ways[1:])
    beats = [Beat(goal, command, step, spare, place=place) for place, command in enumerate(first)]
    return [replace(beats[0], mistakes=mistakes), *beats[1:]] if beats else []


def _folder(turns: Sequence[Turn], home: str) -> str:
    """The folder in which these turns have left the session, as far as plain `cd` tells."""
    folder = home
    for turn in turns:
        if turn.role == "action" and (match := _GOES.match(turn.content)):
            folder = posixpath.normpath(posixpath.join(folder, match[1]))
    return folder


class Typist:
    """rng: chooses among looks that no script could foresee."""

    def __init__(self, scenario: Scenario, beats: Sequence[Beat], rng: random.Random) -> None:
        self._scenario, self._rng = scenario, rng
        self._beats = deque(beats)
        self._seen = Seen()
        self._read = 0

    async def act(self, turns: Sequence[Turn]) -> Action:
        for turn in turns[self._read :]:
            self._seen.add(f"{turn.orientation or ''}\n{turn.content}")
        self._read = len(turns)
        beat = self._next(turns)
        if isinstance(beat, str):
            return Action("", fault=f"{NOT_GROUNDED}: {beat}")
        return Action(beat.command, failing=beat.failing)

    def _next(self, turns: Sequence[Turn]) -> Beat | str:
        """The next beat that is grounded, or why there is none."""
        typed = {turn.content for turn in turns if turn.role == "action"}
        while self._beats:
            beat = self._beats.popleft()
            if beat.goal == INSPECT:
                if (look := self._inspection(beat, turns, typed)) is not None:
                    return look
                continue
            beat = self._from_here(beat, turns)
            if not beat.command or self._is_told_already(beat, turns):
                continue
            if beat.goal == "end" and not beat.failing:
                beat = replace(beat, command=concluded(beat.command, turns, self._scenario, self._rng))
            if beat.guess or not (missing := self._seen.missing(beat.command)):
                return beat
            if beat.wrong:
                while self._beats and self._beats[0].wrong:
                    self._beats.popleft()
                continue
            if beat.spare:
                self._take_another_way(beat)
            elif (shown := look_for(beat.command, self._scenario, self._seen, typed)) is not None:
                self._beats.appendleft(beat)
                return Beat("look", shown)
            else:
                return f"no output has shown {', '.join(missing)}, needed by {beat.command!r}"
        return "the plan ran out before an ending"

    def _take_another_way(self, beat: Beat) -> None:
        """Go on in the next way of the step: from the same place where the two are as long, else from its start."""
        length = beat.place + 1
        while self._beats and self._beats[0].spare is beat.spare:
            self._beats.popleft()
            length += 1
        others = [replace(other, failing=beat.failing) for other in beats_of(beat.goal, beat.step, beat.spare)]
        self._beats.extendleft(reversed(others[beat.place if len(others) == length else 0 :]))

    def _inspection(self, beat: Beat, turns: Sequence[Turn], typed: set[str]) -> Beat | None:
        """A look at what the last answers refused; the beat stays for those after it.

        What a look has shown to be one's own is opened, however many looks there were.
        """
        looks = inspect(turns, self._scenario, self._rng)
        look = next((look for look in looks if look not in typed and not self._seen.missing(look)), None)
        owed = beat.looks or owes_a_look(turns, self._scenario)
        if look is None or not (owed or look.startswith(OPENING)):
            return None
        self._beats.appendleft(replace(beat, looks=max(0, beat.looks - 1)))
        return Beat(INSPECT, look)

    def _from_here(self, beat: Beat, turns: Sequence[Turn]) -> Beat:
        """The beat as typed in the present folder: nobody goes where he is."""
        if beat.failing or not (match := _GOES.match(beat.command)):
            return beat
        return replace(beat, command=match[2]) if match[1] == _folder(turns, self._scenario.login.home) else beat

    def _is_told_already(self, beat: Beat, turns: Sequence[Turn]) -> bool:
        """Whether it would show what was shown before, or a bare call has just printed the help that this asks for."""
        if beat.shows and not self._seen.missing(beat.shows):
            return True
        if beat.tells:
            return any(beat.tells in _WORD.findall(turn.content) for turn in turns[:-1] if turn.role == "env")
        tool = self._scenario.provider.command
        if len(turns) < 3 or beat.command not in (f"{tool} {word}" for word in ("--help", "-h", "help")):
            return False
        return turns[-2].content == tool and "--help" not in turns[-1].content
