"""Every figure of docs/results.md, in one run: `python -m bench.table [ROLLOUTS] [SESSIONS] [AT_ONCE]`.

Each row: what, the target, the median, the spread (10th to 90th percentile; of three rounds, lowest to highest).
Figures are ratios within this run, so that a busy machine falls on both sides; the load is printed with them. The
docker rows need a daemon.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, fields

from bench import docker, endurance, gate, sandbox
from sekft import sandboxes
from sekft.errors import SandboxUnavailable
from sekft.sandboxes.bubblewrap import BubblewrapSandbox

USERLAND = "busybox"


@dataclass(frozen=True)
class Row:
    what: str
    target: str
    median: str
    spread: str = ""
    met: bool | None = None

    def __str__(self) -> str:
        met = {True: "yes", False: "no", None: ""}[self.met]
        return f"| {self.what} | {self.target} | {self.median} | {self.spread} | {met} |"


def ratio(what: str, limit: float, found: Sequence[float], unit: str, most: bool = True) -> Row:
    """most: the limit is an upper one."""
    middle = statistics.median(found)
    met = middle <= limit if most else middle >= limit
    low, high = statistics.quantiles(found, n=10)[::8] if len(found) > 3 else (min(found), max(found))
    return Row(
        what, f"{'≤' if most else '≥'} {limit:g} {unit}", f"{middle:.2f} {unit}", f"{low:.2f} to {high:.2f}", met
    )


async def starts() -> AsyncIterator[Row]:
    warm = BubblewrapSandbox(warm=4)
    samples = await sandbox.latencies(BubblewrapSandbox(), USERLAND, warm)
    warm.drain()
    floor = statistics.median(samples["spawn"])
    yield Row("`dash -c true`, spawned on the host", "the floor", f"{floor:.2f} ms", _span(samples["spawn"], " ms"))
    for what, name, limit in (
        ("exec on bubblewrap, state carried over", "exec, state carried", 2.5),
        ("start to landed on bubblewrap, cold", "start to landed", 25),
        ("start to landed on bubblewrap, warm pool", "start, warm pool", 3),
    ):
        in_spawns = [value / floor for value in samples[name]]
        yield ratio(what, limit, in_spawns, "spawns")


def _span(values: Sequence[float], unit: str) -> str:
    low, high = statistics.quantiles(values, n=10)[::8]
    return f"{low:.2f} to {high:.2f}{unit}"


async def rollouts(count: int) -> AsyncIterator[Row]:
    try:
        by_way = await docker.rates(count)
    except SandboxUnavailable as error:
        yield Row("rollouts of 10 commands against the original way", "≥ 25 ×, ≥ 3 ×", f"not measured: {error}")
        return
    base = by_way.pop(docker.ORIGINAL)
    floor = statistics.median(base)
    yield Row("rollouts of 10 commands a second: " + docker.ORIGINAL, "1", f"{floor:.2f} /s", _ends(base, " /s"))
    for name, least in (("bubblewrap", 25), ("docker", 3)):
        rate = f"{statistics.median(by_way[name]):.1f} /s"
        against = [value / floor for value in by_way[name]]
        yield ratio(f"the same on our {name}: {rate}", least, against, "×", most=False)


def _ends(values: Sequence[float], unit: str) -> str:
    return f"{min(values):.2f} to {max(values):.2f}{unit}"


async def many(sessions: int, at_once: int) -> AsyncIterator[Row]:
    before, after = await endurance.endure(BubblewrapSandbox(), sessions)
    grown = {each.name: getattr(after, each.name) - getattr(before, each.name) for each in fields(endurance.Left)}
    rss_kib = grown.pop("rss_kib")
    told = ", ".join(f"{name.replace('_', ' ')} {count:+d}" for name, count in grown.items())
    none = all(count <= 0 for count in grown.values())
    yield Row(f"{sessions:,} bubblewrap sessions leave", "0 of each", told, f"memory {rss_kib:+,} KiB", none)
    right, each_kib = await endurance.crowd(BubblewrapSandbox(), at_once)
    answer = f"{right} answer"
    yield Row(f"{at_once} sessions open at once", "works", answer, f"{each_kib:.0f} KiB each", right == at_once)


async def gates() -> AsyncIterator[Row]:
    found = await gate.costs(BubblewrapSandbox())
    alone = [(each.gate_ms - each.wrong_ms) / each.rollout_ms for each in found]
    rollout = f"{statistics.median(each.rollout_ms for each in found):.1f} ms"
    what = f"gate of a procedural scenario without wrong solutions, in rollouts of it ({rollout})"
    yield ratio(what, 3, alone, "rollouts")
    yield Row("sandbox starts per gated scenario", "reported", f"{statistics.median(each.starts for each in found):g}")
    wrong = [each.wrong_ms / each.wrong for each in found if each.wrong]
    yield Row(
        "a wrong solution, tried from a snapshot", "reported", f"{statistics.median(wrong):.2f} ms", _span(wrong, " ms")
    )
    whole = [each.gate_ms for each in found]
    number = f"{statistics.mean(each.wrong for each in found):.1f}"
    yield Row(
        f"the whole gate, {number} wrong solutions",
        "reported",
        f"{statistics.median(whole):.0f} ms",
        _span(whole, " ms"),
    )


async def main(count: int = 20, sessions: int = 10_000, at_once: int = 256) -> None:
    sandboxes.prepare()
    print(f"{os.cpu_count()} processors; load {_load()} before")
    print("\n| what | target | median | spread | met |\n|---|---|---|---|---|")
    for part in (starts(), rollouts(count), gates(), many(sessions, at_once)):
        async for row in part:
            print(row, flush=True)
    print(f"\nload {_load()} after")


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
