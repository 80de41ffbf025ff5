"""What a sandbox costs, in plain spawns: `python -m bench.sandbox [userland]`.

The floor is os.posix_spawn of `dash -c true` and waitpid, the cheapest process that Python can start
and wait for. Every round times each operation once, in turn, so that whatever else the machine does
falls on all of them alike.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import sys
import time
from collections.abc import Awaitable

from sekft import sandboxes
from sekft.protocols import Sandbox, SandboxSpec
from sekft.scenario import File, Login

ROUNDS = 100
REFILL_S = 0.05
LOGIN = Login(user="ada", host="vault", home="/home/ada")
FILES = tuple(File(path=f"/srv/data/{n}", content="a line\n" * 20) for n in range(20))
STATE = "x=1; f() { echo f; }; alias l='ls -l'; set -- a b; cd /srv"


def spawn() -> None:
    dash = shutil.which("dash") or "/bin/sh"
    pid = os.posix_spawn(dash, ["dash", "-c", "true"], {})
    os.waitpid(pid, 0)


async def timed(samples: list[float], operation: Awaitable[object]) -> None:
    started = time.perf_counter()
    await operation
    samples.append((time.perf_counter() - started) * 1e3)


async def latencies(sandbox: Sandbox, userland: str, warm: Sandbox | None = None) -> dict[str, list[float]]:
    """Milliseconds by operation. warm: the same backend with a pool, of which the start alone is timed."""
    spec = SandboxSpec(userland, LOGIN, FILES)
    names = (
        "spawn",
        "start to landed",
        "exec true",
        "exec /bin/true",
        "exec, state carried",
        "state",
        "check",
        "close",
    )
    samples: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        started = time.perf_counter()
        spawn()
        samples["spawn"].append((time.perf_counter() - started) * 1e3)
        opened = sandbox.open(spec)
        started = time.perf_counter()
        session = await opened.__aenter__()
        samples["start to landed"].append((time.perf_counter() - started) * 1e3)
        await timed(samples["exec true"], session.exec("true"))
        await timed(samples["exec /bin/true"], session.exec("/bin/true"))
        await session.exec(STATE)
        await timed(samples["exec, state carried"], session.exec("true"))
        await timed(samples["state"], session.state())
        await timed(samples["check"], session.check("true"))
        await timed(samples["close"], opened.__aexit__(None, None, None))
        if warm:
            await asyncio.sleep(REFILL_S)
            opened = warm.open(spec)
            await timed(samples.setdefault("start, warm pool", []), opened.__aenter__())
            await opened.__aexit__(None, None, None)
    return samples


async def throughput(sandbox: Sandbox, userland: str, concurrency: int, cycles: int = 100) -> float:
    """Cycles a second of start, 20 execs and close."""
    spec, gate = SandboxSpec(userland, LOGIN, FILES), asyncio.Semaphore(concurrency)

    async def cycle() -> None:
        async with gate, sandbox.open(spec) as session:
            for _ in range(20):
                await session.exec("true")

    started = time.perf_counter()
    await asyncio.gather(*(cycle() for _ in range(cycles)))
    return cycles / (time.perf_counter() - started)


def table(samples: dict[str, list[float]]) -> str:
    floor = statistics.median(samples["spawn"])
    lines = [f"{'operation':<22}{'median ms':>10}{'p10':>8}{'p90':>8}{'spawns':>8}"]
    for name, values in samples.items():
        low, middle, high = (statistics.quantiles(values, n=10)[at] for at in (0, 4, 8))
        lines.append(f"{name:<22}{middle:>10.2f}{low:>8.2f}{high:>8.2f}{middle / floor:>8.1f}")
    return "\n".join(lines)


async def main(userland: str) -> None:
    sandboxes.prepare()
    sandbox = sandboxes.pick("auto")
    print(f"{sandbox.name}, {userland}, {ROUNDS} rounds, {os.cpu_count()} processors")
    print(table(await latencies(sandbox, userland)))
    for concurrency in (1, 8, 32):
        print(f"cycles a second at {concurrency:>2}: {await throughput(sandbox, userland, concurrency):.0f}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "busybox"))
