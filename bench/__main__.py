"""What a sandbox costs beside a plain process, and how fast scenarios are gated and rolled.

Every round times each operation once, one after the other, so that whatever else the machine does
falls on all of them alike. Nothing is warmed up but the userlands, which are built before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sekft import pipeline, sandboxes
from sekft.progress import Lines
from sekft.protocols import Sandbox, SandboxSpec
from sekft.scenario import Scenario
from sekft.store import Layout

SPAWN = ("dash", "-c", "true")
ROUNDS = 50
SCENARIOS = 40

Times = dict[str, list[float]]


class Quiet(Lines):
    """Says nothing while it is timed."""

    def note(self, text: str) -> None:
        del text


@contextmanager
def timed(times: Times, name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    times.setdefault(name, []).append(time.perf_counter() - started)


def spawn() -> None:
    """What everything else is measured in: one plain process, awaited, blocking."""
    subprocess.run(SPAWN, check=True)


async def latencies(sandbox: Sandbox, spec: SandboxSpec, rounds: int) -> Times:
    """Seconds for each operation, one entry a round."""
    times: Times = {}
    for _ in range(rounds):
        with timed(times, f"subprocess.run({list(SPAWN)})"):
            spawn()
        with timed(times, f"{spec.userland}: open, land, close"):
            async with sandbox.open(spec):
                pass
        async with sandbox.open(spec) as session:
            with timed(times, f"{spec.userland}: exec `true`"):
                await session.exec("true")
            with timed(times, f"{spec.userland}: exec `/bin/true`"):
                await session.exec("/bin/true")
            with timed(times, f"{spec.userland}: check `true`"):
                await session.check("true")
    return times


async def throughput(n: int, concurrency: int) -> tuple[dict[str, float], list[Scenario]]:
    """Gated scenarios and explorer rollouts, each per second, in one run folder."""
    with tempfile.TemporaryDirectory(prefix="sekft-bench-") as folder:
        layout = Layout.of_run(Path(folder) / "run")
        drawing = pipeline.Generation(n=n, author="procedural", seed=1, concurrency=concurrency)
        started = time.perf_counter()
        await pipeline.generate(drawing, layout, Quiet())
        gated_s = time.perf_counter() - started
        scenarios = list(pipeline.load_scenarios(layout.root))
        rolling = pipeline.Rolling(samples=1, operator="explorer", concurrency=concurrency)
        started = time.perf_counter()
        await pipeline.roll(rolling, scenarios, layout, Quiet())
        rolled_s = time.perf_counter() - started
    return {"gated scenarios per second": n / gated_s, "explorer rollouts per second": n / rolled_s}, scenarios


def figures(times: Times) -> dict[str, dict[str, float]]:
    """Milliseconds: least, median and most; `spawns` is the median in plain spawns."""
    plain = statistics.median(next(iter(times.values())))
    return {
        name: {
            "min_ms": min(seconds) * 1e3,
            "median_ms": statistics.median(seconds) * 1e3,
            "max_ms": max(seconds) * 1e3,
            "spawns": statistics.median(seconds) / plain,
        }
        for name, seconds in times.items()
    }


def shown(rows: dict[str, dict[str, float]], rates: dict[str, float], rounds: int, concurrency: int) -> str:
    lines = [f"{'':44}{'min':>9}{'median':>9}{'max':>9}{'spawns':>9}   ({rounds} rounds, ms)"]
    for name, row in rows.items():
        lines.append(f"{name:44}" + "".join(f"{value:9.2f}" for value in row.values()))
    return "\n".join(
        [*lines, "", *(f"{name:44}{rate:9.2f}   (at once: {concurrency})" for name, rate in rates.items())]
    )


async def measure(rounds: int, n: int, concurrency: int) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    sandbox = sandboxes.pick("auto")
    rates, scenarios = await throughput(n, concurrency)
    times: Times = {}
    for userland in ("busybox", "gnu"):
        landed = next((scenario for scenario in scenarios if scenario.userland == userland), scenarios[0])
        spec = SandboxSpec(userland=userland, login=landed.login, files=tuple(landed.files))
        times |= await latencies(sandbox, spec, rounds)
    return figures(times), rates


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of the latencies (%(default)s)")
    parser.add_argument("--n", type=int, default=SCENARIOS, help="scenarios to gate and to roll (%(default)s)")
    parser.add_argument("--concurrency", type=int, default=pipeline.default_concurrency(), help="(%(default)s)")
    parser.add_argument("--json", action="store_true", help="for machines")
    chosen = parser.parse_args()
    rows, rates = asyncio.run(measure(chosen.rounds, chosen.n, chosen.concurrency))
    if chosen.json:
        print(json.dumps({"latencies": rows, "rates": rates, "concurrency": chosen.concurrency}, indent=1))
    else:
        print(shown(rows, rates, chosen.rounds, chosen.concurrency))


if __name__ == "__main__":
    main()
