"""The data card's folder is loaded by its real consumer, offline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sekft.cli.running import Lines
from sekft.dataset import card
from sekft.dataset.export import ExportConfig, Exported, Sources, export
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.dataset.rows import export_forms
from sekft.folder import ROLLOUTS, Layout, documents
from sekft.models.texts import EstimatedTokens
from tests import sets

pytestmark = pytest.mark.live
TABLES = [name for name, form in export_forms().items() if form.is_table]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = sets.filled(tmp_path_factory)
    pair(layout, None, layout, PairConfig(), Lines())
    return layout


@pytest.fixture(scope="module", params=("parquet", "jsonl"))
def folder(request: pytest.FixtureRequest, run: Layout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every form in one format, in shards of 7 rows, with the card; traces, which are no table, beside them."""
    out, sources = tmp_path_factory.mktemp("data"), Sources.of(run.root)
    config = ExportConfig(to=tuple(export_forms()), format=request.param, shard_rows=7)
    made = export(config, sources, out, EstimatedTokens(), Lines())
    card.write(out, made, sources, config)
    return out


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="wants the extra train: ./dev setup train")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def test_the_card_names_every_table_as_a_config(folder: Path) -> None:
    """What the library reads off the card are the forms that are tables, sft first of all."""
    from datasets import get_dataset_config_names, get_dataset_default_config_name

    assert get_dataset_config_names(str(folder)) == TABLES
    assert get_dataset_default_config_name(str(folder)) == "sft"


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_every_config_loads_with_its_rows(name: str, folder: Path) -> None:
    """load_dataset on the folder gives both splits with the rows and the columns that were written."""
    from datasets import load_dataset

    made = Exported.model_validate_json((folder / "export.json").read_text())
    loaded: dict[str, Any] = load_dataset(str(folder), name)
    assert {split: rows.num_rows for split, rows in loaded.items()} == {
        part.split: part.rows for part in made.parts if part.projection == name
    }
    assert set(loaded["train"].column_names) == export_forms()[name].all_columns.keys()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_loaded_messages_are_the_recorded_session(folder: Path, run: Layout) -> None:
    """A row that went through the library holds the trajectory's messages, key for key."""
    from datasets import load_dataset

    from sekft.trajectory import load_trajectory

    recorded = {one.id: one.messages() for one in map(load_trajectory, documents(run.trajectories, ROLLOUTS))}
    for row in load_dataset(str(folder), "sft", split="train"):
        assert row["messages"] == recorded[json.loads(row["metadata"])["trajectory_id"]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_rows_of_another_export_never_come_from_the_cache(run: Layout, tmp_path: Path) -> None:
    """With one cache, a folder of the same name and a folder that was written anew give their own rows."""
    from datasets import load_dataset

    for at, outcomes in enumerate(((), ("solved",), ("idle",))):
        out = tmp_path / str(at > 0) / "export"
        shutil.rmtree(out, ignore_errors=True)
        sources, config = Sources.of(run.root), ExportConfig(to=("sft",), outcome=outcomes)
        made = export(config, sources, out, EstimatedTokens(), Lines())
        card.write(out, made, sources, config)
        loaded: dict[str, Any] = load_dataset(str(out), "sft")
        assert {split: rows.num_rows for split, rows in loaded.items()} == {
            part.split: part.rows for part in made.parts
        }
