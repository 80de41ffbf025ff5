"""How the rate grows with worker processes and with nodes, and where the curve bends.

    python -m bench.engines [--n 40] [--samples 4] [--python PYTHON]

Each way is pinned to processors by taskset, and the ways take turns. Beside the rates stands processor time: of the
driver, which does one thing at a time, and of everything for one item. From these follows where more cores stop to
help: the driver's time for a result bounds the rate, whatever the workers do. With --python, an interpreter that has
Ray, nothing but two nodes in network namespaces, a core each, are compared with one (as root).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sekft.folder import Folder, Layout, documents
from sekft.protocols import ModelClient
from sekft.runs.engines.processes import ProcessesEngine
from sekft.runs.rollout import Landed, RolloutJob, StoredScenarios
from tests.cluster import Cluster

WAIT_S = 0.5
DRIVEN = 3000
TIMED = """
import json, resource, sys
from sekft.cli import main
from sekft.sandboxes.fork_server import close_all
try:
    main()
finally:
    close_all()
    own, below = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    times = [round(each.ru_utime + each.ru_stime, 3) for each in (own, below)]
    print("\\n" + json.dumps(times), file=sys.stderr)
"""
"""`sekft`, with the processor seconds of the driver and of all that it started as its last line."""


@dataclass(frozen=True)
class Measured:
    """Seconds for so many items. driver_s, below_s: processor time of the driver, start included, and of the rest."""

    items: int
    wall_s: float
    driver_s: float
    below_s: float

    @property
    def rate(self) -> float:
        return self.items / self.wall_s


def measured(command: Sequence[str | Path], out: Path, pattern: str, cores: str, **changes: str) -> Measured:
    began = time.monotonic()
    words = ["taskset", "-c", cores, sys.executable, "-c", TIMED, *map(str, command), "--out", str(out)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, **changes})
    wall_s, (own_s, below_s) = time.monotonic() - began, json.loads(done.stderr.splitlines()[-1])
    return Measured(len(documents(out, pattern)), wall_s, own_s, below_s)


def one_machine(n: int, samples: int, folder: Path) -> None:
    """Authoring and rollouts, by number of cores and engine."""
    scenarios, turn = folder / "scenarios", iter(range(1000))
    author = authored(n, scenarios)
    act = ("rollout", "--scenarios", scenarios, "--samples", str(samples), "--operator", "explorer")
    print(f"{'work':9} {'engine':10} {'cores':6} {'a second':>8} {'driver ms':>9} {'all ms':>7}")
    for name, command, pattern in (("authoring", author, "*.json"), ("rollouts", act, "*/*.json")):
        for cores, engine in (("0", "local"), ("0", "processes"), ("0,1", "local"), ("0,1", "processes")):
            words = (*command, "--engine", engine)
            seen = measured(words, folder / f"{name}-{next(turn)}", pattern, cores)
            empty = measured((*words, *idle(name)), folder / f"{name}-{next(turn)}", pattern, cores)
            tell(name, engine, cores, seen, empty)


def authored(n: int, scenarios: Path) -> Sequence[str]:
    """Scenarios to act in; the command that gave them, without its folder."""
    author = ("generate", "--n", str(n), "--seed", "5")
    measured(author, scenarios, "*.json", "0,1")
    return author


def idle(name: str) -> tuple[str, ...]:
    """Options with which next to nothing is done: what is left is the start and the summary."""
    return ("--n", "1") if name == "authoring" else ("--samples", "1")


def tell(name: str, engine: str, cores: str, seen: Measured, empty: Measured) -> None:
    """Per item beyond what a command with fewer takes."""
    items = seen.items - empty.items
    rate = items / max(1e-9, seen.wall_s - empty.wall_s)
    driver_ms = 1000 * (seen.driver_s - empty.driver_s) / items
    all_ms = driver_ms + 1000 * (seen.below_s - empty.below_s) / items
    print(f"{name:9} {engine:10} {len(cores.split(',')):6} {rate:8.1f} {driver_ms:9.2f} {all_ms:7.1f}", flush=True)


class Echo:
    """A task that costs its workers nothing: what is left is the driver's part. text: a recorded rollout."""

    endpoint: ModelClient | None = None
    sandbox: str | None = None
    spreads = True
    tell: Callable[[Any], None] = print

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.text,)

    async def do(self, item: RolloutJob) -> Landed:
        return Landed(item.scenario.id, "solved", True, None, self.text, {}, False)

    def lost(self, item: RolloutJob, why: str) -> Landed:
        raise SystemExit(why)


