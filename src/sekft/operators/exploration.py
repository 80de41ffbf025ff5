"""Where people look who know nothing yet: the first looks on landing, and the search for the announcement of work.

A search goes from place to place, always in the same order and in the same few words, until it finds the right one.
Its listings tell folders from files, so that the next file to open is no lucky guess.

The order is fixed for the student's sake. A search that went to the right place at once would teach to guess. A random
order teaches no order: a student that types the likeliest next token then begins with a listing with which hardly any
session begins, and goes round in circles (docs/proof.md).
"""

from __future__ import annotations

import posixpath
import random

from sekft.scenario import Scenario

# First looks of people who land on an unknown machine, with weights. Outputs that differ from
# run to run (processes, dates, kernel versions) would make replays differ: left out.
_LOOKS = {
    "ls -F": 24, "ls": 8, "ls -aF": 8, "ls -a": 2, "pwd": 8, "whoami": 8, "id": 8, "env": 6, "ls -la": 4, "hostname": 3,
    "cat /etc/motd": 3, "ls -F /srv": 2, "ls -l": 2, "pwd; ls": 2, "id; pwd": 1, "find . -type f": 1, "ls -A": 1,
    "env | sort": 1, "ls /home": 1, "ls -R": 1, "cat /etc/issue": 1, "echo $HOME": 1, "ls -F /opt": 1,
}  # fmt: skip
# Looks that show the same: nobody lists a folder twice in a row.
_HOME = frozenset(("ls", "ls -F", "ls -aF", "ls -la", "ls -l", "ls -a", "ls -A", "ls -R", "pwd; ls", "find . -type f"))
_ENVIRONMENT = frozenset(("env", "env | sort", "export -p"))
_SIGHTS = (_HOME, _ENVIRONMENT)
_COUNTS = {0: 64, 1: 26, 2: 7, 3: 3}

_HOME_PLACE, _ENVIRONMENT_PLACE = "home", "environment"
_PLACES = (_HOME_PLACE, _ENVIRONMENT_PLACE, "/var/mail", "/etc", "/var/log", "/srv", "/opt")
"""Places that may announce something, in the order in which a search goes through them."""
_HOME_LOOKS = ("ls -aF", "ls -aF", "ls -aF", "ls -aF", "ls -a", "ls -la")
_OPENINGS = ("cat", "cat", "cat", "cat", "head", "tail")
_OPENED = 2
"""How many texts that lie openly in the home are opened, in the order of the listing, before the search goes on."""
_READABLE_BYTES = 600


def first_looks(rng: random.Random) -> list[str]:
    """The looks on landing, whatever there is to find."""
    count = rng.choices([*_COUNTS], [*_COUNTS.values()])[0]
    looks: list[str] = []
    while len(looks) < count:
        look = rng.choices([*_LOOKS], [*_LOOKS.values()])[0]
        if not sights({look}) & sights(set(looks)):
            looks.append(look)
    return looks


def search(scenario: Scenario, typed: set[str], goal: str, rng: random.Random) -> list[str]:
    """The looks in vain before `goal`, the look that shows the announcement or leads to it.

    typed: the commands so far; no place is visited twice.
    """
    place = _place(goal, scenario)
    visited = {_place(command, scenario) for command in typed}
    if place is None or place in visited or _is_shown(goal, scenario):
        return []
    looks: list[str] = []
    for other in _PLACES:
        if other == place:
            break
        if other not in visited:
            looks.append(_look(other, rng))
        if other == _HOME_PLACE:
            looks += _opened(scenario, rng)
    return looks


def sights(commands: set[str]) -> set[str]:
    """The commands, with one name for all that show the same."""
    return {next((min(sight) for sight in _SIGHTS if command in sight), command) for command in commands}


def _look(place: str, rng: random.Random) -> str:
    if place == _HOME_PLACE:
        return rng.choice(_HOME_LOOKS)
    return "env" if place == _ENVIRONMENT_PLACE else f"ls -F {place}"


def _opened(scenario: Scenario, rng: random.Random) -> list[str]:
    """The first texts that lie openly in the home, in the order of a listing."""
    home = scenario.login.home
    texts = [
        posixpath.basename(file.path)
        for file in scenario.files
        if posixpath.dirname(file.path) == home and file.kind == "file" and 0 < len(file.data) <= _READABLE_BYTES
    ]
    chosen = sorted(name for name in texts if not name.startswith("."))[:_OPENED]
    return [f"{rng.choice(_OPENINGS)} {name}" for name in chosen]


def _place(command: str, scenario: Scenario) -> str | None:
    """The place that this command looks at; None where it looks at none of them."""
    if command in _ENVIRONMENT:
        return _ENVIRONMENT_PLACE
    if command in _HOME:
        return _HOME_PLACE
    last = command.split()[-1]
    return next((place for place in _PLACES if last == place or last.startswith(f"{place}/")), None)


def _is_shown(command: str, scenario: Scenario) -> bool:
    """Whether the login text itself shows the path that the command looks at."""
    login = scenario.login
    shown = "\n".join([scenario.orientation, login.motd, login.banner, login.prompt, *login.env.values()])
    return any(word.startswith("/") and word in shown for word in command.split())
