"""What commands over a whole folder cost: `python -m bench.export RUN [TRAJECTORIES [COMMAND…]]`.

Over 100,000 copies of a run's trajectories, if no other number is given. Each has an id of its own, and so has its
scenario. A command runs in a process of its own with its workers, over a tenth of the copies and then over all: memory
is flat where it does not grow between the two.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count, cycle
from pathlib import Path
from typing import Literal, NamedTuple

from bench.pipeline import Quiet
from sekft.dataset.export import ExportConfig, Sources, export
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.folder import Layout, workers
from sekft.folder.stored import Group, stored
from sekft.models.texts import EstimatedTokens
from sekft.quality.audit import audit
from sekft.runs.summary import summarise

TRAJECTORIES = 100_000


def copy(groups: Sequence[Group], into: Layout, trajectories: int) -> None:
    """So many trajectories in as many scenarios as that takes, all under new ids."""
    into.scenarios.mkdir(parents=True)
    texts = {one.trajectory.id: one.trajectory.to_json() for group in groups for one in group}
    left = trajectories
    for number, group in zip(count(), cycle(groups), strict=False):
        if not left:
            return
        scenario = group[0].scenario.sealed(seed=number, family=f"copy-{number}")
        (into.scenarios / f"{scenario.id}.json").write_text(scenario.to_json(), encoding="utf-8")
        place = into.trajectories / scenario.id
        place.mkdir(parents=True)
        for at, one in enumerate(each.trajectory for each in group[:left]):
            made = texts[one.id].replace(one.id, f"{number:08x}{at:08x}").replace(one.scenario_id, scenario.id)
            (place / f"{one.operator.kind}-{one.sample}.json").write_text(made, encoding="utf-8")
        left -= len(group[:left])


class Measured(NamedTuple):
    """By the clock; of processor time, with workers; the most that this process and that its largest worker held."""

    clock_s: float
    busy_s: float
    own_kib: int
    worker_kib: int


def measured(what: str, run: Path, out: Path) -> Measured:
    began, busy = time.monotonic(), busy_s()
    COMMANDS[what](run, out)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return Measured(time.monotonic() - began, busy_s() - busy, peak_kib(), largest)


def busy_s() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_kib() -> int:
    """Of this program alone: getrusage counts what its parent held when it forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def exported(run: Path, out: Path, form: Literal["parquet", "jsonl"], *names: str) -> None:
    export(ExportConfig(to=names, format=form), Sources.of(run), out, EstimatedTokens(), Quiet())


COMMANDS: Mapping[str, Callable[[Path, Path], object]] = {
    "audit": lambda run, _: audit(Layout.found(run)),
    "show": lambda run, _: summarise(Layout.found(run)),
    "pairs": lambda run, _: pair(Layout.found(run), None, Layout.found(run), PairConfig(), Quiet()),
    "export, sft as parquet": lambda run, out: exported(run, out, "parquet", "sft"),
    "export, sft as jsonl": lambda run, out: exported(run, out, "jsonl", "sft"),
    "export, dpo as parquet": lambda run, out: exported(run, out, "parquet", "dpo"),
}


def main(run: Path, trajectories: int = TRAJECTORIES, *chosen: str) -> None:
    """chosen: the commands, by their names in the table; all without any."""
    groups = list(stored(Layout.found(run)))
    print(f"{os.cpu_count()} processors, {workers.cores()} workers; load {os.getloadavg()[0]:.1f}")
    head = ("command", "trajectories", "a second", "a second of processor time", "memory, of a worker")
    print(f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", sep="\n")
    with tempfile.TemporaryDirectory(prefix="sekft-bench-") as scratch:
        for number in (trajectories // 10, trajectories):
            copies, out = Path(scratch) / str(number), Path(scratch) / "out"
            copy(groups, Layout.of_run(copies), number)
            for what in chosen or COMMANDS:
                with multiprocessing.get_context("spawn").Pool(1) as alone:
                    taken = alone.apply(measured, (what, copies, out))
                shutil.rmtree(out, ignore_errors=True)
                rates = f"{number / taken.clock_s:,.0f} | {number / taken.busy_s:,.0f}"
                memory = f"{taken.own_kib / 1024:.0f} and {taken.worker_kib / 1024:.0f} MiB"
                print(f"| {what} | {number:,} | {rates} | {memory} |", flush=True)
            shutil.rmtree(copies)
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else TRAJECTORIES, *sys.argv[3:])
