"""Notes: what a reader decided, kept in the run, and heeded where a set is made and measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import urlencode

import pytest

from sekft.dataset.pair import PAIRS, read
from sekft.errors import BundleError
from sekft.folder import ROLLOUTS, Layout, documents
from sekft.folder.notes import NOTES, Note, add_note, read_notes
from sekft.quality.audit import audit
from sekft.runs.run import Run
from sekft.trajectory import load_trajectory
from sekft.viewer.opening import opened
from sekft.viewer.query import Filters
from tests.viewer.conftest import served


@pytest.fixture
def noted(run: Path, tmp_path: Path) -> Path:
    """A copy of the run that may be noted."""
    return Path(shutil.copytree(run, tmp_path / "noted", ignore=shutil.ignore_patterns("export", "view-*", "export*")))


def test_a_note_is_written_and_shown(noted: Path) -> None:
    """A verdict and a comment land in notes.jsonl, stand on the page and in the list, and can be filtered for."""
    viewer = opened([noted], annotating=True)
    row = viewer.pages.indexes.rows(Filters.of("keep=yes"), 1)[0]
    place = {"run": row["run"], "at": row["place"]}
    with served(viewer) as browser:
        form = urlencode({**place, "verdict": "drop", "comment": "guesses <at> it\r\nagain"})
        page = browser.enter().get("/note", form.encode(), Origin=browser.base).read().decode()
        assert "guesses &lt;at&gt; it\nagain" in page
        assert row["place"] in browser.text("/rollouts?note=drop")
        assert row["place"] not in browser.text("/rollouts?note=none")
        assert browser.get("/note", form.encode(), Origin="http://evil.example").status == 403
        assert browser.get("/note", urlencode({**place, "verdict": "burn"}).encode()).status == 404
        browser.get("/note", urlencode({**place, "verdict": ""}).encode())
        assert browser.text("/rollouts?note=drop").count("data-at") == 0
    written = [json.loads(line) for line in (noted / NOTES).read_text(encoding="utf-8").splitlines()]
    assert [(note["trajectory"], note["verdict"]) for note in written] == [(row["id"], "drop"), (row["id"], None)]


def test_the_last_note_counts_and_a_torn_line_is_overcome(tmp_path: Path) -> None:
    """A later note replaces an earlier one; a killed writer's half line costs nothing, a broken line is named."""
    add_note(tmp_path, Note(trajectory="a", verdict="keep"))
    with (tmp_path / NOTES).open("a", encoding="utf-8") as file:
        file.write('{"trajectory": "b", "ver')
    assert set(read_notes(tmp_path)) == {"a"}
    add_note(tmp_path, Note(trajectory="a", verdict="drop", comment="no"))
    assert read_notes(tmp_path)["a"].verdict == "drop"
    with (tmp_path / NOTES).open("a", encoding="utf-8") as file:
        file.write("{}\n")
    with pytest.raises(BundleError, match=r"notes.jsonl:3: .*trajectory"):
        read_notes(tmp_path)


def test_an_export_heeds_notes(noted: Path) -> None:
    """With --notes what a reader would drop is left out, and so is a pair of which it is the chosen side.

    A note cannot add: a rollout that is not kept stays out, whatever a reader says.
    """
    pairs = list(read(noted / "pairs" / PAIRS))
    dropped = pairs[0].chosen_side.trajectory
    stored = [load_trajectory(path) for path in documents(Layout.of_run(noted).trajectories, ROLLOUTS)]
    wanted = next(one.id for one in stored if not one.keep and one.id != pairs[0].rejected_side.trajectory)
    add_note(noted, Note(trajectory=dropped, verdict="drop"))
    add_note(noted, Note(trajectory=wanted, verdict="keep"))
    add_note(noted, Note(trajectory=next(one.id for one in stored if one.keep and one.id != dropped), verdict="unsure"))
    made = Run(noted).export("sft", "dpo", notes=True, no_card=True)
    rows = {form: sum(part.rows for part in made.parts if part.projection == form) for form in ("sft", "dpo")}
    assert rows["sft"] == sum(one.keep for one in stored) - 1
    left = [one for one in pairs if dropped != one.chosen_side.trajectory and wanted != one.rejected_side.trajectory]
    assert rows["dpo"] == len(left) < len(pairs)
    assert ("no note against it", 1) in [(row.filter, row.dropped) for row in made.funnel]


def test_the_audit_tells_how_far_readers_agree(noted: Path) -> None:
    """Of the notes that decide, the share that agrees with the record, and the files of the others."""
    stored = {path: load_trajectory(path) for path in documents(Layout.of_run(noted).trajectories, ROLLOUTS)[:8]}
    for number, one in enumerate(stored.values()):
        agreed = "keep" if one.keep else "drop"
        against = "drop" if one.keep else "keep"
        verdict = against if number == 0 else "unsure" if number == 1 else agreed
        add_note(noted, Note.model_validate({"trajectory": one.id, "verdict": verdict}))
    found = {finding.name: finding for finding in audit(Layout.of_run(noted)).findings}
    assert found["notes.agreement"].value == pytest.approx(6 / 7, abs=1e-6)
    assert found["notes.agreement"].files == [str(next(iter(stored)).relative_to(noted))]
    assert found["notes.unsure"].value == 1
