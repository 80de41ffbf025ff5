"""A scripted expert that lands, looks round, learns the tool, does the work and ends.

It takes its goals from the scenario's private plan and chooses among each goal's ways. Samples differ in what they look
at, which way they take, what they verify, and in the mistake that some of them make and mend. The explorer types such a
script as it stands, the saboteur up to where it goes wrong. A command is typed only when every token of it is grounded
(seen in this very trajectory, or common vocabulary); where it is not, another way of the same step is taken.

A search for the announcement of work goes from place to place, always in the same order and in the same few words,
until it finds the right one. Its listings tell folders from files, so that the next file to open is no lucky guess. The
order is fixed for the student's sake. A search that went to the right place at once would teach to guess. A random
order teaches no order: a student that types the likeliest next token then begins with a listing with which hardly any
session begins, and goes round in circles (docs/experiments.md).
"""

from __future__ import annotations

import posixpath
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from sekft.errors import UsageError
from sekft.operators.lookup import READABLE_BYTES, announcing, names_several_accounts
from sekft.operators.typist import INSPECT, Beat, Typist, Ways, beats_of
from sekft.protocols import Operator, OperatorConfig, Policy
from sekft.scenario import PlanStep, Scenario
from sekft.seeds import stream
from sekft.shell import syntax
from sekft.shell.grounding import PROGRAMS
from sekft.shell.plan import is_wrong_work, plan
from sekft.trajectory import OperatorInfo

# First looks of people who land on an unknown machine, with weights. Outputs that differ from
# run to run (processes, dates, kernel versions) would make replays differ: left out, as is what the screen says anyway.
_LOOKS = {
    "env": 40, "ls -F": 8, "pwd": 8, "id": 8, "ls -aF": 4, "ls": 2, "env | sort": 2, "ls -a": 1, "ls -la": 1,
    "ls -l": 1, "pwd; ls": 1, "id; pwd": 1, "find . -type f": 1, "ls -A": 1, "ls -R": 1,
}  # fmt: skip
# Looks that show the same: nobody lists a folder twice in a row.
_HOME = frozenset(("ls", "ls -F", "ls -aF", "ls -la", "ls -l", "ls -a", "ls -A", "ls -R", "pwd; ls", "find . -type f"))
_ENVIRONMENT = frozenset(("env", "env | sort", "export -p"))
_DEEP = frozenset(("ls -R", "find . -type f"))
_SIGHTS = (_HOME - _DEEP, _DEEP, _ENVIRONMENT)
_COUNTS = {0: 55, 1: 33, 2: 8, 3: 4}
_GLANCES = {"ls -F": 24, "ls": 8, "ls -aF": 6, "pwd": 6, "id": 6, "ls -la": 4, "ls -l": 2, "pwd; ls": 2}
"""First looks of people to whom login has told where to go: nobody searches for it."""
_NAMES_ONESELF = ("whoami", "id -un", "id", "echo $USER")

_HOME_PLACE, _ENVIRONMENT_PLACE = "home", "environment"
_PLACES = (_ENVIRONMENT_PLACE, _HOME_PLACE, "/var/mail", "/etc", "/var/log", "/srv", "/opt")
"""Places that may announce something, in the order in which a search goes through them: the environment is one look."""
_HOME_LOOKS = ("ls -aF", "ls -aF", "ls -aF", "ls -aF", "ls -a", "ls -la")
_BELOW_HOME = re.compile(r"ls( -\w+)? ([\w.][\w.-]*)$")
_WORDS = re.compile(r"\w+")
_AHEAD = 3
"""How many folders of the home are looked into before the right one, at most."""
_OPENED = 2
"""How many texts that lie openly in the home are opened, in the order of the listing, before the search goes on."""
RECOVERY_SHARE = 0.25
"""Share of scripts that hold one mistake and its repair."""
_INSPECTIONS = {0: 40, 1: 42, 2: 18}
"""How many more looks at what blocks the work are taken before it is given up, with weights."""
_CHAINED_SHARE = 0.2
_USUAL_SHARE = 0.75
"""How often a step is taken in its usual way, the reference's: what varies is the scenario, the routine hardly does."""
_SLIPS = {
    "cat": "cta catt ca", "chmod": "chmdo chomd chmo", "echo": "ehco ecoh eco", "env": "evn enb",
    "find": "fidn fnd finf", "grep": "gerp grpe gre", "head": "haed hed", "ls": "sl lss ks", "man": "mna amn",
    "mv": "vm mvv", "printf": "pritnf prinft", "rm": "mr rmm", "sed": "sde sedd", "sort": "srot sotr osrt",
}  # fmt: skip
"""Slips of the fingers: two letters swapped, one too many or too few, the key beside the right one."""


