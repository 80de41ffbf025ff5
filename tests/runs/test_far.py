"""Run folders at an address: the same documents as on a disk, in shards, by writers that take no lock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from sekft.cli.running import Lines
from sekft.dataset.export import ExportConfig, Sources
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.errors import OtherSettings, StoreError, UsageError
from sekft.folder import ROLLOUTS, Folder, Layout, documents, load_scenarios, scenario_files
from sekft.folder.entries import entries
from sekft.folder.places import is_remote, placed
from sekft.folder.shard_writer import ShardWriter
from sekft.folder.shards import shards
from sekft.models.journal import JOURNAL, Journal, Reply, spent
from sekft.quality.audit import audit
from sekft.runs.compact import compact
from sekft.runs.generate import GenerateConfig, generate
from sekft.runs.merge import merge
from sekft.runs.rollout import RolloutConfig, roll
from sekft.runs.run import deliver
from sekft.runs.summary import summarise
from sekft.trajectory import Usage
from sekft.viewer.opening import opened
from tests import sets

pytest.importorskip("upath", reason="universal-pathlib comes with the extras dev and store")


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return sets.filled(tmp_path_factory)


@pytest.fixture
def address() -> Iterator[Path]:
    """A folder in fsspec's memory, empty before and after."""
    place = placed("memory://store/run")
    yield place
    cast(Any, place).fs.store.clear()


@pytest.fixture
def far(near: Layout, address: Path) -> Layout:
    """A copy of the ten scenarios and their sixty rollouts there."""
    merge([near.root], address, Lines())
    return Layout.of_run(address)


def texts(place: Path, pattern: str = "*.json") -> list[tuple[str, str]]:
    return [(each.name, each.text()) for each in entries(place, pattern)]


def test_an_address_is_what_it_looks_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pathlib's spelling of one is understood, a path of this machine stays what it is, an unknown store is refused."""
    assert is_remote(placed(Path("memory://store/run")))
    assert str(placed("memory://store/run") / "a") == "memory://store/run/a"
    monkeypatch.chdir(tmp_path)
    for name in ("run", "./s3", "a:b/c", str(tmp_path)):
        assert placed(name) == Path(name)
    with pytest.raises(UsageError, match="nosuch://bucket/run: cannot be reached: ValueError"):
        placed("nosuch://bucket/run")


def test_stages_fill_it_as_they_fill_a_disk(near: Layout, address: Path) -> None:
    """Scenarios and rollouts are the same to the byte, timings aside; what is there is not done again."""
    layout = Layout.of_run(address)
    drawing = GenerateConfig(n=sets.SCENARIOS, author="procedural", seed=sets.SEED)
    asyncio.run(generate(drawing, layout, Lines()))
    assert texts(layout.scenarios) == texts(near.scenarios)
    rolling = RolloutConfig(samples=1, operator="explorer")
    for samples in (1, 2):
        config = rolling.model_copy(update={"samples": samples})
        assert asyncio.run(roll(config, load_scenarios(address), layout, Lines())) == 0
    assert len(shards(layout.trajectories)) == 2
    made = {name: untimed(text) for name, text in texts(layout.trajectories, ROLLOUTS)}
    stored = {name: untimed(text) for name, text in texts(near.trajectories, ROLLOUTS)}
    assert made == {name: stored[name] for name in stored if name.endswith(("explorer-0.json", "explorer-1.json"))}
    assert not documents(layout.trajectories, ROLLOUTS)
    with pytest.raises(OtherSettings, match="seed was 11, now 12"):
        asyncio.run(generate(drawing.model_copy(update={"seed": 12}), layout, Lines()))


def untimed(text: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(text).items() if name != "timing"}


def test_commands_read_it(near: Layout, far: Layout, tmp_path: Path) -> None:
    """Audit, summary, pairs, rows and pages are those of the folder on the disk."""
    assert texts(far.trajectories, ROLLOUTS) == texts(near.trajectories, ROLLOUTS)
    assert audit(far).model_dump(exclude={"folder"}) == audit(near).model_dump(exclude={"folder"})
    summed = [summarise(each).model_dump(exclude={"folder", "times", "slowest", "look"}) for each in (near, far)]
    assert summed[0] == summed[1]
    for layout, out in ((near, tmp_path), (far, far.root)):
        pair(layout, None, Layout.of_stage(out / "pairs"), PairConfig(seed=3), Lines())
        sources = Sources.of(layout.root, None, out / "pairs")
        deliver(ExportConfig(to=("sft", "dpo"), format="jsonl"), sources, out / "export", Lines())
    for name in (
        "pairs/pairs.jsonl",
        "pairs/labels.jsonl",
        "export/sft/train/00000.jsonl",
        "export/dpo/train/00000.jsonl",
    ):
        assert (far.root / name).read_bytes() == (tmp_path / name).read_bytes()
    pages = opened([far.root]).pages
    assert pages.counts()["rollouts"] == 60
    pages.indexes.close()


