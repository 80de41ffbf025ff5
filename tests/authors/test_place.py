"""The people of a host and the files that they leave there fit each other."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from datetime import UTC, datetime

import pytest

from sekft.authors.procedural.clutter import clutter
from sekft.authors.procedural.host import Host, expand, land, moment
from sekft.authors.procedural.pages import page, paged
from sekft.authors.procedural.sketch import sketch
from sekft.taxonomy import load

SEEDS = range(200)
SAID = "Requests for us are in zorvex."


def hosts(part: str, **cell: str) -> list[Host]:
    return [land(cell, seed).part(part) for seed in SEEDS]


@pytest.mark.parametrize("dial", ["plain", "mixed", "invented"])
def test_everybody_has_a_whole_name_a_role_and_a_login(dial: str) -> None:
    """No two of a host share one; a login is the first name, or its initial and the family name, by the same rule."""
    for host in hosts("people", names=dial):
        first, last = zip(*(person.name.lower().split() for person in host.cast), strict=True)
        logins = [person.login for person in host.cast]
        assert logins in ([*first], [f"{one[0]}{two}" for one, two in zip(first, last, strict=True)])
        assert host.user == host.me.login
        for what in (first, logins, [person.role for person in host.cast]):
            assert len(set(what)) == len(host.cast)
        assert [host.login(person.name) for person in host.cast] == logins


def test_a_sentence_tells_people_apart() -> None:
    """Whoever stands in it by name does not stand there again, be it by name or by role."""
    for host in hosts("sentence"):
        roles = {f"the {person.role}": person.name for person in host.cast}
        said = expand(host, "so: <who>; <other>; <role>").removeprefix("So: ").split("; ")
        assert len({roles.get(one, one) for one in said}) == 3


def test_files_of_a_host_are_of_different_days() -> None:
    """Each was last changed after what its text may speak of, at an hour of work."""
    for host in hosts("files"):
        files = [host.file(f"{host.home}/{at}.txt", "") for at in range(5)]
        days = {datetime.fromtimestamp(file.mtime, UTC).date() for file in files}
        assert len(days) > 2
        assert all(file.mtime > moment(host).timestamp() for file in files)
        assert all(7 <= datetime.fromtimestamp(file.mtime, UTC).hour < 18 for file in files)


def test_a_page_is_short_and_has_the_line_once() -> None:
    """At most ten lines below its heading; its name goes with its topic."""
    stems = Counter[str]()
    for host in hosts("page"):
        file = paged(host, host.home, page(host, SAID))
        rows = (file.content or "").splitlines()
        assert sum(SAID in row for row in rows) == 1
        assert 3 <= len(rows) <= 12
        assert not re.search(r"[<>{}|\[\]]", file.content or "")
        stems[posixpath.basename(file.path).partition(".")[0].lower()] += 1
    assert len(stems) >= 8
    assert max(stems.values()) < len(SEEDS) / 3


def test_copies_lie_beside_what_they_are_copies_of() -> None:
    """What ends in .bak, .old, .orig or .1 has a file of the name without it next to it, with another content."""
    copies = 0
    for host in hosts("clutter"):
        texts = {file.path: file.content for file in clutter(host)}
        for path in texts:
            if (found := re.fullmatch(r"(.+)\.(bak|old|orig|1)", path)) and found[1] in texts:
                assert texts[found[1]] != texts[path]
                copies += 1
            assert found is None or found[1] in texts
    assert copies > 10


def test_a_brief_host_has_no_clutter() -> None:
    """Little lies around the work there."""
    assert not any(clutter(host) for host in hosts("clutter", difficulty="short"))


def test_whoever_asks_is_of_the_cast() -> None:
    """Each entry of the provider is somebody's by the whole name."""
    for slot in range(60):
        draft = sketch(load().cell(9, slot), slot)
        names = {person.name for person in draft.host.cast}
        assert {entry.sender for entry in draft.provider.entries} <= names