_CALLS = ("retrieve", "acknowledge")
"""Goals whose ways are forms of the same calls, in the same order."""
Mistake = tuple[str, ...]
"""What goes wrong, and the look that shows it or the documentation that is read again."""
Habits = dict[tuple[str, int], list[int]]
"""By goal and number of ways: the order in which they are tried. Nobody does one thing in two ways in one session."""


def first_looks(scenario: Scenario, rng: random.Random, told: bool) -> list[str]:
    """The looks on landing. told: login names the tool, or where to read of it."""
    kinds = dict(_GLANCES if told else _LOOKS)
    if "$PWD" in scenario.login.prompt:
        kinds = {look: weight for look, weight in kinds.items() if "pwd" not in look}
    count = rng.choices([*_COUNTS], [*_COUNTS.values()])[0]
    looks: list[str] = []
    while kinds and len(looks) < count:
        looks += rng.choices([*kinds], [*kinds.values()])
        shown = _shown({part for look in looks for part in _parts(look)})
        kinds = {look: weight for look, weight in kinds.items() if not sights(_parts(look)) & shown}
    return looks


def _parts(look: str) -> set[str]:
    return set(look.split("; "))


def search(scenario: Scenario, typed: set[str], goal: str, rng: random.Random) -> list[str]:
    """The looks in vain before `goal`, the look that shows the announcement or leads to it.

    typed: the commands so far; no place is visited twice.
    """
    place = _place(goal, scenario)
    visited = {_place(command, scenario) for command in typed}
    told_of_mail = place == "/var/mail" and any(word in scenario.login.motd for word in ("mail", "Mail", "message"))
    if place is None or place in visited or told_of_mail or _is_shown(goal, scenario):
        return []
    looks: list[str] = []
    for other in _PLACES:
        if other == place:
            break
        if other not in visited:
            looks.append(_look(other, rng))
        if other == _HOME_PLACE:
            looks += _opened(scenario)
    return looks


def before_a_folder(scenario: Scenario, beats: Sequence[Beat], goal: str) -> list[str]:
    """The looks in vain before a folder of the home is listed: at the texts beside it and the folders ahead of it.

    Nobody knows in which of them something lies. Of a mailbox one knows it.
    """
    match, home = _BELOW_HOME.match(goal), f"{scenario.login.home}/"
    below = [file for file in scenario.files if file.path.startswith(home)]
    inside = [(file.path.removeprefix(home).split("/"), file.kind) for file in below]
    folders = {parts[0] for parts, kind in inside if len(parts) > 1 or kind == "directory"}
    if match is None or match[2] not in folders or match[2].lower() == "mail":
        return []
    ahead = sorted(name for name in folders if name < match[2] and not name.startswith("."))[-_AHEAD:]
    opened = {beat.command.split()[-1] for beat in beats}
    texts = [look for look in _opened(scenario) if look.split()[-1] not in opened]
    return [*texts, *(f"ls{match[1] or ''} {name}" for name in ahead)]


def sights(commands: set[str]) -> set[str]:
    """The commands, with one name for all that show the same."""
    return {next((min(sight) for sight in _SIGHTS if command in sight), command) for command in commands}