def test_an_export_takes_the_place_of_the_one_before(far: Layout) -> None:
    """What the new one does not have is gone, and the manifest tells of what is there."""
    out = far.root / "export"
    for form in ("sharegpt", "sft"):
        deliver(ExportConfig(to=(form,), format="jsonl"), Sources.of(far.root), out, Lines())
    assert (out / "sft/train/00000.jsonl").is_file()
    assert not documents(out, "sharegpt/*/*")


def test_compact_merges_shards_there_and_takes_no_files(far: Layout) -> None:
    """Two writers' shards become one; single files are refused."""
    before = texts(far.trajectories, ROLLOUTS)
    for at in (0, 1):
        writer = ShardWriter(far.trajectories, live=True)
        for name, text in before[at::2]:
            writer.add(name, text)
        writer.close()
    assert compact(far.root, "shards", Lines()).moved["trajectories"] == 60
    assert len(shards(far.trajectories)) == 1
    assert texts(far.trajectories, ROLLOUTS) == before
    with pytest.raises(UsageError, match="takes shards alone"):
        compact(far.root, "files", Lines())


def test_two_commands_at_once_do_work_twice_and_break_nothing(far: Layout) -> None:
    """There is no lock: both write, and each document counts once."""
    with Folder(far.root).writing() as one, Folder(far.root).writing() as other:
        for folder in (one, other):
            folder.keep(far.trajectories, "a/b-0.json", '{"same": 1}')
            assert "a/b-0.json" not in dict(texts(far.trajectories, ROLLOUTS)), "counts once it is put"
    assert len(shards(far.trajectories)) == 3
    assert [name for name, _ in texts(far.trajectories, ROLLOUTS)].count("a/b-0.json") == 1


def test_a_shard_is_put_when_it_is_old(address: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is killed loses what is younger, and nothing else."""
    monkeypatch.setattr("sekft.folder.shard_writer.MOST_S", 0.0)
    writer = ShardWriter(address, live=True)
    for number in range(3):
        writer.add(f"{number}/a-0.json", "{}")
    writer._wait()
    assert [each.name for each in entries(address, ROLLOUTS)] == [f"{number}/a-0.json" for number in range(3)]
    writer.close()


def test_a_store_that_fails_is_told(address: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store says when a shard is put ends the command with its words."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("SlowDown: please reduce your request rate")

    monkeypatch.setattr(type(cast(Any, address).fs), "pipe_file", refuse)
    with pytest.raises(StoreError, match="RuntimeError: SlowDown"), Folder(address).writing() as folder:
        folder.keep(address / "trajectories", "a/b-0.json", "{}")


def test_answers_are_remembered_there(address: Path) -> None:
    """Two commands' answers and costs count together, and the next command finds both."""
    file = address / ".sekft" / JOURNAL
    for key in ("one", "two"):
        journal = Journal(file)
        assert journal.find(key) is None
        journal.add(key, "operator", None, Reply(f"text of {key}", Usage(requests=1, prompt_tokens=5)))
        journal.close()
    assert spent(file)["operator"].requests == 2
    journal = Journal(file)
    assert [journal.find(key).text for key in ("one", "two")] == ["text of one", "text of two"]  # type: ignore[union-attr]
    journal.close()


def test_rollouts_here_find_scenarios_there(far: Layout, tmp_path: Path) -> None:
    """The folder records the address, and every reader goes by it."""
    layout = Layout.of_stage(tmp_path / "rolled")
    scenarios = load_scenarios(far.root)[:2]
    config = RolloutConfig(samples=1, operator="reference")
    assert asyncio.run(roll(config, scenarios, layout, Lines(), far.root)) == 0
    assert json.loads((layout.root / ".sekft/sources.json").read_text()) == {"scenarios": [str(far.root)]}
    assert [each.scenario().id for each in layout.bundles()] == [each.id for each in scenarios]
    assert len(scenario_files(far.root)) == sets.SCENARIOS
