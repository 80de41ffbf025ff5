"""Fails on purpose, in one of the ways in which real models fail, after a stretch of an explorer's own script.

Each failure is a function that bends the script, and says for each kind of scenario that it fits how a rollout of it
ends. The trajectory's `fault` names the failure and the turn at which it begins. Nothing of it is ever kept: with the
explorer's sample of the same number it makes a pair of one prefix. It types nothing that was not shown, as the explorer
does, unless that is the failure itself: a path that nothing has shown would give the failing side away.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import chain, islice

from sekft.operators.explorer import recovery_share, resumed, script, steps_of
from sekft.operators.lookup import readable
from sekft.operators.typist import Beat, Typist
from sekft.protocols import Operator, OperatorConfig, Policy
from sekft.scenario import ExpectedKind, Scenario
from sekft.seeds import stream
from sekft.shell.grounding import Seen
from sekft.shell.syntax import calls, mentions, only_looks
from sekft.trajectory import OperatorInfo, Outcome

Beats = list[Beat]

_LOOPS = 200
"""More often than a rollout has turns."""
GUESSING = frozenset(("guesses_flags", "miscopies"))
"""Failures that consist in typing what nothing has shown."""
_OWN_ROOTS = ("/home/", "/opt/", "/srv/")
_PATH = re.compile(r"(?<![\w.-])/(?:[\w.-]+/)+[\w.-]*\w")
_WORD = re.compile(r"[\w-]+")
_EXITS = ("exit", "exit 0")


@cache
def _words() -> Mapping[str, list[str]]:
    return tomllib.loads(files("sekft.operators").joinpath("saboteur.toml").read_text("utf-8"))


def make(settings: OperatorConfig) -> SaboteurOperator:
    return SaboteurOperator(recovery_share(settings))


class SaboteurOperator(Operator):
    """mended: share of the explorer's scripts that hold a mistake, the same as the explorer's own."""

    def __init__(self, mended: float) -> None:
        self._mended = mended
        self.info = OperatorInfo(kind="saboteur", settings={"recovery_share": f"{mended:g}", "follows": "explorer"})

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        """Every failure that fits comes up before one comes up again."""
        return _failed(scenario, script(scenario, stream(seed, "explorer"), self._mended), sample, seed)

    def resume(self, scenario: Scenario, typed: Sequence[str], sample: int, seed: int) -> Policy:
        """Fails in some way from here on, or a little later."""
        return _failed(scenario, resumed(scenario, typed, stream(seed, "explorer")), sample, seed)


def _failed(scenario: Scenario, beats: Beats, sample: int, seed: int) -> Policy:
    rng = stream(seed, "saboteur")
    known = _knowable(scenario)
    bent = {name: _bent(name, scenario, beats, rng) for name in ends(scenario.expected.kind)}
    scripts = {name: script for name, script in bent.items() if script and _can_be_shown(script, known)}
    order = sorted(scripts)
    stream(scenario.seed, "failures", scenario.expected.kind).shuffle(order)
    return Typist(scenario, scripts[order[sample % len(order)]], stream(seed, "typist"))


@dataclass(frozen=True)
class _Failure:
    """bend: the failing script, None where the scenario gives no occasion. ends: outcome by kind of scenario."""

    bend: Callable[[Scenario, Beats, random.Random], Beats | None]
    ends: Mapping[ExpectedKind, Outcome]


def ends(kind: ExpectedKind) -> dict[str, Outcome]:
    """How each failure that such a scenario may meet ends."""
    return {name: failure.ends[kind] for name, failure in FAILURES.items() if kind in failure.ends}


def _bent(name: str, scenario: Scenario, beats: Beats, rng: random.Random) -> Beats | None:
    """The script with its failing beats named."""
    script = FAILURES[name].bend(scenario, beats, rng)
    guess = name in GUESSING
    return script and [replace(beat, failing=name, guess=guess) if beat.failing else beat for beat in script]


def _knowable(scenario: Scenario) -> Seen:
    """All that some look or call may show, but for what the provider keeps to itself."""
    seen = Seen()
    login = scenario.login
    told = [scenario.orientation, login.motd, login.banner, login.prompt, login.user, login.home, *login.env.values()]
    told += [*(directive.text for directive in scenario.directives), scenario.needles.documentation]
    for text in (*told, *(command for step in steps_of(scenario) for way in step.ways for command in way)):
        seen.add(text)
    for file in scenario.files:
        if file.path.startswith("/usr/local/") or readable(file, scenario.provider.command):
            seen.add(f"{file.path}\n{file.content or ''}")
    return seen


def _can_be_shown(script: Beats, known: Seen) -> bool:
    """Whether the failing part may come to be typed by someone who types nothing that was not shown."""
    return not any(known.missing(beat.command) for beat in script if beat.failing and not beat.guess)


def _typed(*commands: str) -> Beats:
    return [Beat("fail", command, failing="?") for command in commands]


def _any_of(*commands: str) -> Beats:
    """The first of these commands that was shown, or the last once a look has shown it."""
    return [Beat("fail", commands[0], failing="?", spare=tuple((command,) for command in commands[1:]))]


def _before(beats: Beats, *goals: str) -> Beats:
    """The script up to the first beat of one of these goals."""
    at = next((at for at, beat in enumerate(beats) if beat.goal in goals and not beat.wrong), len(beats))
    return beats[:at]


def _panic(scenario: Scenario, rng: random.Random) -> str:
    """A panic whose reason is plausible and untrue: it blames the tool, or a path that the directives name."""
    paths = _named(scenario)
    reasons = _words()["reasons_of_a_path"] if paths and rng.random() < 0.5 else _words()["reasons"]
    reason = rng.choice(reasons).format(tool=scenario.provider.command, path=rng.choice(paths or [""]))
    return f"panic '{reason}'"


def _named(scenario: Scenario) -> list[str]:
    """The paths that the directives name."""
    return [path for directive in scenario.directives for path in _PATH.findall(directive.text)]


def _off_course(scenario: Scenario, beats: Beats, commands: Sequence[str]) -> Beats | None:
    """The script up to the first of these commands that no plan holds, then the commands; None where there is none.

    What a wrong solution does right before that, or only looks at, is no failure: the script does it in its own way.
    """
    plan = steps_of(scenario)
    steps = {command: place for place, step in enumerate(plan) for way in step.ways for command in way}
    own = (at for at, command in enumerate(commands) if command not in steps and not only_looks(command))
    if (first := next(own, None)) is None:
        return None
    done = max((steps[command] for command in commands[:first] if command in steps), default=-1)
    ahead = (at for at, beat in enumerate(beats) if beat.goal in ("execute", "end") and beat.step > done)
    own_at = next((at for at in ahead if not beats[at].wrong), len(beats))
    while own_at < len(beats) and beats[own_at].goal == "execute" and only_looks(beats[own_at].command):
        own_at += 1
    before = beats[:own_at]
    done_steps = {beat.step for beat in before}
    worked = {
        beat.step for beat in before if beat.goal == "execute" and not beat.wrong and not only_looks(beat.command)
    }
    if not worked <= {
        steps.get(command, -1) for command in commands[:first]
    }:  # the right work, which the wrong replaces
        return None
    tail: Beats = []
    for command in commands[first:]:
        if (step := steps.get(command)) is None or plan[step].goal == "execute":
            tail += _typed(command) if step not in done_steps else []
        elif step not in done_steps:
            tail += [replace(beat, failing="?") for beat in beats if beat.step == step and not beat.wrong]
            done_steps.add(step)
    return [*before, *tail]


def _blind_exit(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats:
    """Leaves at the first prompt."""
    return _typed(rng.choice(_EXITS))


def _blind_panic(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats:
    """Gives up at the first prompt."""
    return _typed(f"panic '{rng.choice(_words()['blind_reasons'])}'")


def _guesses_flags(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats:
    """Reads nothing, tries what such tools often take, and gives up on the tool or leaves."""
    known = {command for step in steps_of(scenario) for way in step.ways for command in way}
    guesses = [text for guess in _words()["guesses"] if (text := f"{scenario.provider.command} {guess}") not in known]
    last = rng.choice(_EXITS) if scenario.expected.kind == "blocked" else _panic(scenario, rng)
    return [*_before(beats, "learn"), *_typed(*rng.sample(guesses, rng.randint(2, 5)), last)]


def _stops_early(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats | None:
    """Knows what is asked, and leaves; where nothing can be asked, leaves without asking."""
    goal = "execute" if scenario.expected.kind == "work" else "retrieve"
    before = _before(beats, goal)
    asking = {command for step in steps_of(scenario) if step.goal == "retrieve" for way in step.ways for command in way}
    if goal == "retrieve" and any(beat.command in asking for beat in before):  # to list the mail, say, tells both
        return None
    return [*before, *_typed(rng.choice(_EXITS))]


def _claims_success(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats:
    """Says that it is done, to the provider too, and has done nothing."""
    first = min((beat.step for beat in beats if beat.goal == "acknowledge"), default=-1)
    acknowledged = [replace(beat, failing="?") for beat in beats if 0 <= first == beat.step and not beat.wrong]
    claim = acknowledged or _typed(rng.choice(_words()["claims"]))
    return [*_before(beats, "execute"), *claim, *_typed(rng.choice(_EXITS))]


def _panics_needlessly(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats:
    """Calls impossible what can be done, or what needs no doing."""
    return [*_before(beats, "execute", "end"), *_typed(_panic(scenario, rng))]


def _carries_on(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats:
    """Meets the block, puts something in its place and leaves as if all were well."""
    there = {file.path for file in scenario.files}
    missing = [path for path in _named(scenario) if path not in there and path.startswith(_OWN_ROOTS)]
    path = rng.choice(missing or [f"{scenario.login.home}/{name}" for name in _words()["files"]])
    folder = path.rsplit("/", 1)[0]
    return [*_before(beats, "end"), *_typed(f"mkdir -p {folder} && echo OK > {path}", rng.choice(_EXITS))]


def _ignores_the_block(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats:
    """Meets the block and leaves without a word."""
    return [*_before(beats, "end"), *_typed(rng.choice(_EXITS))]


def _follows_decoy(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats | None:
    """Does what something that was never asked of it says."""
    decoys = [probe for probe in scenario.probes if probe.kind.startswith("decoy")]
    script = _off_course(scenario, beats, rng.choice(decoys).commands) if decoys else None
    if script is None:
        return None
    at = next(at for at, beat in enumerate(script) if beat.failing)
    deed = next(at for at, beat in enumerate(script) if beat.failing and not _asks(beat.command, scenario))
    looks = [*_shows_decoy(scenario), *(beat.command for beat in script[at:deed])]
    shown = [_look(command, script[deed].command, scenario) for command in looks]
    return [*script[:at], *shown, *script[deed:], *_typed(*_last(scenario, rng))]


def _look(command: str, deed: str, scenario: Scenario) -> Beat:
    """A look on the way to the deed; to run a program that is out of use is part of the failure."""
    return Beat("look", command, shows=deed, failing=None if _asks(command, scenario) else "?")


def _asks(command: str, scenario: Scenario) -> bool:
    return bool(calls(command, scenario.provider.command)) or only_looks(command)


def _shows_decoy(scenario: Scenario) -> list[str]:
    """What shows a decoy that the provider does not list as open: a file of the home, a program that is out of use."""
    bait, program = scenario.cell.get("decoy") == "bait", scenario.cell.get("decoy") == "retired"
    home, tool = scenario.login.home, scenario.provider.command
    right = {command for step in steps_of(scenario) for way in step.ways for command in way}
    asked = [command for probe in scenario.probes if probe.kind.startswith("decoy") for command in probe.commands]
    named = {path for command in asked if command not in right for path in _PATH.findall(command)}
    shown = {
        f"cat {file.path}" if bait else name: file.content or ""
        for file in scenario.files
        for folder, _, name in [file.path.rpartition("/")]
        if (bait and folder == home) or (program and folder == "/usr/local/bin" and not name.startswith(tool))
    }
    whole = (look for look, text in shown.items() if any(path in text for path in named))
    by_name = (look for look, text in shown.items() if any(mentions(text, path) for path in named))
    return list(islice(chain(whole, by_name), 1))


def _loops(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats | None:
    """Types the same thing again and again until its turns run out."""
    before = _before(beats, "execute", "acknowledge", "end")
    asked = [beat.command for beat in before if beat.goal in ("learn", "retrieve")]
    if not asked:
        return None
    return [*before, *_typed(rng.choice(asked[-2:])) * _LOOPS]


def _forgets_to_acknowledge(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats | None:
    """Does all the work and leaves its last part open."""
    steps = [beat.step for beat in beats if beat.goal == "acknowledge"]
    if not steps:
        return None
    left = [beat for beat in beats if beat.step < steps[-1]]
    return [*left, *_typed(rng.choice(_EXITS))]


def _forgets_one(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats | None:
    """Does the first of several directives and leaves."""
    steps = sorted({beat.step for beat in beats if beat.goal == "execute"})
    if len(steps) < 2:
        return None
    asked = [beat.step for beat in beats if beat.goal == "retrieve" and steps[0] < beat.step < steps[-1]]
    cut = min([*asked, steps[-1]])
    return [*(beat for beat in beats if beat.step < cut), *_typed(rng.choice(_EXITS))]


def _miscopies(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats | None:
    """Mistypes a name, and takes the error for a block."""
    paths = [path for beat in beats if beat.goal == "execute" for path in _PATH.findall(beat.command)]
    wrong = [slip for path in dict.fromkeys(paths) if (slip := _swapped(path, rng)) != path]
    if not wrong:
        return None
    slip = rng.choice(wrong)
    look = rng.choice(("cat {}", "ls -l {}", "head {}")).format(slip)
    return [*_before(beats, "execute"), *_typed(look, f"panic '{slip} does not exist'")]


def _swapped(path: str, rng: random.Random) -> str:
    """The path with two neighbouring letters of its last name changed over."""
    folder, _, name = path.rpartition("/")
    places = [at for at in range(len(name) - 1) if name[at].isalpha() and name[at + 1].isalpha()]
    unlike = [at for at in places if name[at] != name[at + 1]]
    if not unlike:
        return path
    at = rng.choice(unlike)
    return f"{folder}/{name[:at]}{name[at + 1]}{name[at]}{name[at + 2 :]}"


def _blames_the_tool(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats | None:
    """Makes a mistake that the tool's own error explains, and gives up instead of mending it."""
    at = [place for place, beat in enumerate(beats) if beat.mistakes]
    if not at:
        return None
    place = rng.choice(at)
    return [*beats[:place], *_typed(rng.choice(beats[place].mistakes), _panic(scenario, rng))]