def _shown(commands: set[str]) -> set[str]:
    """What these have shown: a listing of all that lies below the home makes one of the home alone needless."""
    return sights(commands | {"ls"}) if commands & _DEEP else sights(commands)


def _look(place: str, rng: random.Random) -> str:
    if place == _HOME_PLACE:
        return rng.choice(_HOME_LOOKS)
    return "env" if place == _ENVIRONMENT_PLACE else f"ls -F {place}"


def _opened(scenario: Scenario) -> list[str]:
    """The first texts that lie openly in the home, in the order of a listing."""
    home = scenario.login.home
    texts = [
        posixpath.basename(file.path)
        for file in scenario.files
        if posixpath.dirname(file.path) == home and file.kind == "file" and 0 < len(file.data) <= READABLE_BYTES
    ]
    chosen = sorted(name for name in texts if not name.startswith("."))[:_OPENED]
    return [f"cat {name}" for name in chosen]


def _place(command: str, scenario: Scenario) -> str | None:
    """The place that this command looks at; None where it looks at none of them."""
    if command in _ENVIRONMENT:
        return _ENVIRONMENT_PLACE
    if command in _HOME:
        return _HOME_PLACE
    last = command.split()[-1]
    return next((place for place in _PLACES if last == place or last.startswith(f"{place}/")), None)


def _is_shown(command: str, scenario: Scenario) -> bool:
    """Whether the login text itself shows the path or the variable that the command looks at."""
    login = scenario.login
    shown = "\n".join([scenario.orientation, login.motd, login.banner, login.prompt, *login.env.values()])
    return any(word[0] in "/$" and word.removeprefix("$") in shown for word in command.split())


def steps_of(scenario: Scenario) -> list[PlanStep]:
    """The scenario's plan; where it has none, its reference, after looks at what announces work and at the help."""
    if scenario.plan:
        return scenario.plan
    steps, login = plan(scenario), scenario.login
    goals = {step.goal for step in steps}
    told = syntax.mentions(f"{login.motd}\n{login.banner}\n{login.prompt}", scenario.provider.command)
    first = []
    if "look" not in goals and not told and (looks := announcing(scenario)):
        first.append(PlanStep(goal="look", ways=[looks]))
    if "learn" not in goals and scenario.provider.help:
        first.append(PlanStep(goal="learn", ways=[scenario.provider.help]))
    at = next((at for at, step in enumerate(steps) if step.goal != "look"), 0)
    return [*steps[:at], *first, *steps[at:]]


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
    habits: Habits = {}
    for place, step in enumerate(steps_of(scenario)):
        done = next((way for way in step.ways if not Counter(way) - left), None)
        if done is not None:
            left.subtract(done)
        else:
            beats += beats_of(
                step.goal,
                place,
                _ordered(step, set(typed), rng, habits, scenario.provider.command),
                tuple(step.mistakes),
            )
    return _with_inspection(beats, scenario, rng)


def _straight(scenario: Scenario, rng: random.Random) -> list[Beat]:
    """Looks, a search for what login did not tell, then one way for each step; nothing is looked at or learnt twice."""
    steps = steps_of(scenario)
    ahead = [step.ways[0][0] for step in steps if step.goal == "look" and step.ways[0]]
    told = not ahead or _is_shown(ahead[0], scenario)
    beats = [Beat("look", command) for command in first_looks(scenario, rng, told)]
    habits: Habits = {}
    for place, step in enumerate(steps):
        typed = {beat.command for beat in beats}
        again = _shown(typed) if step.goal in ("look", "learn") else set()
        new = beats_of(
            step.goal, place, _ordered(step, typed, rng, habits, scenario.provider.command), tuple(step.mistakes)
        )
        if step.goal == "look" and new:
            beats += [Beat("look", command) for command in search(scenario, typed, new[0].command, rng)]
        for beat in new:
            if step.goal == "look":
                beats += [Beat("look", command) for command in before_a_folder(scenario, beats, beat.command)]
            if not sights({beat.command}) & again:
                beats.append(beat)
        if step.goal == "look" and names_several_accounts(scenario):
            beats.append(Beat("look", rng.choice(_NAMES_ONESELF), tells=scenario.login.user))
    return _with_inspection(beats, scenario, rng)


