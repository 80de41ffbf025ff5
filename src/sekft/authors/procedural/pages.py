"""Pages that people leave on a host: each has one topic, a name that fits it, and room for one line more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sekft.authors.procedural.host import Host, clause, expand, lines, wording
from sekft.scenario import File

_ENDINGS = (".txt", ".txt", ".md")
_BULLETS = ("- ", "- ", "* ", "", "", "")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


class Page(NamedTuple):
    """topic: whose lines `lead_<topic>` point at it. stems: names for its file, without an ending."""

    topic: str
    stems: str
    text: str


def page(host: Host, said: str) -> Page:
    """A page that has this line among those of its topic."""
    topic = host.skin.choices(list(_TOPICS), list(_TOPICS.values()))[0]
    return topic(host, said)


def _handover(host: Host, said: str) -> Page:
    """What somebody leaves for whoever comes next."""
    rows = lines(host, "remark", host.some(host.skin, 1, 4))
    rows.insert(host.skin.randint(0, len(rows)), said)
    bullet = host.skin.choice(_BULLETS)
    signed = ["", host.person().name] if host.skin.random() < 0.25 else []
    text = _headed(host, "handover", [*(bullet + row for row in rows), *signed])
    return Page("handover", "handover notes desk NOTES HANDOVER", text)


def _about(host: Host, said: str) -> Page:
    """What the host is for, and who looks after it."""
    rows = host.skin.sample(wording()["pages"]["rows"], host.some(host.skin, 2, 5))
    facts = fields([(name, clause(host, value)) for name, value in rows], host.skin.choice([": ", "  "]))
    return Page("about", "README README about host", _headed(host, "about", [*facts, "", said]))


def _people(host: Host, said: str) -> Page:
    """Who is who."""
    cast = host.skin.sample(host.cast[1:], host.some(host.skin, 2, 5))
    shown = fields([(person.name, f"{person.role}, {person.room}") for person in cast], host.skin.choice([", ", "  "]))
    return Page("people", "people contacts who", _headed(host, "people", [*shown, "", said]))


def _rota(host: Host, said: str) -> Page:
    """Who is in on which day."""
    days = [(day, host.person().name) for day in _DAYS[: host.some(host.skin, 2, 5)]]
    return Page("rota", "rota duty shifts week", _headed(host, "rota", [*fields(days, "  "), "", said]))


_TOPICS: dict[Callable[[Host, str], Page], int] = {_handover: 5, _about: 3, _people: 2, _rota: 1}


def _headed(host: Host, kind: str, rows: Sequence[str]) -> str:
    """The rows under a heading of that kind, as people set it apart."""
    title = expand(host, host.skin.choice(wording()["pages"][kind]))
    head = host.skin.choice([f"{title}\n\n", f"{title}\n\n", f"# {title}\n\n", f"{title}\n{'=' * len(title)}\n"])
    return head + "".join(f"{row}\n" for row in rows)


def fields(rows: Sequence[tuple[str, str]], joint: str) -> list[str]:
    """Names and values as lines, one to a row. joint: between them; blanks align the values."""
    if joint.strip():
        return [f"{name}{joint}{value}" for name, value in rows]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}{joint}{value}" for name, value in rows]


def paged(host: Host, folder: str, page: Page) -> File:
    """The page as a file of that folder."""
    stem = host.skin.choice(page.stems.split())
    ending = host.skin.choice(["", "", *_ENDINGS] if stem.isupper() else _ENDINGS)
    return placed(host, f"{folder}/{stem}{ending}", page.text)


def placed(host: Host, path: str, content: str) -> File:
    """A file of the agent's, or of root's where the system keeps its own."""
    file = host.file(path, content)
    return file.model_copy(update={"owner": "root"}) if path.startswith(("/etc/", "/usr/", "/var/")) else file