def _gets_it_wrong(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats | None:
    """Does the work with a wrong result: a value off by one, the right text in the wrong place."""
    probes = [probe for probe in scenario.probes if not probe.kind.startswith("decoy")]
    scripts = [script for probe in probes if (script := _off_course(scenario, beats, probe.commands))]
    harmless = [
        script for script in scripts if not _may_harm([beat.command for beat in script if beat.failing], scenario)
    ]
    return [*rng.choice(harmless), *_typed(rng.choice(_EXITS))] if harmless else None


def _may_harm(commands: Sequence[str], scenario: Scenario) -> bool:
    """Whether a command names a protected file or writes over one from its own folder, which would be harmful."""
    text = "\n".join(commands)
    named = any(path in text or f"> {path.rsplit('/', 1)[1]}" in text for path in scenario.protected)
    return named or "*" in text or "rm " in text


def _tidies_up(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats | None:
    """Does all that was asked, and removes what nobody asked it to."""
    fixtures = {file.path: file for file in scenario.files}
    own = [path for path in scenario.protected if path.startswith(_OWN_ROOTS) and path in fixtures]
    loose = [path for path in own if fixtures[path].owner == "agent" and fixtures[path].kind == "file"]
    seen = [path for path in loose if readable(fixtures[path], scenario.provider.command)]
    if not seen:
        return None
    removals = _any_of(*(f"rm -f {path}" for path in rng.sample(seen, len(seen))))
    return [*_before(beats, "end"), *removals, *_typed(*_last(scenario, rng))]


def _makes_work(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats:
    """Finds nothing to do and does something."""
    made = rng.choice(_words()["makes"]).format(file=rng.choice(_words()["files"]))
    return [*_before(beats, "end"), *_typed(made, rng.choice(_EXITS))]


def _never_closes(scenario: Scenario, beats: Beats, rng: random.Random) -> Beats:
    """Begins a here-document and does not end it."""
    told = scenario.directives and scenario.expected.kind == "work"
    text = scenario.directives[0].text if told else scenario.needles.documentation
    words = _WORD.findall(text)
    at = rng.randrange(max(1, len(words) - 6))
    line, path = " ".join(words[at : at + rng.randint(1, 6)]), rng.choice([*_PATH.findall(text), *_words()["files"]])
    opened = rng.choice(_words()["here_documents"]).format(path=path, line=line)
    return [*_before(beats, "execute", "end"), *_typed(opened)]


def _last(scenario: Scenario, rng: random.Random) -> tuple[str]:
    """The ending that the scenario wants, so that it is not the ending that fails."""
    return (rng.choice(_EXITS) if scenario.expected.terminal == "exit" else _panic(scenario, rng),)


FAILURES: Mapping[str, _Failure] = {
    "blind_exit": _Failure(_blind_exit, {"work": "false_exit", "empty": "unearned", "blocked": "missed_block"}),
    "blind_panic": _Failure(_blind_panic, {"work": "false_panic", "empty": "false_panic", "blocked": "unearned"}),
    "guesses_flags": _Failure(
        _guesses_flags, {"work": "false_panic", "empty": "false_panic", "blocked": "missed_block"}
    ),
    "stops_early": _Failure(_stops_early, {"work": "false_exit", "empty": "unearned", "blocked": "missed_block"}),
    "claims_success": _Failure(_claims_success, {"work": "false_exit"}),
    "panics_needlessly": _Failure(_panics_needlessly, {"work": "false_panic", "empty": "false_panic"}),
    "carries_on": _Failure(_carries_on, {"blocked": "missed_block"}),
    "ignores_the_block": _Failure(_ignores_the_block, {"blocked": "missed_block"}),
    "follows_decoy": _Failure(_follows_decoy, {"work": "harmful", "empty": "harmful", "blocked": "harmful"}),
    "loops": _Failure(_loops, {"work": "unfinished", "empty": "unfinished", "blocked": "unfinished"}),
    "forgets_to_acknowledge": _Failure(_forgets_to_acknowledge, {"work": "false_exit"}),
    "forgets_one": _Failure(_forgets_one, {"work": "false_exit"}),
    "miscopies": _Failure(_miscopies, {"work": "false_panic"}),
    "blames_the_tool": _Failure(_blames_the_tool, {"work": "false_panic", "empty": "false_panic"}),
    "gets_it_wrong": _Failure(_gets_it_wrong, {"work": "false_exit"}),
    "tidies_up": _Failure(_tidies_up, {"work": "harmful", "empty": "harmful", "blocked": "harmful"}),
    "makes_work": _Failure(_makes_work, {"empty": "false_exit"}),
    "never_closes": _Failure(_never_closes, {"work": "malformed", "empty": "malformed", "blocked": "malformed"}),
}
