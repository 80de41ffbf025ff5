"""Scenarios come from folders, exports, files and rows, by split and by axis."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from sekft import env
from sekft.errors import BundleError, UsageError
from sekft.scenario import Scenario
from tests import bundles

TRAIN, HELD = bundles.sealed(bundles.work()), bundles.sealed(bundles.blocked() | {"split": "heldout"})
ROWS = [{"scenario_id": each.id, "bundle": each.to_json()} for each in (TRAIN, HELD)]


@pytest.fixture(params=["folder", "run", "bundle files", "parquet", "jsonl", "export", "rows", "scenarios"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    kind = request.param
    if kind in ("folder", "run"):
        place = tmp_path / "scenarios" if kind == "run" else tmp_path
        place.mkdir(exist_ok=True)
        for each in (TRAIN, HELD):
            (place / f"{each.id}.json").write_text(each.to_json())
        return tmp_path
    if kind in ("parquet", "export"):
        for split, rows in (("train", ROWS[:1]), ("heldout", ROWS[1:])):
            place = tmp_path / "scenarios" / split
            place.mkdir(parents=True)
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), place / "00000.parquet")
        return str(tmp_path) if kind == "export" else tmp_path / "scenarios"
    if kind == "jsonl":
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        return tmp_path / "rows.jsonl"
    return ROWS if kind == "rows" else [TRAIN, HELD]


def test_each_source_gives_the_same_scenarios(source: str | Path | list[Scenario]) -> None:
    """Whatever they are read from, they are the same, sorted by id, and split, where and most choose among them."""
    assert env.scenarios(source) == sorted([TRAIN, HELD], key=lambda each: each.id)
    assert env.scenarios(source, split="train") == [TRAIN]
    assert env.scenarios(source, split="heldout", where=["ending=blocked"]) == [HELD]
    assert env.scenarios(source, where=["ending!=blocked"]) == [TRAIN]
    assert len(env.scenarios(source, most=1)) == 1


def test_one_bundle_is_a_source(tmp_path: Path) -> None:
    """The path of a single bundle gives that scenario."""
    (tmp_path / "one.json").write_text(TRAIN.to_json())
    assert env.scenarios(tmp_path / "one.json") == [TRAIN]


def test_what_leaves_nothing_or_is_unknown_is_told() -> None:
    """An unknown split, axis or value, and filters that nothing passes, are wrong usage."""
    for options, says in (
        ({"split": "test"}, "split 'test': want train or heldout"),
        ({"where": ["endings=work"]}, "no axis 'endings'"),
        ({"split": "train", "where": ["ending=blocked"]}, "no scenario with split=train ending=blocked"),
    ):
        with pytest.raises(UsageError, match=says):
            env.scenarios([TRAIN, HELD], **options)
    with pytest.raises(UsageError, match="no such folder"):
        env.scenarios("nowhere")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"messages": []}, "row 1: saw no text in 'bundle'"),
        ({"bundle": TRAIN.to_json().replace("granite", "gravel")}, "row 1: id: saw "),
        ({"bundle": "{"}, "row 1: line 1"),
    ],
)
def test_a_row_that_is_not_what_it_says_is_refused(row: dict[str, str], says: str) -> None:
    """A row of another form, an altered bundle and broken JSON are named by their row."""
    with pytest.raises(BundleError, match=says):
        env.scenarios([row])


def test_a_file_that_is_not_parquet_is_told(tmp_path: Path) -> None:
    """A damaged file is named."""
    (tmp_path / "rows.parquet").write_bytes(b"no parquet")
    with pytest.raises(BundleError, match=r"rows\.parquet: cannot be read"):
        env.scenarios(tmp_path / "rows.parquet")
