"""What is made of a whole folder is the same whatever the number of worker processes; so is what is said of a fault."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sekft.cli.running import Lines
from sekft.dataset.export import ExportConfig, Sources, export
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.errors import BundleError
from sekft.folder import Layout, workers
from sekft.folder.stored import stored
from sekft.models.texts import EstimatedTokens
from sekft.quality.audit import audit
from sekft.runs.summary import summarise
from tests import sets

FORMS = ("sft", "prompt_completion", "traces", "kto_whole", "dpo", "kto", "scenarios")
MEMORY_KIB = 12 << 10
"""What ten times the rollouts may take more, by process."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return sets.filled(tmp_path_factory)


def spread(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """From now on so many workers, from the first file on, each with a few files at a time."""
    monkeypatch.setattr(workers, "cores", lambda: number)
    monkeypatch.setattr(workers, "ALONE_S", 0)
    monkeypatch.setattr(workers, "WEIGHT", 7)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".sekft" not in path.parts
    }


def all_made(run: Layout, out: Path) -> dict[str, str]:
    """Everything that commands make of a whole folder, as digests."""
    pairs = pair(run, None, Layout.of_stage(out / "pairs"), PairConfig(), Lines())
    sources = Sources.of(run.root, pairs=out / "pairs")
    export(ExportConfig(to=FORMS, shard_rows=50), sources, out / "parquet", EstimatedTokens(), Lines())
    lines = ExportConfig(to=("sft", "dpo"), format="jsonl", recovered_share=0.5)
    export(lines, sources, out / "jsonl", EstimatedTokens(), Lines())
    texts = {"audit": audit(run), "summary": summarise(run), "pairs": pairs}
    told = {name: hashlib.sha256(report.to_json().encode()).hexdigest() for name, report in texts.items()}
    return told | digests(out)


def test_workers_change_no_byte(run: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process and one with two workers give the same pairs, rows, figures and summary."""
    found = {}
    for number in (0, 2):
        spread(monkeypatch, number)
        found[number] = all_made(run, tmp_path / str(number))
    assert len(found[0]) > 20
    assert found[0] == found[2]


def faults(run: Layout, out: Path) -> list[str]:
    """What each command says of a folder with a broken file."""
    commands: list[Callable[[], object]] = [
        lambda: audit(run),
        lambda: summarise(run),
        lambda: pair(run, None, Layout.of_stage(out / "pairs"), PairConfig(), Lines()),
        lambda: export(ExportConfig(to=("sft",)), Sources.of(run.root), out / "data", EstimatedTokens(), Lines()),
    ]
    said = []
    for command in commands:
        with pytest.raises(BundleError) as raised:
            command()
        said.append(str(raised.value))
    return said


def test_a_broken_file_is_named_as_in_one_process(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker's message is the message of the command: the file, the field, what was seen and what was wanted."""
    run = sets.filled(tmp_path_factory)
    broken = sorted(run.trajectories.glob("*/*.json"))[40]
    broken.write_text(broken.read_text().replace('"seed"', '"sead"'))
    said = []
    for number in (0, 2):
        spread(monkeypatch, number)
        said.append(faults(run, tmp_path / str(number)))
    assert said[0] == said[1]
    assert all(message.startswith(f"{broken}: ") for message in said[0])


def copied(run: Layout, root: Path, times: int) -> Path:
    """So many copies of every scenario and its rollouts, under other ids."""
    layout = Layout.of_run(root)
    layout.scenarios.mkdir(parents=True)
    for number in range(times):
        for at, group in enumerate(stored(run)):
            scenario = group[0].scenario.sealed(seed=1000 * number + at, family=f"copy-{number}-{at}")
            (layout.scenarios / f"{scenario.id}.json").write_text(scenario.to_json())
            place = layout.trajectories / scenario.id
            place.mkdir(parents=True)
            for one in (each.trajectory for each in group):
                text = one.to_json().replace(one.scenario_id, scenario.id)
                text = text.replace(one.id, f"{number:08x}{at:04x}{one.sample:04x}")
                (place / f"{one.operator.kind}-{one.sample}.json").write_text(text)
    return root


PEAK = """
import resource, sys
from pathlib import Path
from sekft.folder import workers
workers.cores, workers.ALONE_S = lambda: 2, 0.2
from sekft.cli.running import Lines
from sekft.dataset.export import ExportConfig, Sources, export
from sekft.folder import Layout
from sekft.models.texts import EstimatedTokens
from sekft.quality.audit import audit
from sekft.runs.summary import summarise
run, out = map(Path, sys.argv[1:])
audit(Layout.found(run))
summarise(Layout.found(run))
export(ExportConfig(to=("sft",), format="jsonl"), Sources.of(run), out, EstimatedTokens(), Lines())
own = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
print(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_rollouts(run: Layout, tmp_path: Path) -> None:
    """Audit, summary and export of ten times the rollouts take no more, in this process and in the largest worker."""
    peaks = []
    for times in (2, 20):
        root = copied(run, tmp_path / str(times), times)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", PEAK, str(root), str(tmp_path / f"data-{times}")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        peaks.append([int(peak) for peak in done.stdout.split()])
    (few, few_in_worker), (many, many_in_worker) = peaks
    assert many < few + MEMORY_KIB, peaks
    assert many_in_worker < (few_in_worker or many) + MEMORY_KIB, (
        peaks
    )  # few are done without workers on a quick machine
