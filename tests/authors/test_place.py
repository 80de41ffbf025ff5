"""The people of a host and the files that they leave there fit each other."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from datetime import UTC, datetime

import pytest

from sekft.authors.procedural.clutter import clutter, papers, told
from sekft.authors.procedural.host import Host, expand, land, moment
from sekft.authors.procedural.pages import page, paged
from sekft.authors.procedural.sketch import sketch
from sekft.authors.procedural.world import SETTINGS
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


def test_papers_lie_in_the_home_or_with_the_data() -> None:
    """Each is a short text without open slots, in a folder of its own or in the home; a script can be run."""
    for seed, name in enumerate(sorted(SETTINGS)):
        host = land({"setting": name}, seed).part("papers")
        for file in papers(host, 99):
            assert file.path.startswith((f"{host.home}/", f"{host.data}/"))
            assert not re.search(r"<[a-z_]+(:\d+)?>|<\d+\.\.\d+>", file.content or "")
            assert (file.mode == "0755") == (file.content or "").startswith("#!")


def test_no_paper_lies_in_a_folder_of_the_work() -> None:
    """A folder that some work has, as ~/bin may be, holds nothing else."""
    for host in hosts("beside", setting="newsroom")[:5]:
        assert any("/bin/" in file.path for file in papers(host, 99))
        host.names.taken.add("bin")
        assert not any("/bin/" in file.path for file in papers(host, 99))


def test_a_paper_keeps_its_blanks_and_tells_people_apart() -> None:
    """A slot has one value and its width, brackets without a choice stay, and a range is filled up with zeros."""
    for host in hosts("paper"):
        text = told(host, "<who:24>|<who_first>|<who_login>|<other>|<third>|<07..12>  [x] [ -f a ] [am|pm]")
        who, first, login, other, third, rest = text.split("|")
        assert len(who) == 24
        assert who.split()[0] == first
        assert host.login(who.strip()) == login
        assert len({who.strip(), other, third}) == 3
        assert re.fullmatch(r"(0[7-9]|1[0-2])  \[x\] \[ -f a \] (am|pm)", rest)


def test_a_paper_s_unknown_slot_is_named() -> None:
    """A slot that there is not is an error, not a text."""
    with pytest.raises(KeyError, match="whoever"):
        told(hosts("paper")[0], "by <whoever>")


def test_a_host_keeps_its_data_in_one_folder() -> None:
    """Folders of the work lie there or in the home; which of the setting's it is differs from host to host."""
    found = {host.data for host in hosts("root", setting="brewery")}
    assert found == set(hosts("root", setting="brewery")[0].world.setting.roots.split())
    for host in hosts("root"):
        assert {host.root() for _ in range(30)} == {host.home, host.data}


def test_what_is_no_key_and_no_tool_has_plain_names_on_a_mixed_host() -> None:
    """Groups, sources and items come from the setting there."""
    for host in hosts("mixed", names="mixed", setting="brewery"):
        table, log, listing = host.world.table(3, 2), host.world.log(2), host.world.listing(2)
        assert {*table.groups} <= {*table.kind.groups.split()}
        assert {*log.sources} <= {*log.kind.sources.split()}
        assert all(item.lower().replace(" ", "-") in listing.kind.items for item in listing.items)


def test_a_brief_host_has_no_clutter() -> None:
    """Little lies around the work there."""
    assert not any(clutter(host) for host in hosts("clutter", difficulty="short"))


def test_whoever_asks_is_of_the_cast() -> None:
    """Each entry of the provider is somebody's by the whole name."""
    for slot in range(60):
        draft = sketch(load().cell(9, slot), slot)
        names = {person.name for person in draft.host.cast}
        assert {entry.sender for entry in draft.provider.entries} <= names
