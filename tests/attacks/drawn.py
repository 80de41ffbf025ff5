"""What the fuzzer plays, drawn from a seed: a bundle, twisted or not, and what is typed into it."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sekft.authors.procedural.author import compose
from sekft.scenario import Scenario
from sekft.seeds import stream
from sekft.taxonomy import load
from tests.attacks.cases import CLASSES, TAMPERING
from tests.attacks.cheater import TRICKS
from tests.bundles import blocked, empty, sealed, work

GRAMMAR = Path(__file__).with_name("grammar.toml")
DEEPEST, LONGEST = 4, 9
BASES = (work, empty, blocked)
_SLOT = re.compile(r"\{\{|\}\}|\{(\w+)\}")


@dataclass(frozen=True)
class Case:
    """kind: plain scripts give the same record every time. earnest: the reference is typed among the rest."""

    kind: str
    earnest: bool
    scenario: Scenario
    script: tuple[str, ...]


def case(seed: int, number: int) -> Case:
    """The same for the same seed and number. Raises ValueError where the twisted bundle is none."""
    rng = stream(seed, "fuzz", number)
    kind, earnest = rng.choice(("plain", "hostile")), rng.random() < 0.4
    scenario = _scenario(rng, kind)
    return Case(kind, earnest, scenario, tuple(_script(rng, scenario, kind, earnest)))


@cache
def _rules() -> dict[str, Any]:
    return tomllib.loads(GRAMMAR.read_text(encoding="utf-8"))


@cache
def _attacks() -> list[tuple[str, ...]]:
    """The messages of every case that needs no program of its own and would not change a host."""
    cases = [each for attacks in CLASSES.values() for each in attacks if not each.changes_host]
    return [each.commands for each in cases if "./probe" not in "".join(each.commands)] + [
        (text,) for text in TAMPERING
    ]


def text(rng: random.Random, rule: str, depth: int = 0) -> str:
    """A draw from that table of the grammar."""
    choices = _rules()[rule if depth < DEEPEST or rule not in ("plain", "hostile") else "simple"]

    def drawn(match: re.Match[str]) -> str:
        return text(rng, match[1], depth + 1) if match[1] else match[0][0]

    return _SLOT.sub(drawn, rng.choice(choices))


def sequence(rng: random.Random) -> tuple[str, ...]:
    """An attack of several messages."""

    def drawn(match: re.Match[str]) -> str:
        made = LARGE.get(match[1] or "")
        return made(rng) if made else text(rng, match[1]) if match[1] else match[0][0]

    return tuple(_SLOT.sub(drawn, message) for message in rng.choice(_rules()["sequences"]["messages"]))


def _functions(rng: random.Random) -> str:
    count, body = rng.choice((10, 1500, 3000)), rng.choice(("()(:)", "(){ : zz;}", "(){ :\n}", "() { a() { :; }; }"))
    return rng.choice((";", "\n")).join(f"f{'abcdef'[at % 6]}{at}{body}" for at in range(count))[: 30 << 10]


def _forged(rng: random.Random) -> str:
    """A dump of the shell's state that no shell wrote."""
    line = rng.choice(_rules()["sequences"]["forged"])
    return f"trap 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo \"{line}\"; done > /run/sekft/state' EXIT"


LARGE: dict[str, Callable[[random.Random], str]] = {"functions": _functions, "forged": _forged}


def _script(rng: random.Random, scenario: Scenario, kind: str, earnest: bool) -> list[str]:
    typed = [message for _ in range(rng.randint(1, LONGEST)) for message in _messages(rng, kind)]
    if earnest:
        for command in scenario.reference[:-1]:
            typed.insert(rng.randint(0, len(typed)) if kind == "hostile" else len(typed), command)
    return [*typed[:30], rng.choice(("exit", "panic it cannot be done", scenario.reference[-1]))]


def _messages(rng: random.Random, kind: str) -> tuple[str, ...]:
    if kind == "plain":
        return (text(rng, "plain"),)
    source = rng.random()
    if source < 0.2:
        return rng.choice(_attacks())
    if source < 0.4:
        return sequence(rng)
    if source < 0.5:
        return (TRICKS[rng.choice(sorted(TRICKS))](["/home", "/srv"]),)
    return (text(rng, rng.choice(("hostile", "plain"))),)


def _scenario(rng: random.Random, kind: str) -> Scenario:
    if rng.random() < 0.5:
        base = compose(load().cell(rng.randrange(100), rng.randrange(100)), rng.randrange(1000))
    else:
        base = sealed(rng.choice(BASES)())
    if rng.random() < 0.5:
        return base
    body = base.model_dump(mode="json", exclude={"id", "gate"})
    for twist in rng.sample(TWISTS, rng.randint(1, 3)):
        twist(rng, body, kind)
    return Scenario.model_validate(body).sealed()


def _odd(rng: random.Random) -> str:
    long = "".join(rng.choice("$x{}'\"\\\n\t \u001bü\u0001a") for _ in range(rng.choice((1, 5, 60, 3000))))
    return rng.choice((long, "$x" * 1000, "a" * 100_000, "x y", "", "\n", "$PWD$HOME", "${x}${"))


def _environment(rng: random.Random, body: dict[str, Any], kind: str) -> None:
    names = ("OPTIND", "PATH", "IFS", "ENV", "PS1", "PWD", "HOME", "LD_PRELOAD", "x", "LINENO", "PPID", "TERM", "_")
    body["login"].setdefault("env", {}).update({rng.choice(names): _odd(rng).replace("\0", "")})


def _prompt(rng: random.Random, body: dict[str, Any], kind: str) -> None:
    body["login"][rng.choice(("prompt", "motd", "banner"))] = _odd(rng)


def _file(rng: random.Random, body: dict[str, Any], kind: str) -> None:
    home = body["login"]["home"]
    name = rng.choice(("a b", "n" * 255, "n" * 300, "\u001b[2J", "ü", "-rf", "a\nb", "x", "\\xff", "x/y"))
    kinds: tuple[dict[str, Any], ...] = (
        {"content": _odd(rng)},
        {"kind": "symlink", "target": rng.choice((".", "x", "/proc/self/fd/9", "/dev/zero", "n" * 5000, ""))},
        {"kind": "directory", "mode": rng.choice(("0000", "0755", "1777"))},
    )
    extra = {"mtime": rng.choice((0, -1, 1700000000, 2**40, 10**30)), "owner": rng.choice(("agent", "root"))}
    body["files"].append({"path": f"{rng.choice((home, '/srv', '/tmp'))}/{name}", **rng.choice(kinds), **extra})


def _profile(rng: random.Random, body: dict[str, Any], kind: str) -> None:
    profile = _SLOT.sub(lambda match: text(rng, match[1]), rng.choice(_rules()["profiles"][kind]))
    body["files"] = [file for file in body["files"] if not file["path"].endswith("/.profile")]
    body["files"].append({"path": f"{body['login']['home']}/.profile", "content": profile + "\n"})


TWISTS: list[Callable[[random.Random, dict[str, Any], str], None]] = [_environment, _prompt, _file, _profile]
