"""What many trajectories cost in files and in shards: `python -m bench.store RUN [TRAJECTORIES [RESUMED]]`.

Copies of a run's rollouts, kept and failed, each under an id of its own, SAMPLES of each scenario: RESUMED of them in
files and in shards, a tenth of TRAJECTORIES and all of them in shards. What is measured runs in a process of its own,
and its workers count; memory is flat where it does not grow from the tenth to all.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

from bench.export import busy_s, peak_kib
from bench.pipeline import Quiet
from sekft.dataset.export import ExportConfig, Sources, export
from sekft.folder import MANY, ROLLOUTS, Folder, Layout
from sekft.folder.entries import Held
from sekft.folder.shards import laid_out, line_of, shards
from sekft.folder.stored import Group, stored
from sekft.models.texts import EstimatedTokens
from sekft.runs.rollout import Roller, RolloutConfig, roll, stored_scenarios
from sekft.trajectory import Trajectory

TRAJECTORIES, RESUMED, SAMPLES = 1_000_000, 100_000, 50


class Template:
    """A stored rollout of which copies are made by replacing what names it."""

    def __init__(self, one: Trajectory) -> None:
        self._line, self._one = line_of(one.to_json()), one

    def line(self, scenario_id: str, number: int, sample: int) -> bytes:
        then = {"id": self._one.id, "scenario_id": self._one.scenario_id, "sample": self._one.sample}
        now = {"id": f"{number:08x}{sample:08x}", "scenario_id": scenario_id, "sample": sample}
        return self._line.replace(_begins(then), _begins(now), 1)


def _begins(fields: dict[str, object]) -> bytes:
    return line_of(json.dumps(fields))[1:-2]


def fill(root: Path, groups: Sequence[Group], trajectories: int, *, sharded: bool) -> None:
    """A run folder as rollouts leave it; files without fsync, which is the disk's to measure."""
    layout, left = Layout.of_run(root), trajectories
    templates = [(group[0].scenario, cycle([Template(one.trajectory) for one in group])) for group in groups]
    with Folder(root).writing() as folder:
        folder.expect(MANY + sharded, live=False)
        folder.settle("rollout-explorer", Roller(_config()).settings(layout))
        for number, (scenario, rollouts) in zip(count(), cycle(templates), strict=False):
            if left <= 0:
                return
            copied = scenario.sealed(seed=number, family=f"copy-{number}")
            _put(folder, layout.scenarios, f"{copied.id}.json", line_of(copied.to_json()), sharded)
            for sample, one in zip(range(min(left, SAMPLES)), rollouts, strict=False):
                name = f"{copied.id}/explorer-{sample}.json"
                _put(folder, layout.trajectories, name, one.line(copied.id, number, sample), sharded)
            left -= SAMPLES


def _put(folder: Folder, place: Path, name: str, line: bytes, sharded: bool) -> None:
    if sharded:
        folder.writer(place).add(name, line, is_line=True)
    else:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(laid_out(line), encoding="utf-8")


def _config() -> RolloutConfig:
    return RolloutConfig(samples=SAMPLES, operator="explorer", concurrency=1)


class _Begun(Exception):
    """The first rollout of a resumed command begins."""


def resume(root: Path) -> int:
    """Until a rollout begins: one is lacking, of the last scenario."""

    async def begun(*_: Any) -> None:
        raise _Begun

    Roller.roll = begun  # type: ignore[method-assign,assignment]
    try:
        asyncio.run(roll(_config(), stored_scenarios(root), Layout.of_run(root), Quiet()))
    except _Begun:
        return 1
    raise AssertionError("nothing was left to do")


def listed(root: Path) -> int:
    return sum(1 for _ in Layout.of_run(root).rollouts())


def looked_up(root: Path) -> int:
    """Names of which it is asked whether they are there, as a command does that resumes."""
    layout = Layout.of_run(root)
    held = Held(layout.trajectories, ROLLOUTS)
    return sum(
        f"{entry.stem}/explorer-{sample}.json" in held for entry in layout.bundles() for sample in range(SAMPLES)
    )


def filtered(root: Path) -> int:
    """Rollouts whose outcome is one of two, read one by one."""
    outcomes = ("solved", "idle")
    return sum(entry.trajectory().outcome in outcomes for entry in Layout.of_run(root).rollouts())


def exported(root: Path) -> int:
    """Rollouts that an export went through, kept or not."""
    with tempfile.TemporaryDirectory(dir=root.parent) as out:
        made = export(ExportConfig(to=("sft",)), Sources.of(root), Path(out), EstimatedTokens(), Quiet())
    return made.funnel[0].passed


def measured(work: Callable[[], int]) -> tuple[float, float, int, int]:
    """CPU seconds, with workers, and wall seconds; the most KiB that this process and that its largest worker held."""
    wall, cpu = time.monotonic(), busy_s()
    work()
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return busy_s() - cpu, time.monotonic() - wall, peak_kib(), largest


def row(what: str, total: int, work: Callable[[], int]) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as alone:
        cpu, wall, own, largest = alone.apply(measured, (work,))
    rate = f"{total / cpu:,.0f}" if total else ""
    memory = f"{own / 1024:.0f} and {largest / 1024:.0f} MiB" if largest else f"{own / 1024:.0f} MiB"
    print(f"| {what} | {cpu:.2f} | {wall:.2f} | {rate} | {memory} |", flush=True)


def lack_one(root: Path) -> None:
    """Take the last rollout away: the one that a resumed command has to do."""
    layout = Layout.of_run(root)
    *_, last = layout.rollouts()
    if last.shard is None:
        last.path.unlink()
        return
    body, index = last.shard.body, last.shard.body.with_name(last.shard.body.name.removesuffix(".jsonl.gz") + ".tsv")
    lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(b"".join(lines[:-1]))
    assert body.exists()


def size(root: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in root.rglob(pattern) if path.is_file())


def main(run: Path, trajectories: int = TRAJECTORIES, resumed: int = RESUMED) -> None:
    groups = list(islice(stored(Layout.found(run)), 100))
    print(f"{os.cpu_count()} processors; load {os.getloadavg()[0]:.1f}")
    print("| what | CPU s | wall s | a CPU second | peak memory, of a worker |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="sekft-bench-", dir=run.resolve().parent) as scratch:
        for sharded in (False, True):
            form, root = "shards" if sharded else "files", Path(scratch) / "resumed"
            fill(root, groups, resumed, sharded=sharded)
            lack_one(root)
            row(f"resume {resumed:,} in {form}, until a rollout begins", 0, partial(resume, root))
            shutil.rmtree(root)
        for number in (trajectories // 10, trajectories):
            root = Path(scratch) / "many"
            began = time.process_time()
            fill(root, groups, number, sharded=True)
            taken, place = time.process_time() - began, root / "trajectories"
            print(f"| write {number:,} into {len(shards(place))} shards | {taken:.2f} | | {number / taken:,.0f} | |")
            for what, work in (("list", listed), ("look up", looked_up), ("filter", filtered), ("export", exported)):
                row(f"{what} {number:,}", number, partial(work, root))
            bodies, indexes = (size(place, kind) / number for kind in ("*.gz", "*.tsv"))
            print(f"| bytes a trajectory: {bodies:,.0f}, and {indexes:,.0f} of index | | | | |", flush=True)
            shutil.rmtree(root)
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:4]))