async def driven(scenarios: Path, rollouts: Path, most: int, folder: Path) -> float:
    """Processor milliseconds of the driver for a rollout: reading its scenario, sending it, writing the result."""
    stored = StoredScenarios(scenarios)
    texts = [path.read_text(encoding="utf-8") for path in documents(rollouts, "*/*.json")]
    task = Echo(sorted(texts, key=len)[len(texts) // 2])
    at = (number % len(stored) for number in range(most))
    with Folder(folder).writing() as out:
        layout = Layout.of_stage(folder)
        jobs = (RolloutJob.of(stored.bundle(each), number, "echo", layout) for number, each in enumerate(at))
        began = time.process_time()
        async for _ in ProcessesEngine(2).map(task, jobs, 16, lambda job, landed: job.keep(out, landed)):
            pass
        return 1000 * (time.process_time() - began) / most


@contextmanager
def served(nodes: Cluster, scenarios: Path) -> Iterator[str]:
    """A scripted model on the head's loopback, half a second for each answer."""
    code = f"""
import asyncio, time
from pathlib import Path
from sekft.folder import load_scenarios
from tests.scripted import logins, reference, serving
known = asyncio.run(logins(load_scenarios(Path({str(scenarios)!r}))))
def slow(scenario):
    time.sleep({WAIT_S})
    return reference(scenario)
with serving(known, slow) as url:
    print(url, flush=True)
    time.sleep(1e6)
"""
    with nodes.run(0, "-c", code) as server:
        try:
            assert server.stdout
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def drive(folder: Path) -> None:
    from bench.engines import driven  # a task of __main__ is no other process's

    rollouts = next(folder.glob("rollouts-*"))
    ms = asyncio.run(driven(folder / "scenarios", rollouts, DRIVEN, folder / "driven"))
    print(f"a driver with nothing else to do: {ms:.2f} ms a rollout, so at most {1000 / ms:,.0f} a second")


def two_nodes(n: int, samples: int, python: Path, folder: Path, rounds: int) -> None:
    """Rates on one node and on two; the driver is on the first node's core."""
    authored(n, scenarios := folder / "scenarios")
    act = ("rollout", "--scenarios", scenarios, "--samples", str(samples), "--engine", "ray")
    author = ("generate", "--n", str(n), "--seed", "6", "--engine", "ray")
    ways = {"authoring": author, "rollouts, model": (*act, "--operator", "model", "--no-scaffold")}
    rates: dict[tuple[str, int], list[float]] = {}
    with Cluster(python).up(1, 1) as nodes, served(nodes, scenarios) as url:
        for turn in range(rounds):
            for count in (1, 2):
                if count == 2:
                    nodes.start(1)
                for name, command in ways.items():
                    out = folder / f"{name.split(',')[0]}-{turn}-{count}"
                    rates.setdefault((name, count), []).append(rate(nodes, command, out, url))
                if count == 2:
                    nodes.kill(1)
                    time.sleep(2)
    for name in ways:
        one, two = (statistics.median(rates[name, count]) for count in (1, 2))
        print(f"{name:16} one node {one:.2f}/s, two {two:.2f}/s: {two / one:.2f} times")


def rate(nodes: Cluster, command: Sequence[str | Path], out: Path, url: str) -> float:
    """From the first result to the last: the start is not counted."""
    running = nodes.begin(*command, "--out", out, SEKFT_OP_MODEL="scripted", SEKFT_OP_URL=url)
    _, log = running.communicate()
    if running.returncode:
        raise SystemExit(log)
    pattern = "*.json" if command[0] == "generate" else "*/*.json"
    written = sorted(path.stat().st_mtime for path in documents(out, pattern))
    return (len(written) - 1) / (written[-1] - written[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if chosen.python:
            two_nodes(chosen.n, chosen.samples, chosen.python, Path(place), chosen.rounds)
        else:
            one_machine(chosen.n, chosen.samples, Path(place))
            drive(Path(place))


if __name__ == "__main__":
    main()
