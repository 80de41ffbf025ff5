"""Filters: what an address asks for is what the files say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from sekft.folder import Layout
from sekft.folder.stored import stored
from sekft.trajectory import StoredRollout
from sekft.viewer.query import SORTS, Filters, Row
from sekft.viewer.server import Viewer

ASKED: dict[str, Callable[[StoredRollout], bool]] = {
    "outcome=solved": lambda one: one.trajectory.outcome == "solved",
    "outcome=solved&outcome=idle": lambda one: one.trajectory.outcome in ("solved", "idle"),
    "operator=saboteur&keep=no": lambda one: one.trajectory.operator.kind == "saboteur" and not one.trajectory.keep,
    "sample=0&sample=2": lambda one: one.trajectory.sample in (0, 2),
    "keep=yes": lambda one: one.trajectory.keep,
    "expected=blocked&ending=panic": lambda one: (
        one.scenario.expected.kind == "blocked" and one.trajectory.ending.kind == "panic"
    ),
    "axis=userland=gnu&axis=ending=work": lambda one: (
        (one.scenario.cell["userland"], one.scenario.cell["ending"]) == ("gnu", "work")
    ),
    "axis=ending=empty&axis=ending=blocked": lambda one: one.scenario.cell["ending"] != "work",
    "from=8&to=12": lambda one: 8 <= len(one.actions) <= 12,
    "lacks=retrieved": lambda one: one.trajectory.mechanism.retrieved is None,
    "lacks=executed": lambda one: "executed" in one.trajectory.mechanism.missing(one.scenario.expected.kind),
    "has=learnt&lacks=ended": lambda one: (
        one.trajectory.mechanism.learnt is not None and one.trajectory.mechanism.ended is None
    ),
    "reason=mechanism lacks noticed": lambda one: "mechanism lacks noticed" in one.trajectory.keep_reasons,
    "fault=loops": lambda one: one.trajectory.fault is not None and one.trajectory.fault.kind == "loops",
    "fault=–": lambda one: one.trajectory.fault is None,
    "q=typed: --help": lambda one: any("--help" in action for action in one.actions),
    "q=typed: --HEL": lambda one: any("--hel" in action for action in one.actions),
    "q=| sort": lambda one: any("| sort" in turn.content for turn in one.trajectory.turns),
    "q=shown: /srv/": lambda one: any("/srv/" in turn.content for turn in one.trajectory.turns if turn.role == "env"),
    "q=xi": lambda one: False,
    "nonsense=1": lambda one: True,
}


@pytest.fixture(scope="module")
def rollouts(run: Path) -> list[StoredRollout]:
    return [one for group in stored(Layout.of_run(run)) for one in group]


@pytest.mark.parametrize("query", ASKED)
def test_a_filter_finds_what_the_files_say(viewer: Viewer, rollouts: list[StoredRollout], query: str) -> None:
    """Each filter gives exactly the rollouts whose files fit it, and an address gives the filter back."""
    filters = Filters.of(query)
    assert Filters.of(filters.query()) == filters
    found = {row["place"] for row in viewer.pages.indexes.rows(filters, 10_000)}
    assert found == {one.file for one in rollouts if ASKED[query](one)}
    assert viewer.pages.indexes.count(filters) == len(found)


def test_choices_count_what_choosing_them_gives(viewer: Viewer) -> None:
    """The number beside each choice is how many rollouts its filter leaves, under the filters of the other fields."""
    indexes, filters = viewer.pages.indexes, Filters.of("operator=saboteur&keep=no")
    for field, counts in indexes.choices(filters).items():
        for value, count in counts.items():
            assert indexes.count(filters.only(field, value)) == count, (field, value)


def test_reasons_count_their_rollouts(viewer: Viewer, rollouts: list[StoredRollout]) -> None:
    """Why rollouts are not kept is counted from their records."""
    told = Counter(why for one in rollouts if not one.trajectory.keep for why in one.trajectory.keep_reasons)
    assert viewer.pages.indexes.reasons(Filters()) == Counter(dict(told.most_common(40)))


def test_a_search_is_for_a_part_of_the_text(viewer: Viewer, rollouts: list[StoredRollout]) -> None:
    """A search finds the rollouts that show this text, from the middle of a word on and to the middle of another."""
    one = next(one for one in rollouts if one.trajectory.outcome == "solved")
    asked = one.scenario.directives[0].text[2:40]
    found = {row["place"] for row in viewer.pages.indexes.rows(Filters(q=f"shown: {asked}"), 1000)}
    assert one.file in found
    assert not viewer.pages.indexes.rows(Filters(q=f"typed: {asked} {asked}"), 10)


@pytest.mark.parametrize("hostile", ['"', "'); DROP TABLE rollouts; --", "a OR b NEAR c", "typed:", "*", "\x00", "^"])
def test_a_search_text_is_never_a_question_of_its_own(viewer: Viewer, hostile: str) -> None:
    """Whatever is searched for is words alone, in a search as in any other filter."""
    before = viewer.pages.counts()
    viewer.pages.indexes.rows(Filters(q=hostile), 10)
    viewer.pages.indexes.rows(Filters.of("run=%27&outcome=%27&axis=%27%3D%27&reason=%27&note=%27"), 10)
    assert viewer.pages.counts() == before


@pytest.mark.parametrize("sort", SORTS)
def test_neighbours_lead_through_the_whole_list(viewer: Viewer, sort: str) -> None:
    """Going on from the first rollout of a list meets each once, in its order, and the way back is the same."""
    indexes, filters = viewer.pages.indexes, Filters.of(f"outcome=solved&sort={sort}")
    rows = indexes.rows(filters, 1000)
    places = [row["place"] for row in rows]
    walked: list[str] = []
    row: Row | None = rows[0]
    while row is not None:
        before, after, at, total = indexes.neighbours(filters, row)
        assert (before["place"] if before else None) == (walked[-1] if walked else None)
        walked.append(row["place"])
        assert (at, total) == (len(walked), len(places))
        row = after
    assert walked == places
