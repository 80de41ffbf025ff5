"""How many scenarios are gated, and how many rollouts recorded, in a second: `python -m bench.pipeline [N]`."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from sekft import sandboxes
from sekft.cli.running import Lines
from sekft.folder import Layout, load_scenarios
from sekft.runs.generate import GenerateConfig, generate
from sekft.runs.resources import default_concurrency
from sekft.runs.rollout import RolloutConfig, roll

SCENARIOS = 40
SAMPLES = 3


class Quiet(Lines):
    """Says nothing while it is timed."""

    def note(self, text: str) -> None:
        del text


async def lasted_s(work: Coroutine[Any, Any, object]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def main(n: int = SCENARIOS) -> None:
    sandboxes.prepare()
    concurrency = default_concurrency()
    with tempfile.TemporaryDirectory(prefix="sekft-bench-") as folder:
        layout = Layout.of_run(Path(folder) / "run")
        drawing = GenerateConfig(n=n, author="procedural", seed=1, concurrency=concurrency)
        gated_s = await lasted_s(generate(drawing, layout, Quiet()))
        scenarios = load_scenarios(layout.root)
        rolling = RolloutConfig(samples=SAMPLES, operator="explorer", concurrency=concurrency)
        rolled_s = await lasted_s(roll(rolling, scenarios, layout, Quiet()))
    print(f"{n} scenarios, {SAMPLES} explorer rollouts each, {concurrency} at once, {os.cpu_count()} processors")
    print(f"gated scenarios a second: {n / gated_s:.1f}")
    print(f"rollouts a second:        {n * SAMPLES / rolled_s:.1f}")


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:2])))
