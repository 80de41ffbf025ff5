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
OPENING = "chmod "
Answer = tuple[str, Turn]
"""An action and what answered it."""


def inspect(turns: Sequence[Turn], scenario: Scenario, rng: random.Random) -> list[str]:
    """Looks at what the last answers refused, those that come to mind first in front."""
    since = _since_asked(turns, scenario)
    call, answered = since[0]
    told = call.endswith(_STATUS)
    if (answered.status or told) and syntax.calls(call, scenario.provider.command):
        return [_STATUS] if turns[-1] is answered and not told else _words_on_status(turns, scenario)
    action, answer = _refused(since)
    refusal = answer.content
    paths = [path for path in _PATH.findall(action) if not path.startswith("/dev/")]
    if syntax.calls(action, scenario.provider.command):
        return []
    if "not found" in refusal and (name := _program(action)):
        return _some([f"command -v {name}", "ls /usr/local/bin", _ELSEWHERE.format(name)], rng)
    if not paths:
        return _compared(refusal, rng)
    path = paths[-1]
    if "No such file" in refusal:
        looks = [f"ls -la {posixpath.dirname(path)}", *_searches(path)]
        everywhere = any(action == looks[-1] for action, _ in since)  # no folder is searched after the whole host
        return _some(looks[: 1 if everywhere else 3], rng) if posixpath.dirname(path).count("/") > 1 else looks[-1:]
    if "ermission denied" in refusal or "Read-only" in refusal or "not permitted" in refusal:
        return _rights(path, syntax.only_looks(action), since, scenario)
    if action.startswith("md5sum"):
        size = (
            [] if any(action.startswith(("ls -l", "wc")) for action, _ in since) else [f"ls -l {path}", f"wc -c {path}"]
        )
        return _some([*size[:1], _ELSEWHERE.format(posixpath.basename(path)), *size[1:]], rng)
    return [f"ls -l {path}"] if answer.status else []


def concluded(command: str, turns: Sequence[Turn], scenario: Scenario) -> str:
    """The panic with what the last looks added to its reason; any other ending as it is."""
    since = _since_asked(turns, scenario)
    facts = [fact for answer in since if (fact := _fact(*answer, scenario))]
    if any("Read-only file system" in answer.content for _, answer in since):  # whose it is does not matter there
        facts = ["the file system is read-only"]
    if not command.startswith("panic ") or command[-1] not in "'\"" or not facts:
        return command
    return f"{command[:-1]}, {facts[-1]}{command[-1]}"


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


def _compared(shown: str, rng: random.Random) -> list[str]:
    """Looks at the two paths that a search has found; none where it found another number."""
    found = list(dict.fromkeys(_PATH.findall(shown)))
    pair = " ".join(found)
    return _some([f"ls -l {pair}", f"cmp {pair}"], rng) if len(found) == 2 else []


def _rights(path: str, reading: bool, since: Sequence[Answer], scenario: Scenario) -> list[str]:
    """Whose it is, who one is, and whether it is one's own to open."""
    thing = path if reading else posixpath.dirname(path)
    first, mode = (f"ls -l {thing}", "u+r") if reading else (f"ls -ld {thing}", "u+w")
    looks = [first, "id", *([f"ls -la {posixpath.dirname(thing)}"] if reading else [])]
    listing = next((answer.content for action, answer in since if action == first), "")
    if f" {scenario.login.user[:8]}" not in listing.partition("\n")[0]:
        return looks
    right = listing[1:2] if reading else listing[2:3]
    return [f"{OPENING}{mode} {thing}"] if right == "-" and thing.startswith(_OWN_ROOTS) else []


def _words_on_status(turns: Sequence[Turn], scenario: Scenario) -> list[str]:
    """What the tool's own words say of the exit status of a call that was refused."""
    asked = (
        turns[at - 1].content
        for at in range(2, len(turns), 2)
        if turns[at - 1].content in scenario.provider.help and "status" in turns[at].content.lower()
    )
    return [f"{words} | grep -i status" for words in asked]


def _fact(action: str, answer: Turn, scenario: Scenario) -> str:
    """What a look has added to what is known of the block; "" where nothing that would be told."""
    shown, first = answer.content, answer.content.partition("\n")[0]
    if action.endswith(_STATUS):
        return "".join(f"exit status {line}" for line in shown.splitlines() if line.isdigit())
    if action.startswith(OPENING) and answer.status:
        return "and chmod is refused"
    if action.startswith(("ls -l ", "ls -ld ")) and " root " in first:
        return "it belongs to root"
    if action.startswith("find ") and "\n" not in shown:
        return "and find shows none"
    if action.startswith("command -v") and answer.status:
        return "and it is not in PATH"
    return ""
