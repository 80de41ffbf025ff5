"""Lines of the login and of the files around it: the lists of wording.toml, drawn by grammar."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from sekft.authors.procedural.host import World

_PART = re.compile(r"\{([a-z_]+)\}")
_SLOT = re.compile(r"<([a-z_]+)>")
_PLACES = (
    "annex|front office|north office|archive|workshop|boiler room|reading room|west wing|print shop|map room|old mill"
    "|gatehouse|laboratory|greenhouse|pump house|cash office|stables|drawing office|ferry house|depot"
    "|museum|tower|bakery|signal box|county office|cellar|library|clinic|observatory"
).split("|")


def line(world: World, kind: str, **slots: object) -> str:
    """One line of that list. Raises KeyError for a slot that is neither given nor a matter of the place."""
    return said(world, world.skin.choice(_wording()["lines"][kind]), **slots)


def lines(world: World, kind: str, count: int) -> list[str]:
    """So many lines of that list, no two from one template."""
    return [said(world, template) for template in world.skin.sample(_wording()["lines"][kind], count)]


def said(world: World, template: str, **slots: object) -> str:
    """A line by a template of the caller's, with the parts and slots that the lists have."""
    whole = _whole(template)
    wanted = set(_SLOT.findall(whole)) - set(slots)
    return world.say(whole, **slots, **{name: _LOCAL[name](world) for name in sorted(wanted)})


@cache
def _wording() -> Mapping[str, Any]:
    return tomllib.loads(files(__package__).joinpath("wording.toml").read_text(encoding="utf-8"))


@cache
def _whole(template: str) -> str:
    """The template with each {part} written out as a choice."""
    return _PART.sub(lambda match: _whole(f"[{_wording()['parts'][match[1]]}]"), template)


def moment(world: World) -> datetime:
    """A time of which the place may speak: some days after its files were made."""
    return datetime.fromtimestamp(world.mtime + world.skin.randrange(2 * 86400, 40 * 86400), UTC)


def other(world: World) -> str:
    """Somebody else of the place."""
    while (name := world.names.user()) == world.user:
        pass
    return name


_LOCAL: Mapping[str, Callable[[World], object]] = {
    "user": lambda world: world.user,
    "host": lambda world: world.host,
    "other": other,
    "place": lambda world: f"the {world.skin.choice(_PLACES)}",
    "n": lambda world: world.skin.randint(11, 88),
    "m": lambda world: world.skin.randint(11, 98),
    "k": lambda world: world.skin.randint(2, 9),
    "mm": lambda world: f"{world.skin.randrange(60):02}",
    "ip": lambda world: f"10.{world.skin.randint(0, 250)}.{world.skin.randint(0, 9)}.{world.skin.randint(2, 250)}",
    "last": lambda world: f"{moment(world):%a %b %e %H:%M:%S %Y}",
    "iso": lambda world: f"{moment(world):%Y-%m-%d}",
    "clock": lambda world: f"{moment(world):%H:%M}",
}
