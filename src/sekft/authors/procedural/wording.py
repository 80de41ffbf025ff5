"""Lines of the login and of the files around it: the lists of wording.toml, drawn by grammar."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from sekft.authors.procedural.host import Host

_PART = re.compile(r"\{([a-z_]+)\}")
_SLOT = re.compile(r"<([a-z_]+)>")
_PLACES = (
    "annex|front office|north office|archive|workshop|boiler room|reading room|west wing|print shop|map room|old mill"
    "|gatehouse|laboratory|greenhouse|pump house|cash office|stables|drawing office|ferry house|depot"
    "|museum|tower|bakery|signal box|county office|cellar|library|clinic|observatory"
).split("|")


def line(host: Host, kind: str, **slots: object) -> str:
    """One line of that list. Raises KeyError for a slot that is neither given nor a matter of the place."""
    return said(host, host.skin.choice(_wording()["lines"][kind]), **slots)


def lines(host: Host, kind: str, count: int) -> list[str]:
    """So many lines of that list, no two from one template."""
    return [said(host, template) for template in host.skin.sample(_wording()["lines"][kind], count)]


def said(host: Host, template: str, **slots: object) -> str:
    """A line by a template of the caller's, with the parts and slots that the lists have."""
    whole = _whole(template)
    wanted = set(_SLOT.findall(whole)) - set(slots)
    return host.say(whole, **slots, **{name: _LOCAL[name](host) for name in sorted(wanted)})


@cache
def _wording() -> Mapping[str, Any]:
    return tomllib.loads(files(__package__).joinpath("wording.toml").read_text(encoding="utf-8"))


@cache
def _whole(template: str) -> str:
    """The template with each {part} written out as a choice."""
    return _PART.sub(lambda match: _whole(f"[{_wording()['parts'][match[1]]}]"), template)


def moment(host: Host) -> datetime:
    """A time of which the place may speak: some days after its files were made."""
    return datetime.fromtimestamp(host.mtime + host.skin.randrange(2 * 86400, 40 * 86400), UTC)


def other(host: Host) -> str:
    """Somebody else of the place."""
    while (name := host.names.user()) == host.user:
        pass
    return name


_LOCAL: Mapping[str, Callable[[Host], object]] = {
    "user": lambda host: host.user,
    "host": lambda host: host.name,
    "other": other,
    "place": lambda host: f"the {host.skin.choice(_PLACES)}",
    "n": lambda host: host.skin.randint(11, 88),
    "m": lambda host: host.skin.randint(11, 98),
    "k": lambda host: host.skin.randint(2, 9),
    "mm": lambda host: f"{host.skin.randrange(60):02}",
    "ip": lambda host: f"10.{host.skin.randint(0, 250)}.{host.skin.randint(0, 9)}.{host.skin.randint(2, 250)}",
    "last": lambda host: f"{moment(host):%a %b %e %H:%M:%S %Y}",
    "iso": lambda host: f"{moment(host):%Y-%m-%d}",
    "clock": lambda host: f"{moment(host):%H:%M}",
}
