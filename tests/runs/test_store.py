"""A folder reads the same whether its documents lie in files or in shards, through kills and with several writers."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekft.cli.running import Lines
from sekft.dataset.export import ExportConfig, Sources, export
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.errors import BundleError, OtherSettings, UsageError
from sekft.folder import ROLLOUTS, Folder, Layout, documents
from sekft.folder.entries import Finder, Held, entries, entry_at
from sekft.folder.shard_writer import ShardWriter
from sekft.folder.shards import SHARDS, index_of, shards
from sekft.models.texts import EstimatedTokens
from sekft.quality.audit import audit
from sekft.runs.compact import Form, compact
from sekft.runs.library import find_recorded
from sekft.runs.merge import merge
from sekft.runs.rollout import StoredScenarios
from sekft.runs.summary import summarise
from sekft.viewer.opening import opened
from tests import sets
from tests.commands import forked

NAMES = st.lists(
    st.builds(
        "{}/{}-{}.json".format, st.text("ab-0", min_size=1, max_size=3), st.sampled_from("kl"), st.integers(0, 3)
    ),
    unique=True,
    max_size=24,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Ten scenarios with six rollouts each, every document in a file of its own."""
    return sets.filled(tmp_path_factory)


@pytest.fixture(scope="module")
def mixed(files: Layout, tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """The same in files, in two writers' shards, and some of it in both; one shard has lost its index."""
    layout = Layout.of_run(Path(shutil.copytree(files.root, tmp_path_factory.mktemp("mixed") / "run")))
    rng = random.Random(5)
    for place, pattern in ((layout.scenarios, "*.json"), (layout.trajectories, ROLLOUTS)):
        writers = [ShardWriter(place, live=live) for live in (True, False)]
        for path in documents(place, pattern):
            homes = rng.sample(range(3), rng.choice((1, 1, 2)))
            for home in (home for home in homes if home < len(writers)):
                writers[home].add(str(path.relative_to(place)), path.read_bytes())
            if 2 not in homes:
                path.unlink()
        for writer in writers:
            writer.close()
        index_of(shards(place)[0].body).unlink()
    return layout


def told(layout: Layout, tmp_path: Path) -> dict[str, object]:
    """What the stages make of a folder, its own name aside."""
    place = tmp_path / layout.root.parent.name
    report = pair(layout, None, Layout.of_stage(place / "pairs"), PairConfig(seed=3), Lines())
    to = ("sft", "dpo", "kto", "scenarios")
    exporting = ExportConfig(to=to, format="jsonl", per_scenario=2)
    export(exporting, Sources.of(layout.root, None, place / "pairs"), place / "export", EstimatedTokens(), Lines())
    rows = {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*.jsonl"))}
    audited = audit(layout).model_dump(exclude={"folder"})
    summed = summarise(layout).model_dump(exclude={"folder", "times", "slowest"})
    summed["look"] = [line.replace(str(layout.root), "RUN") for line in summed["look"]]
    replayed = [
        (str(path.relative_to(layout.root)), one, where.id) for path, one, where in find_recorded(layout.root, None)
    ]
    scenarios = StoredScenarios(layout.root)
    pages = opened([layout.root]).pages
    listed = [
        tuple(row)[2:] for row in pages.indexes.ask("SELECT run, file, place, id, outcome FROM rollouts ORDER BY place")
    ]
    pages.indexes.close()
    return {
        "pairs": report.pairs, "rows": rows, "audit": audited, "summary": summed, "replayed": replayed,
        "ids": scenarios.ids, "scenarios": list(scenarios), "listed": listed,
    }  # fmt: skip


def test_a_mixed_folder_is_read_as_one_of_files(files: Layout, mixed: Layout, tmp_path: Path) -> None:
    """Audit, summary, pairs, rows, replays and pages are the same to the byte."""
    assert documents(mixed.trajectories, ROLLOUTS) != documents(files.trajectories, ROLLOUTS)
    assert len(shards(mixed.trajectories)) == 2
    expected, found = told(files, tmp_path), told(mixed, tmp_path)
    for name, value in expected.items():
        assert found[name] == value, name


@pytest.mark.parametrize("as_json", [False, True])
def test_show_takes_what_lies_in_a_shard(files: Layout, mixed: Layout, as_json: bool) -> None:
    """By the path that its file would have, by the beginning of its id, and by the folder of its scenario."""
    entry = next(each for each in entries(mixed.trajectories, ROLLOUTS) if each.shard)
    scenario = next(each for each in entries(mixed.scenarios) if each.shard)
    names = [
        f"trajectories/{entry.name}",
        f"scenarios/{scenario.name[:9]}",
        f"trajectories/{entry.name.partition('/')[0]}",
    ]
    for name in names[: 2 if as_json else 3]:
        shown = [forked("show", layout.root / name, *["--json"] * as_json) for layout in (files, mixed)]
        assert [each.returncode for each in shown] == [0, 0], shown[1].stderr
        then, now = (each.stdout.replace(str(at.root), "RUN") for each, at in zip(shown, (files, mixed), strict=True))
        assert now == then


def test_compact_and_back_gives_the_same_bytes(files: Layout, tmp_path: Path) -> None:
    """Shards take the place of every file, and files take theirs again; a second time changes nothing."""
    root = Path(shutil.copytree(files.root, tmp_path / "run"))
    before = contents(root)
    made = compact(root, "shards", Lines())
    assert made.moved == made.documents == {"scenarios": 10, "trajectories": 60}
    assert not documents(root / "trajectories", ROLLOUTS)
    assert [path.name for path in (root / "trajectories").iterdir()] == [SHARDS]
    assert compact(root, "shards", Lines()).moved == {"scenarios": 0, "trajectories": 0}
    assert compact(root, "files", Lines()).moved == made.documents
    assert contents(root) == before


def contents(root: Path) -> dict[str, bytes]:
    inside = (path for path in root.rglob("*") if path.is_file() and ".sekft" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in inside}


def test_compact_makes_few_shards_of_many(mixed: Layout, tmp_path: Path) -> None:
    """Files and shards of several writers become one shard in the order of the names, each document once."""
    root = Path(shutil.copytree(mixed.root, tmp_path / "run"))
    compact(root, "shards", Lines())
    (shard,) = shards(root / "trajectories")
    names = [record.key for record in shard.since()]
    offsets = [record.offset for record in shard.since()]
    assert len(names) == len(set(names)) == 60
    assert (names, offsets) == (sorted(names), sorted(offsets))


def test_what_is_no_json_stays_a_file(files: Layout, tmp_path: Path) -> None:
    """A broken document is told and left where it is; the others move."""
    root = Path(shutil.copytree(files.root, tmp_path / "run"))
    broken = documents(root / "trajectories", ROLLOUTS)[7]
    broken.write_text("{")
    made = compact(root, "shards", Lines())
    assert made.left == [str(broken)]
    assert made.moved["trajectories"] == 59
    assert documents(root / "trajectories", ROLLOUTS) == [broken]


@settings(max_examples=60, deadline=None)
@given(names=NAMES, seed=st.integers(0, 10**6))
def test_every_name_is_found_once_and_in_order(
    names: list[str], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever lies where: a file counts before a shard, an earlier shard before a later one."""
    place, rng = tmp_path_factory.mktemp("mix"), random.Random(seed)
    writers = sorted((ShardWriter(place, live=rng.random() < 0.5) for _ in range(3)), key=lambda each: each._body)
    expected: dict[str, int] = {}
    with Folder(place).writing() as folder:
        for name in rng.sample(names, len(names)):
            homes = sorted(rng.sample(range(4), rng.randint(1, 4)))
            for home in homes:
                text = json.dumps({"home": home})
                folder.write(place / name, text) if home == 0 else writers[home - 1].add(name, text)
            expected[name] = homes[0]
        for writer in writers:
            writer.close() if rng.random() < 0.8 or not writer._live else None
        found = list(entries(place, ROLLOUTS))
        assert [each.name for each in found] == sorted(expected, key=lambda name: name.split("/"))
        assert {each.name: json.loads(each.line())["home"] for each in found} == expected
        find, held = Finder(place), Held(place, ROLLOUTS)
        for name in expected:
            assert name in held
            assert (entry := find(name)) is not None
            assert json.loads(entry.text())["home"] == expected[name]
            below = entries(place, ROLLOUTS, name[:-6])
            assert name in [each.name for each in below]
        assert find("a/z-9.json") is None
        for writer in writers:
            writer.close()


def test_a_long_index_is_searched_and_read_in_blocks(tmp_path: Path) -> None:
    """Names at both ends of every block of a large index are found, and those between them are not."""
    writer = ShardWriter(tmp_path, live=False)
    names = [f"{number:016x}/explorer-{number % 3}.json" for number in range(0, 6000, 2)]
    for name in random.Random(1).sample(names, len(names)):
        writer.add(name, "{}")
    writer.close()
    assert [each.name for each in entries(tmp_path, ROLLOUTS)] == names
    find = Finder(tmp_path)
    assert all(find(name) for name in names)
    assert not any(find(f"{number:016x}/explorer-0.json") for number in range(1, 6000, 2))
    assert [each.name for each in entries(tmp_path, ROLLOUTS, f"{2998:016x}/")] == [names[1499]]
    lines = subprocess.run(["zcat", shards(tmp_path)[0].body], capture_output=True, check=True).stdout
    assert lines == b"{}\n" * len(names)


KILLED = """
import sys
from pathlib import Path
from sekft.folder import Folder
root = Path(sys.argv[1])
with Folder(root).writing() as folder:
    folder.expect(10**6)
    for number in range(10**6):
        text = '{"number": %d, "text": "%s"}' % (number, "x" * 999)
        folder.keep(root / "trajectories", f"{number:016x}/explorer-0.json", text)
        print(number, flush=True)
"""


def test_what_was_confirmed_outlives_a_kill(tmp_path: Path) -> None:
    """A writer dies by SIGKILL, its last member torn: what it confirmed is read; the next writer seals the shard."""
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        confirmed = [int(writer.stdout.readline()) for _ in range(50)]
        writer.send_signal(signal.SIGKILL)
        confirmed += map(int, writer.stdout.read().split())
    (shard,) = shards(tmp_path / "trajectories")
    assert not shard.sealed
    with shard.body.open("ab") as file:
        file.write(shard.body.read_bytes()[:100])
    read = [json.loads(each.line())["number"] for each in entries(tmp_path / "trajectories", ROLLOUTS)]
    assert read[: len(confirmed)] == confirmed
    assert len(read) <= len(confirmed) + 1
    with Folder(tmp_path).writing():
        pass
    (shard,) = shards(tmp_path / "trajectories")
    assert shard.sealed
    assert [json.loads(each.line())["number"] for each in entries(tmp_path / "trajectories", ROLLOUTS)] == read


COMPACTING = """
import sys
from pathlib import Path
from sekft.cli.running import Lines
from sekft.runs.compact import Form, compact
print(flush=True)
compact(Path(sys.argv[1]), sys.argv[2], Lines())
"""
FORMS: tuple[Form, ...] = ("shards", "files")


def test_a_kill_in_the_middle_of_compact_loses_nothing(files: Layout, tmp_path: Path) -> None:
    """However far it came, the folder reads as before, and the same command ends it."""
    expected = [(each.name, each.text()) for each in entries(files.trajectories, ROLLOUTS)]
    for delay_s in (0.0, 0.005, 0.02, 0.05):
        root = Path(shutil.copytree(files.root, tmp_path / str(delay_s)))
        layout = Layout.of_run(root)
        for form in FORMS:
            command = [sys.executable, "-c", COMPACTING, str(root), form]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as working:
                assert working.stdout
                working.stdout.readline()
                time.sleep(delay_s)
                working.send_signal(signal.SIGKILL)
            assert [(each.name, each.text()) for each in entries(layout.trajectories, ROLLOUTS)] == expected
            compact(root, form, Lines())
            assert [(each.name, each.text()) for each in entries(layout.trajectories, ROLLOUTS)] == expected
            assert bool(documents(layout.trajectories, ROLLOUTS)) == (form == "files")


def test_two_writers_at_once_break_nothing(tmp_path: Path) -> None:
    """Where a file system has no locks, two commands write the same names: each document is there once."""
    place = tmp_path / "trajectories"
    names = [f"{number:016x}/explorer-0.json" for number in range(40)]
    writers = [ShardWriter(place, live=True), ShardWriter(place, live=True)]
    for name in names:
        for writer in writers:
            writer.add(name, '{"same": 1}')
        assert [each.name for each in entries(place, ROLLOUTS)] == names[: names.index(name) + 1]
    for writer in writers:
        writer.close()
    assert len(shards(place)) == 2
    assert [each.name for each in entries(place, ROLLOUTS)] == names


def test_a_full_shard_gives_way_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each shard but the last is sealed while the writer goes on."""
    monkeypatch.setattr("sekft.folder.shard_writer.MOST_RECORDS", 4)
    writer = ShardWriter(tmp_path, live=True)
    for number in range(10):
        writer.add(f"{number}/a-0.json", "{}")
    assert [shard.sealed for shard in shards(tmp_path)] == [True, True, False]
    writer.close()
    assert [sum(1 for _ in shard.since()) for shard in shards(tmp_path)] == [4, 4, 2]


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    """A document that cannot be read names its shard and its place in it."""
    writer = ShardWriter(tmp_path, live=False)
    writer.add("a/b-0.json", '{"text": "%s"}' % ("x" * 500))
    writer.close()
    body = shards(tmp_path)[0].body
    body.write_bytes(body.read_bytes()[:-12] + b"\0" * 12)
    with pytest.raises(BundleError, match=rf"{body.name}: a/b-0.json: \d+ bytes at 0 cannot be read"):
        entry_at(tmp_path / "a" / "b-0.json").line()  # type: ignore[union-attr]


def halves(files: Layout, tmp_path: Path) -> list[Path]:
    """Two folders that overlap: the scenarios are the same, the rollouts in part."""
    roots = [Path(shutil.copytree(files.root, tmp_path / name)) for name in ("a", "b")]
    paths = documents(files.trajectories, ROLLOUTS)
    for root, gone in zip(roots, (paths[:25], paths[40:]), strict=True):
        for path in gone:
            (root / path.relative_to(files.root)).unlink()
    return roots


@pytest.mark.parametrize("sharded", [(), (0,), (0, 1)])
def test_merge_gives_the_whole(files: Layout, tmp_path: Path, sharded: tuple[int, ...]) -> None:
    """Overlapping folders, in files or in shards, give the bytes of the folder of which they are parts, twice."""
    roots = halves(files, tmp_path)
    for at in sharded:
        compact(roots[at], "shards", Lines())
    for _ in range(2):
        made = merge(roots, tmp_path / "both", Lines())
        assert made.documents == {"scenarios": 10, "trajectories": 60}
        assert made.differing == 0
    assert contents(tmp_path / "both") == contents(files.root)
    assert (tmp_path / "both/.sekft/generate.json").read_bytes() == (files.root / ".sekft/generate.json").read_bytes()


def test_merge_lists_what_differs(files: Layout, tmp_path: Path) -> None:
    """Another timing is no difference; another outcome is listed, and the folder that was named first counts."""
    roots = halves(files, tmp_path)
    names = [path.relative_to(files.root) for path in documents(files.trajectories, ROLLOUTS)[30:32]]
    for name, changes in zip(names, ({"timing": {"wall_s": 9.0}}, {"outcome": "harmful"}), strict=True):
        path = roots[1] / name
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    done = forked("merge", *roots, "--out", tmp_path / "both", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["conflicts"] == [str(roots[1] / names[1])]
    assert contents(tmp_path / "both") == contents(files.root)


def test_merge_refuses_other_settings(files: Layout, tmp_path: Path) -> None:
    """What differs is named before anything is written; counts may differ, and the largest is recorded."""
    roots = halves(files, tmp_path)
    record = roots[1] / ".sekft" / "rollout-explorer.json"
    body = json.loads(record.read_text())
    record.write_text(json.dumps(body | {"max_turns": 12}))
    with pytest.raises(OtherSettings, match="rollout-explorer: made with other settings: max_turns is 40 and 12"):
        merge(roots, tmp_path / "both", Lines())
    assert not (tmp_path / "both").exists()
    record.write_text(json.dumps(body | {"samples": 9}))
    merge(roots, tmp_path / "both", Lines())
    assert json.loads((tmp_path / "both/.sekft/rollout-explorer.json").read_text())["samples"] == 9


def test_the_commands_refuse_what_holds_nothing(tmp_path: Path) -> None:
    """An empty folder is named."""
    for refused in (lambda: compact(tmp_path, "shards", Lines()), lambda: merge([tmp_path], tmp_path / "x", Lines())):
        with pytest.raises(UsageError, match="holds no scenarios"):
            refused()


def test_pages_follow_a_folder_into_shards(files: Layout, tmp_path: Path) -> None:
    """An index of files is right again once the same rollouts lie in shards, and the other way round."""
    root = Path(shutil.copytree(files.root, tmp_path / "run"))
    seen = []
    for form in (None, "shards", "files"):
        if form:
            compact(root, "shards" if form == "shards" else "files", Lines())
        pages = opened([root]).pages
        seen.append([tuple(row) for row in pages.indexes.ask("SELECT place, id, outcome FROM rollouts ORDER BY place")])
        pages.indexes.close()
    assert len(seen[0]) == 60
    assert seen[0] == seen[1] == seen[2]