def _with_inspection(beats: list[Beat], scenario: Scenario, rng: random.Random) -> list[Beat]:
    """The script of blocked work with some looks at what blocks it before the end."""
    if scenario.expected.kind != "blocked":
        return beats
    looks = rng.choices([*_INSPECTIONS], [*_INSPECTIONS.values()])[0]
    at = max((place for place, beat in enumerate(beats, 1) if beat.goal == "execute"), default=len(beats) - 1)
    return [*beats[:at], Beat(INSPECT, "", looks=looks), *beats[at:]]


def _ordered(step: PlanStep, typed: set[str], rng: random.Random, habits: Habits, tool: str) -> Ways:
    """The ways of a step, the one to be taken first. habits: those of earlier steps, to which this one's are added."""
    kind = "call" if step.goal in _CALLS else step.goal
    ways = [tuple(step.ways[at]) for at in habits.setdefault((kind, len(step.ways)), _habit(step, rng, habits))]
    if step.goal == "confirm":  # whoever has worked looks at what came of it
        calls = [command for command in typed if syntax.mentions(command, tool)]  # what is called again looks the same
        ways.sort(key=lambda way: not any(call in command for call in calls for command in way))
        ways.sort(key=lambda way: not way)
    if step.goal == "execute":  # nothing is left in /tmp where it can be done without
        ways.sort(key=lambda way: any("/tmp/" in command for command in way))
    if step.goal == "look":  # go on from what was looked at already, else as a search looks: whole, without details
        ways.sort(key=lambda way: any(command.startswith(("ls -l", "head ", "tail ")) for command in way))
        ways.sort(key=lambda way: not any(sights({command}) & sights(typed) for command in way))
    return tuple(ways)


def _habit(step: PlanStep, rng: random.Random, habits: Habits) -> list[int]:
    """The order in which one person tries ways such as these, mostly with the usual one in front.

    A tool is called in one form throughout, where that form is to be had.
    """
    order = rng.sample(range(len(step.ways)), len(step.ways))
    if step.goal in _CALLS and (known := [habit for (kind, _), habit in habits.items() if kind == "call"]):
        return sorted(order, key=lambda at: at != min(known[0][0], len(step.ways) - 1))
    usual = step.goal != "end" and rng.random() < _USUAL_SHARE
    return sorted(order, key=lambda at: usual and at != 0)


def _chained(beats: list[Beat]) -> list[Beat]:
    """The script with the work and the first look at its effect typed as one line."""
    for at in range(len(beats) - 1):
        work, look = beats[at], beats[at + 1]
        plain = not set("\n;") & set(work.command) and not look.command.startswith("cd ")
        if (work.goal, look.goal) == ("execute", "confirm") and plain:
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
    return [*beats[:at], *(replace(beats[at], command=command, wrong=True) for command in wrong), *beats[at:]]


