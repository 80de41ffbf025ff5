"""Wording by grammar: `[a|b [c|d]]` is a choice, `<name>` a slot to be filled.

Lines of the login and of the files around it are the lists of wording.toml; there `{name}` is a list of parts.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sekft.authors.procedural.host import Host

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"<([a-z_]+)>")
_PART = re.compile(r"\{([a-z_]+)\}")


def phrase(rng: random.Random, template: str, **slots: object) -> str:
    """One sentence of the grammar. Choices are resolved before slots, so slots may hold brackets.

    Raises KeyError for a slot that is not given.
    """
    while _CHOICE.search(template):
        template = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)
    text = _SLOT.sub(lambda match: str(slots[match[1]]), template)
    text = re.sub(r" +([,.;:])(?=\s|$)", r"\1", re.sub(r"(?<=\S)  +", " ", text)).strip()
    return re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", text)


def sentence(rng: random.Random, template: str, **slots: object) -> str:
    """A phrase that starts with a capital, unless its first word must be copied as it is.

    A slot named `place` holds ordinary words; all others hold names, paths and texts.
    """
    text = phrase(rng, template, **slots)
    verbatim = any(_leads(text, str(value)) for name, value in slots.items() if name != "place" and value)
    return text if verbatim else text[:1].upper() + text[1:]


def _leads(text: str, value: str) -> bool:
    """Whether the text starts with that value as a whole, not with a word that happens to begin alike."""
    return text.startswith(value) and not text[len(value) : len(value) + 1].isalnum()


def line(host: Host, kind: str, **slots: object) -> str:
    """One line of that list. Raises KeyError for a slot that is neither given nor a matter of the place."""
    return expand(host, host.skin.choice(wording()["lines"][kind]), **slots)


def lines(host: Host, kind: str, count: int) -> list[str]:
    """So many lines of that list, no two from one template."""
    return [expand(host, template) for template in host.skin.sample(wording()["lines"][kind], count)]


def expand(host: Host, template: str, **slots: object) -> str:
    """A line by a template of the caller's, with the parts and slots that the lists have."""
    whole = _whole(template)
    local = set(_SLOT.findall(whole)) - set(slots)
    return host.say(whole, **slots, **{name: _LOCAL[name](host) for name in sorted(local)})


@cache
def wording() -> Mapping[str, Any]:
    """The tables of wording.toml."""
    return tomllib.loads(files(__package__).joinpath("wording.toml").read_text(encoding="utf-8"))


@cache
def _whole(template: str) -> str:
    """The template with each {part} written out as a choice."""
    return _PART.sub(lambda match: _whole(f"[{wording()['parts'][match[1]]}]"), template)


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
    "place": lambda host: f"the {host.skin.choice(wording()['places'])}",
    "n": lambda host: host.skin.randint(11, 88),
    "m": lambda host: host.skin.randint(11, 98),
    "k": lambda host: host.skin.randint(2, 9),
    "mm": lambda host: f"{host.skin.randrange(60):02}",
    "ip": lambda host: f"10.{host.skin.randint(0, 250)}.{host.skin.randint(0, 9)}.{host.skin.randint(2, 250)}",
    "last": lambda host: f"{moment(host):%a %b %e %H:%M:%S %Y}",
    "iso": lambda host: f"{moment(host):%Y-%m-%d}",
    "clock": lambda host: f"{moment(host):%H:%M}",
}
