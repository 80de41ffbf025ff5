"""Scenarios of a large folder are read as their rollouts come."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from sekft.cli.running import Lines
from sekft.errors import BundleError, UsageError
from sekft.folder import Layout, documents, load_scenarios
from sekft.runs import rollout
from sekft.runs.rollout import RolloutConfig, StoredScenarios, roll, stored_scenarios
from tests import bundles

SCENARIOS = sorted(
    (bundles.sealed(bundles.work() | {"seed": seed}) for seed in range(3)), key=lambda scenario: scenario.id
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "scenarios"
    place.mkdir()
    for scenario in SCENARIOS:
        (place / f"{scenario.id}.json").write_text(scenario.to_json(), encoding="utf-8")
    return place


def test_they_are_those_that_are_read_at_once(folder: Path) -> None:
    """The same scenarios in the same order, whole, by place and in part, and the same ids without reading them."""
    stored = StoredScenarios(folder)
    assert list(stored) == load_scenarios(folder) == SCENARIOS
    assert stored[1:] == SCENARIOS[1:]
    assert stored.ids == [scenario.id for scenario in SCENARIOS]


def test_a_bundle_that_another_program_wrote_has_its_id_too(folder: Path) -> None:
    """Its fields come in another order, and its file has another name."""
    path = next(folder.iterdir())
    body = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    (folder / "a.json").write_text(json.dumps(dict(reversed(body.items()))), encoding="utf-8")
    assert sorted(StoredScenarios(folder).ids) == [scenario.id for scenario in SCENARIOS]


def test_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    """As where they are all read."""
    with pytest.raises(UsageError, match=r"holds no \*\.json"):
        StoredScenarios(tmp_path)


def test_a_large_folder_is_rolled_out_one_by_one(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is rolled out already is not read: a broken bundle is told where its rollout is due, and not before."""
    monkeypatch.setattr(rollout, "READ_AT_ONCE", 2)
    config, layout = RolloutConfig(samples=1, operator="reference", concurrency=1), Layout.of_run(tmp_path)
    assert asyncio.run(roll(config, stored_scenarios(folder), layout, Lines())) == 0
    done = {path: path.read_bytes() for path in documents(layout.trajectories, "*/*.json")}
    assert [path.parent.name for path in done] == [scenario.id for scenario in SCENARIOS]
    first, *_, last = done
    (folder / f"{last.parent.name}.json").write_text(SCENARIOS[-1].to_json() + "x", encoding="utf-8")
    first.unlink()
    assert asyncio.run(roll(config, stored_scenarios(folder), layout, Lines())) == 0
    assert first.exists()
    last.unlink()
    with pytest.raises(BundleError, match=last.parent.name):
        asyncio.run(roll(config, stored_scenarios(folder), layout, Lines()))