def _slips(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[Mistake]:
    """Fingers that hit the wrong keys of the command."""
    first, _, rest = beats[at].command.partition(" ")
    slips = _SLIPS.get(first, "").split() if not set("\n;&|") & set(rest) else []
    return [(f"{slip} {rest}".strip(),) for slip in slips]


def _bare_calls(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[Mistake]:
    """The tool called with nothing to do, right before its help is asked for."""
    return [(scenario.provider.command,)] if _is_first_call(beats, at, scenario) else []


def _no_pages(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[Mistake]:
    """The manual asked for a page that there is not. A real program has one, which is long."""
    tool = scenario.provider.command
    paged = tool in PROGRAMS or any(file.path.endswith(f"/{tool}.1") for file in scenario.files)
    return [(f"man {tool}",)] if not paged and _is_first_call(beats, at, scenario) else []


def _planned(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[Mistake]:
    """Mistakes that the author knows of this tool: a call without a name, a placeholder as it stands, a wrong verb.

    Nobody makes them who has called the tool in that way before. After half of them the documentation is read again.
    """
    beat = beats[at]
    step = [other for other in beats if other.step == beat.step >= 0]
    before = {mistake for other in beats[:at] if other.step != beat.step for mistake in other.mistakes}
    mistakes = [mistake for other in step for mistake in other.mistakes if mistake not in before]
    read = [other.command for other in beats[:at] if other.goal == "learn"][-1:]
    meant = [mistake for mistake in mistakes if _meant(mistake, step) is beat]
    return [(mistake, *again) for mistake in meant for again in ([], read)]


def _meant(mistake: str, step: Sequence[Beat]) -> Beat:
    """The call of the step that has most words in common with the mistaken one."""
    words = set(_WORDS.findall(mistake))
    return max(step, key=lambda beat: len(words & set(_WORDS.findall(beat.command))))


def _elsewhere(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[Mistake]:
    """A file or folder named without its path, from another folder."""
    words = beats[at].command.split()
    if len(words) != 2 or words[0] not in ("cat", "head", "tail", "ls") or not words[1].startswith("/"):
        return []
    folder, _, name = words[1].rpartition("/")
    moved = any(beat.command.startswith("cd ") for beat in beats)
    if (
        scenario.expected.kind != "work"
        or beats[at].goal in ("look", "learn")
        or moved
        or folder == scenario.login.home
    ):
        return []
    return [(f"{words[0]} {name}",)]


def _wrong_work(beats: Sequence[Beat], at: int, scenario: Scenario) -> list[Mistake]:
    """A new file with a wrong text, as in a solution that the checker refuses, and a look at it.

    The right command writes the file anew, so that nothing is left of the mistake.
    """
    right = beats[at].command
    if beats[at].goal != "execute" or ">>" in right or len(targets := syntax.written(right) or set()) != 1:
        return []
    name, there = posixpath.basename(*targets), {file.path for file in scenario.files}
    return [
        (command, f"cat {path}")
        for command in dict.fromkeys(command for probe in scenario.probes for command in probe.commands)
        if len(wrong := syntax.written(command) or set()) == 1 and posixpath.basename(path := next(iter(wrong))) == name
        if path not in there and not command.startswith("cd ") and is_wrong_work(command, scenario)
    ]


def _is_first_call(beats: Sequence[Beat], at: int, scenario: Scenario) -> bool:
    """Whether no beat before this one runs the tool or asks for its manual page, and this one does."""
    tool = scenario.provider.command
    named = (n for n, beat in enumerate(beats) if syntax.calls(beat.command, tool) or f"man {tool}" in beat.command)
    return at == next(named, None)


_MISTAKES: dict[Callable[[Sequence[Beat], int, Scenario], list[Mistake]], int] = {
    _slips: 1,
    _bare_calls: 2,
    _no_pages: 1,
    _planned: 4,
    _elsewhere: 1,
    _wrong_work: 9,
}
"""With weights: what students are seen to do wrong is how they call a tool, and work whose result they do not mind."""


def make(settings: OperatorConfig) -> ExplorerOperator:
    return ExplorerOperator(recovery_share(settings))


class ExplorerOperator(Operator):
    """recovery_share: share of trajectories in which one mistake is made and mended."""

    def __init__(self, recovery_share: float = RECOVERY_SHARE) -> None:
        self._mended = recovery_share
        self.info = OperatorInfo(kind="explorer", settings={"recovery_share": f"{recovery_share:g}"})

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        beats = script(scenario, stream(seed, "explorer"), self._mended)
        return Typist(scenario, beats, stream(seed, "typist"))

    def resume(self, scenario: Scenario, typed: Sequence[str], sample: int, seed: int) -> Policy:
        """Carries out the steps of the plan that these commands left."""
        return Typist(scenario, resumed(scenario, typed, stream(seed, "explorer")), stream(seed, "typist"))
