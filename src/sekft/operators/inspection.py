"""What a competent person tries before giving up: looks at the thing that was refused, and words for what it showed."""

from __future__ import annotations

import posixpath
import random
import re
from collections.abc import Iterator, Sequence

from sekft.scenario import Scenario
from sekft.shell import syntax
from sekft.shell.grounding import vocabulary
from sekft.trajectory import Turn

_PATH = re.compile(r"(?<![\w.*-])/[\w.-]+(?:/[\w.-]+)+")
_OWN_ROOTS = ("/home/", "/opt/", "/srv/")
_ELSEWHERE = "find / -name {} 2>/dev/null"
_STATUS = "echo $?"
_NO_RIGHT = ("ermission denied", "Read-only", "not permitted")
_BY_STATUS = re.compile(r"\b(?:(?:exit )?status:?|exit|(?:exits?|returns?|ends?) with) \d", re.IGNORECASE)
_INTO = re.compile(r"(?:^|\s)-C (/\S+)")
_COMPARED_SHARE = 0.3
OPENING = "chmod "
Answer = tuple[str, Turn]
"""An action and what answered it."""


def inspect(turns: Sequence[Turn], scenario: Scenario, rng: random.Random) -> list[str]:
    """Looks at what the last answers refused, those that come to mind first in front; none that could add nothing."""
    since = _since_asked(turns, scenario)
    call, answered = since[0]
    told = call.endswith(_STATUS)
    if (answered.status or told) and syntax.calls(call, scenario.provider.command):
        return [_STATUS] if turns[-1] is answered and not told else []
    action, answer = _refused(since)
    refusal = _said(answer)
    paths = [path for path in _PATH.findall(action) if not path.startswith("/dev/")]
    if syntax.calls(action, scenario.provider.command) or action.startswith("md5sum"):
        return []
    if "not found" in refusal and (name := _program(action)):
        return _some(["ls /usr/local/bin", _ELSEWHERE.format(name)], rng)
    if action.startswith("find "):
        found = _found(refusal)
        return [f"cmp {' '.join(found)}"] if len(found) == 2 and rng.random() < _COMPARED_SHARE else []
    if any(complaint in refusal for complaint in _NO_RIGHT):
        return _rights(action, refusal, since, scenario)
    if not paths:
        return []
    path = paths[-1]
    if "No such file" in refusal:
        folder = posixpath.dirname(path)
        listed = any(action in (f"ls -l {folder}", f"ls -lA {folder}", f"ls -A {folder}") for action, _ in since)
        looks = [*([] if listed else [f"ls -la {folder}"]), *_searches(path)]
        everywhere = any(action == looks[-1] for action, _ in since)  # no folder is searched after the whole host
        return _some(looks[: 1 if everywhere else 3], rng) if folder.count("/") > 1 else looks[-1:]
    return [f"ls -l {path}"] if answer.status else []


def owes_a_look(turns: Sequence[Turn], scenario: Scenario) -> bool:
    """Whether nobody would give up yet: all that speaks for the block is one path that was not there or not to be
    opened, or the documentation tells the block by a status that has not been looked at."""
    since = _since_asked(turns, scenario)
    call, answered = since[0]
    told_by_status = any(_BY_STATUS.search(turn.content) for turn in turns)
    if told_by_status and answered.status and syntax.calls(call, scenario.provider.command):
        return True
    refused = _refused(since)
    told = any(complaint in refused[1].content for complaint in ("No such file", "ermission denied"))
    return told and since[-1] is refused


def concluded(command: str, turns: Sequence[Turn], scenario: Scenario, rng: random.Random) -> str:
    """The panic with what the last looks added to its reason; any other ending as it is."""
    if not command.startswith("panic "):
        return command
    noun = scenario.provider.interface.get("noun")
    if noun and not any(noun in turn.content for turn in turns):
        command = command.replace(f"{noun} ", "")  # nobody has called the entry so
    since = _since_asked(turns, scenario)
    facts = [fact for answer in since if (fact := _fact(*answer, rng))]
    if any("Read-only file system" in answer.content for _, answer in since):  # whose it is does not matter there
        facts = [", the file system is read-only"]
    if command[-1] not in "'\"" or not facts:
        return command
    fact = facts[-1]
    for path in _PATH.findall(command):
        fact = fact.replace(f", {path} ", ", it ")
    return f"{command[:-1]}{fact}{command[-1]}"


