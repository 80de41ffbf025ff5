"""What episodes cost: `python -m bench.environments SOURCE [EPISODES] [AT_ONCE]`.

SOURCE: a run folder or another source of env.scenarios, of which those whose reference has 8 to 12 commands are played.
Times are told in plain spawns of the same run as well (see bench.sandbox), so that a busy machine falls on both sides.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

from bench.sandbox import spawn
from sekft import env
from sekft.env.episode import EpisodeShell
from sekft.runs.engines.local import at_once
from sekft.runs.library import Messages
from sekft.runs.resources import default_concurrency
from sekft.scenario import Scenario

SPAWNS = 200


def floor_ms() -> float:
    """A plain spawn, on a machine that does nothing else of ours."""
    taken = []
    for _ in range(SPAWNS):
        started = time.perf_counter()
        spawn()
        taken.append((time.perf_counter() - started) * 1e3)
    return statistics.median(taken)


async def episode(scenario: Scenario) -> float:
    """The reward of the reference."""
    commands = iter(scenario.reference)

    def act(messages: Messages) -> str:
        return next(commands)

    return (await env.play(scenario, act)).reward


async def throughput(scenarios: Sequence[Scenario], episodes: int) -> None:
    """Episodes of about ten commands a second, as many at once as there are places."""
    played = list(islice(cycle(scenarios), episodes))
    await episode(scenarios[0])
    floor, began, cpu = floor_ms(), time.perf_counter(), sum(os.times()[:4])
    rewards = [reward async for reward in at_once(episode, played, default_concurrency())]
    wall_s, cpu_s = time.perf_counter() - began, sum(os.times()[:4]) - cpu
    commands = sum(len(scenario.reference) for scenario in played) / episodes
    cores = os.cpu_count() or 1
    assert rewards == [1.0] * episodes
    taken = wall_s / episodes * cores * 1e3
    print(f"{episodes} episodes of {commands:.1f} commands, {cores} cores, load {os.getloadavg()[0]:.1f}:")
    print(f"  {episodes / wall_s:.1f} a second; one takes {taken / floor:.0f} spawns of {floor:.2f} ms")
    print(f"  {cpu_s / episodes * 1e3:.0f} ms of processor each: {cores * episodes / cpu_s:.1f} a second on idle cores")


async def reward_share(scenarios: Sequence[Scenario], episodes: int) -> None:
    """How much of an episode its judging takes, one at a time."""
    taken_s, judged = 0.0, EpisodeShell._judged

    def timed(shell: EpisodeShell) -> env.EpisodeResult:
        nonlocal taken_s
        began = time.perf_counter()
        try:
            return judged(shell)
        finally:
            taken_s += time.perf_counter() - began

    EpisodeShell._judged = timed  # type: ignore[method-assign, assignment]
    began = time.perf_counter()
    for scenario in islice(cycle(scenarios), episodes):
        await episode(scenario)
    share = taken_s / (time.perf_counter() - began)
    EpisodeShell._judged = judged  # type: ignore[method-assign]
    print(f"the reward takes {share:.1%} of an episode (want at most 5 %)")


async def memory(scenario: Scenario, at_once: int) -> None:
    """What so many open sessions hold: of this process, and with everything that it started."""
    landed, leave = asyncio.Barrier(at_once + 1), asyncio.Event()

    async def session() -> str:
        async with env.land(scenario) as shell:
            await landed.wait()
            screen = (await shell.step("ls")).screen
            await landed.wait()
            await leave.wait()
        return screen

    before = megabytes([os.getpid()])
    tasks = [asyncio.create_task(session()) for _ in range(at_once)]
    await landed.wait()
    await landed.wait()
    own, whole = megabytes([os.getpid()]), megabytes([os.getpid(), *descendants(os.getpid())])
    leave.set()
    screens = set(await asyncio.gather(*tasks))
    assert len(screens) == 1
    print(f"{at_once} sessions at once: {whole:,.0f} MB with all they started, {own - before:,.0f} MB of it here")


def descendants(parent: int) -> Iterator[int]:
    for task in Path(f"/proc/{parent}/task").glob("*"):
        for child in map(int, (task / "children").read_text().split()):
            yield child
            yield from descendants(child)


def megabytes(processes: Sequence[int]) -> float:
    """Resident memory, of shared pages a share for each process that has them."""
    total = 0
    for process in processes:
        rows = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        total += sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
    return total / 1e3


async def main(source: str, episodes: str = "60", at_once: str = "512") -> None:
    scenarios = [each for each in env.scenarios(source) if 8 <= len(each.reference) <= 12]
    await throughput(scenarios, int(episodes))
    await reward_share(scenarios, int(episodes) // 3)
    await memory(scenarios[0], int(at_once))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
