"""What an export costs: `python -m bench.export RUN [TRAJECTORIES]`, 100,000 copies of a run's kept ones.

Each copy has an id of its own, and so has its scenario. The export runs in a process of its own, over a tenth of the
copies and then over all: memory is flat where it does not grow between the two.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import count, cycle
from pathlib import Path
from typing import Literal

from bench.pipeline import Quiet
from sekft.dataset.export import ExportConfig, Sources, export
from sekft.dataset.select import SelectConfig, Selection
from sekft.folder import Layout
from sekft.folder.stored import Group, stored
from sekft.models.texts import EstimatedTokens

TRAJECTORIES = 100_000
SAMPLES = 20
"""Of one scenario: so that files, not folders, are what is counted."""


def copy(groups: Sequence[Group], into: Layout, trajectories: int) -> None:
    """So many trajectories in as many scenarios as that takes, all under new ids."""
    into.scenarios.mkdir(parents=True)
    left = trajectories
    for number, group in zip(count(), cycle(groups), strict=False):
        if not left:
            return
        scenario = group[0].scenario.sealed(seed=number, family=f"copy-{number}")
        (into.scenarios / f"{scenario.id}.json").write_text(scenario.to_json(), encoding="utf-8")
        place = into.trajectories / scenario.id
        place.mkdir(parents=True)
        for sample, one in zip(range(min(left, SAMPLES)), cycle(group), strict=False):
            told = {"id": f"{number:08x}{sample:08x}", "scenario_id": scenario.id, "sample": sample}
            made = one.trajectory.model_copy(update=told)
            (place / f"explorer-{sample}.json").write_text(made.to_json(), encoding="utf-8")
            left -= 1


def measured(run: Path, out: Path, form: Literal["parquet", "jsonl"]) -> tuple[float, int, int, int]:
    """Seconds, rows, bytes written, and the most memory held, in KiB, with the interpreter and its libraries."""
    began = time.monotonic()
    config = ExportConfig(to=("sft",), format=form)
    made = export(config, Sources.of(run), out, EstimatedTokens(), Quiet())
    taken = time.monotonic() - began
    return taken, sum(part.rows for part in made.parts), sum(part.size_bytes for part in made.parts), peak_kib()


def peak_kib() -> int:
    """Of this program alone: getrusage counts what its parent held when it forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def main(run: Path, trajectories: int = TRAJECTORIES) -> None:
    kept = list(Selection(SelectConfig(), EstimatedTokens(), kept=True)(stored(Layout.found(run))))
    print(f"{os.cpu_count()} processors; load {os.getloadavg()[0]:.1f}")
    print("| trajectories | format | rows a second | MB | peak memory |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="sekft-bench-") as scratch:
        for number in (trajectories // 10, trajectories):
            copies = Path(scratch) / str(number)
            copy(kept, Layout.of_run(copies), number)
            for form in ("parquet", "jsonl"):
                with multiprocessing.get_context("spawn").Pool(1) as alone:
                    taken, rows, size, peak = alone.apply(measured, (copies, Path(scratch) / form, form))
                shutil.rmtree(Path(scratch) / form)
                told = f"{rows:,} | {form} | {rows / taken:,.0f} | {size / 1e6:.0f} | {peak / 1024:.0f} MiB"
                print(f"| {told} |", flush=True)
            shutil.rmtree(copies)
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