def _since_asked(turns: Sequence[Turn], scenario: Scenario) -> list[Answer]:
    """The answers from the last call of the provider on; all of them where it was never called."""
    answers = [(turns[at].content, turns[at + 1]) for at in range(1, len(turns) - 1, 2)]
    calls = (at for at in reversed(range(len(answers))) if _asks(answers[at][0], scenario))
    return answers[next(calls, 0) :]


def _asks(action: str, scenario: Scenario) -> bool:
    return bool(syntax.calls(action, scenario.provider.command)) and "|" not in action.partition("--help")[2]


def _refused(answers: Sequence[Answer]) -> Answer:
    """The first answer that refused something, or the first look after the call, or the call itself."""
    looks = [answer for answer in answers[1:] if syntax.program(answer[0].split()) not in vocabulary()["slips"]]
    return next((look for look in looks if look[1].status), looks[0] if looks else answers[0])


def _some(looks: Sequence[str], rng: random.Random) -> list[str]:
    """The same looks, mostly in this order."""
    return [*looks] if rng.random() < 0.5 else rng.sample(looks, len(looks))


def _program(action: str) -> str:
    """What the action runs that it does not merely ask about."""
    words = next(iter(syntax.simple_commands(action)), [""])
    return words[-1] if syntax.program(words) in ("which", "type") else syntax.program(words)


def _searches(path: str) -> Iterator[str]:
    name, top = posixpath.basename(path), "/".join(path.split("/")[: 3 if path.startswith("/home/") else 2])
    yield f"find {top} -name {name}"
    yield _ELSEWHERE.format(name)


def _said(answer: Turn) -> str:
    """The answer without the prompt after it."""
    return answer.content.rpartition("\n")[0]


def _found(shown: str) -> list[str]:
    """The paths that a search has shown, one a line, its complaints apart."""
    lines = [line for line in shown.splitlines() if _PATH.fullmatch(line)]
    return list(dict.fromkeys(lines))


def _rights(action: str, refusal: str, since: Sequence[Answer], scenario: Scenario) -> list[str]:
    """Whose it is, where that may matter who one is, and whether it is one's own to open."""
    reading = syntax.only_looks(action)
    named = [path for path in _PATH.findall(refusal) if path.startswith(_OWN_ROOTS)] or _PATH.findall(action)
    into = _INTO.search(action)
    thing = named[-1] if reading and named else into[1] if into else posixpath.dirname(named[-1]) if named else "."
    first, mode = (f"ls -l {thing}", "u+r") if reading else (f"ls -ld {thing}", "u+w")
    listing = next((answer.content for action, answer in since if action == first), "")
    if f" {scenario.login.user[:8]}" not in listing.partition("\n")[0]:
        return [first] if "Read-only" in refusal else [first, "id"]
    right = listing[1:2] if reading else listing[2:3]
    return [f"{OPENING}{mode} {thing}"] if right == "-" and thing.startswith(_OWN_ROOTS) else []


def _fact(action: str, answer: Turn, rng: random.Random) -> str:
    """What a look has added to what is known of the block, as it follows a reason; "" where nothing."""
    shown, first = answer.content, answer.content.partition("\n")[0]
    if action.endswith(_STATUS):
        status = next((line for line in reversed(shown.splitlines()) if line.isdigit()), "")
        return status and rng.choice((", exit status {}", ", status {}", " -- status {}")).format(status)
    if action.startswith(OPENING) and answer.status:
        return ", and chmod is refused"
    if action.startswith(("ls -l ", "ls -ld ")) and " root " in first:
        return f", {action.split()[-1]} belongs to root"
    if action.startswith("cmp ") and not answer.status:
        return ", and they hold the same"
    if action.startswith("find ") and "\n" not in shown:
        return f", and find {action.split()[1]} shows none"
    return ""
