"""The pages tell what the files hold."""

from __future__ import annotations

import html
import re
from pathlib import Path

from sekft.folder import Layout
from sekft.runs.summary import summarise
from sekft.trajectory import StoredRollout
from sekft.viewer.opening import opened
from sekft.viewer.query import Filters
from sekft.viewer.reading import Reading
from sekft.viewer.server import Viewer
from sekft.viewer.session import lines

TAGS = re.compile(r"<[^>]*>")


def text_of(page: str) -> str:
    return html.unescape(TAGS.sub("", page))


def readings(viewer: Viewer, query: str = "") -> list[Reading]:
    rows = viewer.pages.indexes.rows(Filters.of(query), 1000)
    return [viewer.pages.reading(row["run"], row["place"]) for row in rows]


def test_the_overview_counts_as_the_summary_does(viewer: Viewer, run: Path) -> None:
    """Outcomes by expected ending, kept, and what checkers refused and accepted are those of `sekft show`."""
    told, seen = summarise(Layout.of_run(run)), viewer.pages.seen(Filters())
    outcomes = {kind: {name: bar.count for name, bar in row.items()} for kind, row in seen.outcomes.items()}
    assert outcomes == told.outcomes
    funnel = {bar.label: bar.count for bar in seen.funnel}
    assert (funnel["drawn"], funnel["admitted"]) == (told.scenarios.drawn, told.scenarios.admitted)
    assert (funnel["rolled out"], funnel["kept"]) == (told.rollouts, told.kept)
    assert dict(seen.checkers)["wrong solutions refused"].startswith(f"{told.scenarios.refused:,} of")


def test_every_bar_and_cell_filters_what_it_counts(viewer: Viewer) -> None:
    """The filters behind a cell of the outcomes, of an axis or of the reasons give as many rollouts as it shows."""
    indexes, seen = viewer.pages.indexes, viewer.pages.seen(Filters())
    counted = [(bar.terms, bar.count) for row in seen.outcomes.values() for bar in row.values()]
    counted += [(bar.terms, bar.count) for bar in seen.reasons]
    counted += [
        (rate.terms, rate.of) for values in seen.axes.values() for rates in values.values() for rate in rates if rate
    ]
    for terms, count in counted:
        assert indexes.count(Filters(terms)) == count, terms


def test_a_session_is_shown_whole(viewer: Viewer) -> None:
    """Each thing that was typed and each line that was shown stands on the page, in order."""
    for reading in readings(viewer, "operator=explorer")[:12]:
        page = text_of(viewer.pages.rollout("run", reading.place, Filters()))
        at = page.index("The session") if "The session" in page else 0
        for turn in reading.turns[1:]:
            for line in turn.content.split("\n"):
                at = page.index(line, at)


def test_marks_stand_where_they_were_reached(viewer: Viewer) -> None:
    """Every mark of a session is in the margin of the step that reached it, and of no other."""
    for reading in readings(viewer):
        shown: dict[str, int] = {}
        for line in lines(reading):
            shown |= {tag.text: line.turn for tag in line.tags if tag.tone == "mark"}
            shown |= {tag.text: line.turn + bool(line.turn) for tag in line.answered if tag.tone == "mark"}
        reached = {mark: turn for mark, turn in reading.mechanism.model_dump().items() if turn is not None}
        assert shown == reached


def test_endings_without_work_show_their_evidence(viewer: Viewer) -> None:
    """Where a session rightly ended without work, the step that earned it is marked, once what was asked was known."""
    for reading in readings(viewer, "outcome=idle&outcome=rightly_blocked"):
        assert reading.evidence is not None
        tags = [tag.text for line in lines(reading) for tag in line.answered]
        assert tags.count("evidence") == 1


def test_going_round_in_circles_is_folded(viewer: Viewer) -> None:
    """A command that was typed over and over and answered alike takes one line, with all of it behind that."""
    for reading in readings(viewer, "fault=loops"):
        shown = lines(reading)
        folded = [line for line in shown if line.repeats]
        assert folded
        assert sum(1 + len(line.repeats) for line in shown) == len(reading.actions) + 1


def test_steps_have_one_key_where_they_are_alike(viewer: Viewer) -> None:
    """The keys of an explorer's and of its saboteur's steps are the same up to the failure and differ there."""
    by_scenario: dict[str, dict[str, Reading]] = {}
    for reading in readings(viewer):
        if reading.sample == 0:
            by_scenario.setdefault(reading.scenario_id, {})[reading.operator.kind] = reading
    parted = 0
    for sides in by_scenario.values():
        left, right = ([line.key for line in lines(sides[who])] for who in ("explorer", "saboteur"))
        at = next(at for at in range(len(left)) if left[at : at + 1] != right[at : at + 1])
        fault = sides["saboteur"].fault
        parted += fault is not None and 2 * at - 1 == fault.turn
    assert parted >= len(by_scenario) * 0.7


def test_the_funnel_ends_with_what_was_exported(viewer: Viewer, run: Path) -> None:
    """A run's own export is told by form, in rows, and beside its run an export repeats no session."""
    from pyarrow import parquet

    told = {bar.label: bar.count for bar in viewer.pages.seen(Filters()).funnel}
    assert told["exported: sft"] == parquet.read_table(run / "export" / "sft").num_rows
    assert told["exported: dpo"] == told["pairs"]
    both = opened([run, run / "export"])
    assert {bar.label: bar.count for bar in both.pages.seen(Filters()).funnel} == told
    both.pages.indexes.close()


def test_a_pair_shows_both_sides_and_what_followed(viewer: Viewer) -> None:
    """A pair's page holds its whole prompt, both actions, and what each was answered."""
    for row in viewer.pages.indexes.ask("SELECT * FROM pairs LIMIT 10"):
        pair = viewer.pages.sources[row["run"]].pair(row["place"])
        page = text_of(viewer.pages.pair(row["run"], row["place"]))
        for message in (*pair.prompt[:-1], *pair.chosen, *pair.rejected):
            assert all(line in page for line in message.content.split("\n"))
        assert f"{pair.chosen_side.right} of {pair.chosen_side.rollouts}" in page


def test_a_rejected_draft_is_read_like_a_rollout(viewer: Viewer) -> None:
    """Its page gives the reason, every fault, the evidence, each round with the model, and the bundle."""
    row = viewer.pages.indexes.ask("SELECT * FROM rejections")[0]
    page = text_of(viewer.pages.draft(row["run"], row["place"]))
    for told in ("probe passes", "too_slow: 11 s", "nothing is wrong <b>here</b>", "round 1 of repair", "The checker"):
        assert told in page


def test_mistakes_are_those_of_the_export(viewer: Viewer) -> None:
    """The steps that the page calls failed are the turns that `mistakes` of an export names."""
    from sekft.evaluation.metrics import mistakes

    for reading in readings(viewer, "operator=explorer"):
        assert reading.trajectory is not None
        assert reading.scenario is not None
        failed = [line.turn for line in lines(reading) if any(tag.text.startswith("failed") for tag in line.answered)]
        assert failed == mistakes(StoredRollout(reading.place, reading.trajectory, reading.scenario))
