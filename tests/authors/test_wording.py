"""What is printed says what is wanted, gives nothing away, and agrees with any clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from sekft.authors.procedural.announcements import ANNOUNCEMENTS
from sekft.authors.procedural.host import Host, Job, land, wording
from sekft.authors.procedural.obstacles import OBSTACLES, meet
from sekft.authors.procedural.provider.semantics import vocabulary
from sekft.authors.procedural.sketch import sketch
from sekft.authors.procedural.tasks import TASKS
from sekft.taxonomy import load, parse_where

SEEDS = range(60)
KINDS = list(TASKS)
SAYS_SO = re.compile(r"\bblocked\b|\b(?:tell me|let me know|say so|report back)\b", re.IGNORECASE)
DATE = re.compile(r"\d{4}-\d\d-\d\d")


def drawn(seed: int) -> tuple[Host, Job]:
    host = land({}, seed)
    return host, TASKS[KINDS[seed % len(KINDS)]](host.part("job"))


@pytest.mark.parametrize("name", ["absent", "ambiguous", "conditioned", "contradicted", "damaged", "withheld"])
def test_what_a_failed_condition_means_is_said(name: str) -> None:
    """Whoever asks says what is then to be done: nothing, and to tell of it."""
    for seed in SEEDS:
        host, job = drawn(seed)
        if OBSTACLES[name].fits(job):
            blocked, _ = meet(name, job, host.part("obstacle"))
            said = (blocked.extra or blocked.job).text
            assert SAYS_SO.search(said), said


@pytest.mark.parametrize("name", ["absent", "ambiguous", "conditioned", "damaged"])
def test_people_ask_first_and_then_say_what_it_depends_on(name: str) -> None:
    """Only a request that ends in a value has its condition before it, and a parting comes last."""
    for seed in SEEDS:
        host, job = drawn(seed)
        if not OBSTACLES[name].fits(job):
            continue
        _, eased = meet(name, job, host.part("obstacle"))
        asked = job.core if name != "ambiguous" else job.core[:12].partition("/")[0] * ("/" in job.core[:12])
        assert eased.text.startswith(f"{job.address} {asked}".strip()) == job.core.endswith((".", "?")) or not asked
        assert eased.text.endswith(job.parting)


def test_a_refusal_names_whom_or_what_it_waits_for() -> None:
    """What a shut store prints is all that there is to learn: a person of the place, or the machine that is down."""
    for seed in SEEDS:
        host, job = drawn(seed)
        for kind in wording()["seals"]:
            blocked, _ = meet(kind, job, host.part("obstacle"))
            said = blocked.sealed or ""
            assert kind == "down" or any(person.name in said for person in host.cast[1:]), said
            assert any(text in said for text in blocked.texts)


def test_a_tool_itself_speaks_of_itself_alone() -> None:
    """Help texts hold no rules of the house and no advice on how to end."""
    said = [text for texts in vocabulary()["notes"].values() for text in texts]
    assert not [text for text in said if SAYS_SO.search(text) or re.search(r"\b(?:only|nobody)\b", text, re.IGNORECASE)]


def test_a_short_tool_has_the_calls_that_the_work_needs_alone() -> None:
    """No history, nothing to put off and nothing to delete; of the other tools, fewer than half have such a call."""
    more = ("past", "hold", "drop")
    where = ["syntax!=native", "decoy!=stale"]
    cells = [load().cell(6, slot, parse_where(load(), where)) for slot in range(150)]
    roles = [(cell, sketch(cell, slot).provider.facts["roles"].split()) for slot, cell in enumerate(cells)]
    with_more = [cell["difficulty"] for cell, own in roles if any(role in own for role in more)]
    assert "short" not in with_more
    assert 0.1 < len(with_more) / len(roles) < 0.5


def test_a_seal_names_no_day_to_come() -> None:
    """What has expired has done so by any clock."""
    for seed in SEEDS:
        host, job = drawn(seed)
        blocked, _ = meet("expired", job, host.part("obstacle"))
        days = DATE.findall(blocked.sealed or "")
        assert days
        assert all(day < f"{datetime(2025, 6, 1, tzinfo=UTC):%Y-%m-%d}" for day in days)


def test_nothing_is_missing_where_that_would_leave_nothing_to_do() -> None:
    """Whoever is to delete, rename or mend files in a folder that is not there has no work, and is not blocked."""
    for seed in range(200):
        host, job = drawn(seed)
        if not OBSTACLES["missing"].fits(job):
            continue
        blocked, _ = meet("missing", job, host.part("obstacle"))
        lacking = {file.path for file in job.files} - {file.path for file in blocked.job.files}
        changed = [*(file.path for file in job.after), *job.gone, *job.judged]
        tops = {path for path in job.needs if any(other == path or other.startswith(path + "/") for other in lacking)}
        assert any(not all(path.startswith(top + "/") for path in changed) for top in tops), job.text


def test_a_login_profile_is_sh() -> None:
    """No command begins with a capital."""
    for seed in SEEDS:
        host = land({}, seed)
        for file in ANNOUNCEMENTS["profile"](host, "zorvex", "Zorvex keeps jobs.").files:
            assert re.match(r"# |[a-z]|PAGER=|EDITOR=", file.content or ""), file.content


def test_titles_of_open_and_of_closed_entries_are_of_one_kind() -> None:
    """In a list that shows both, the title does not tell the state: both are called as a task calls its work."""
    state = re.compile(
        r"(?<![\w-])(?:open|closed|done|settled|waiting|carried out|pending|over(?! \d| quota))(?![\w-])", re.IGNORECASE
    )
    lengths: dict[bool, list[int]] = {True: [], False: []}
    for seed in SEEDS:
        where = parse_where(load(), ["provider=roster", "ending=work", "decoy=none"])
        cell = load().cell(7, seed, where)
        entries = sketch(cell, seed).provider.entries
        assert {entry.waiting for entry in entries} == {True, False}
        assert not [entry.title for entry in entries if state.search(entry.title)]
        for entry in entries:
            lengths[entry.waiting].append(len(entry.title.split()))
    means = [sum(counts) / len(counts) for counts in lengths.values()]
    assert abs(means[0] - means[1]) < 1, means
