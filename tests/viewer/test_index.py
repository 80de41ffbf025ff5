"""The index: built from files alone, kept fresh by their times, and never in the way of reading."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from sekft.errors import UsageError
from sekft.folder import ROLLOUTS, Layout, documents
from sekft.trajectory import load_trajectory
from sekft.viewer.index import Index, index_file
from sekft.viewer.opening import opened
from sekft.viewer.query import Filters
from sekft.viewer.sources import Source


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """A run of two scenarios that a test may change."""
    root = tmp_path / "copied"
    for name in [path.name for path in (run / "trajectories").iterdir()][:2]:
        shutil.copytree(run / "trajectories" / name, root / "trajectories" / name)
        (root / "scenarios").mkdir(exist_ok=True)
        shutil.copy(run / "scenarios" / f"{name}.json", root / "scenarios")
    (root / ".sekft").mkdir()
    return root


def test_it_holds_what_the_folder_holds(run: Path) -> None:
    """Every rollout, scenario, pair and draft has a row, with what its file says."""
    pages = opened([run]).pages
    rows = {row["place"]: row for row in pages.indexes.ask("SELECT * FROM rollouts")}
    stored = {
        str(path.relative_to(run)): load_trajectory(path)
        for path in documents(Layout.of_run(run).trajectories, ROLLOUTS)
    }
    told = {place: (row["id"], row["outcome"], bool(row["keep"]), row["actions"]) for place, row in rows.items()}
    assert told == {place: (one.id, one.outcome, one.keep, len(one.actions)) for place, one in stored.items()}
    assert pages.counts()["pairs"] == len((run / "pairs/pairs.jsonl").read_text(encoding="utf-8").splitlines())
    assert pages.counts()["rejected"] == 1
    assert pages.indexes.ask("SELECT count(*) FROM scenarios")[0][0] == len(documents(run / "scenarios"))


def test_only_what_changed_is_read_again(copy: Path) -> None:
    """A second look reads nothing; a new, a changed and a removed file are each noticed."""
    index = Index(Source.opened(copy, "run"))
    first = documents(Layout.of_run(copy).trajectories, ROLLOUTS)
    assert index.refresh() == len(first) + 2
    assert index.refresh() == 0
    body = json.loads(first[0].read_text(encoding="utf-8"))
    first[0].write_text(json.dumps(body | {"outcome": "harmful", "keep": False}), encoding="utf-8")
    shutil.copy(first[1], first[1].with_name("explorer-77.json"))
    first[2].unlink()
    assert index.refresh() == 3
    with sqlite3.connect(index.path) as base:
        rows = dict(base.execute("SELECT place, outcome FROM rollouts").fetchall())
    assert len(rows) == len(first)
    assert rows[str(first[0].relative_to(copy))] == "harmful"
    assert str(first[2].relative_to(copy)) not in rows


def test_a_broken_file_is_told_and_the_rest_read(copy: Path) -> None:
    """A file that cannot be read costs no other: the overview names it and says why."""
    broken = documents(Layout.of_run(copy).trajectories, ROLLOUTS)[0]
    broken.write_text('{"scenario_id": "x", "operator": {}, "schema_version": 1}', encoding="utf-8")
    pages = opened([copy]).pages
    assert [file for file, _ in pages.faults()] == [f"copied/{broken.relative_to(copy)}"]
    assert "1 files cannot be read" in pages.overview(Filters())
    assert pages.counts()["rollouts"] == len(documents(Layout.of_run(copy).trajectories, ROLLOUTS)) - 1


def test_a_folder_that_is_no_run_is_left_as_it_is(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index of a folder without `.sekft` lies in the cache, and that of one rollout does, too."""
    monkeypatch.setenv("SEKFT_CACHE", str(tmp_path / "cache"))
    bare = shutil.copytree(run / "trajectories", tmp_path / "bare")
    for path in (bare, documents(Layout.of_run(run).trajectories, ROLLOUTS)[0]):
        source = Source.opened(path, "bare")
        assert index_file(source).is_relative_to(tmp_path / "cache")
        assert Index(source).refresh() > 0
    assert source.reading(source.single).scenario is not None
    assert not (bare / ".sekft").exists()


def test_a_stray_path_is_refused(tmp_path: Path) -> None:
    """A path that is not there, and a folder with nothing to read, are said to be so."""
    with pytest.raises(UsageError, match="no such file"):
        opened([tmp_path / "gone"])
    with pytest.raises(UsageError, match="holds no rollouts"):
        opened([tmp_path])
