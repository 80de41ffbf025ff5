"""A run folder as a set is made from it: scenarios, right rollouts of each and failing ones beside them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sekft.pipeline import generate, load_scenarios, roll
from sekft.plans import Generation, Rolling
from sekft.progress import Lines
from sekft.store import Layout


def filled(folder: Path, n: int = 9, samples: int = 3) -> Layout:
    """So many scenarios, and so many samples of the explorer and of the saboteur in each."""
    layout = Layout.of_run(folder)

    async def fill() -> None:
        await generate(Generation(n=n, author="procedural", seed=11), layout, Lines())
        for operator in ("explorer", "saboteur"):
            assert await roll(Rolling(samples=samples, operator=operator), load_scenarios(folder), layout, Lines()) == 0

    asyncio.run(fill())
    return layout
