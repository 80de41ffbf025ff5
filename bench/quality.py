"""What a large set is worth: `python -m bench.quality [N [FOLDER]]`, 5,000 scenarios where nothing is said.

Authors, gates and rolls out N scenarios, draws all of them again, gates some of them again, then audits. With a
FOLDER it goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from bench.pipeline import Quiet
from sekft.authors.procedural.author import ProceduralAuthor
from sekft.folder import Layout, documents, load_scenarios, times
from sekft.quality.audit import audit
from sekft.runs.generate import GenerateConfig, generate
from sekft.runs.resources import default_concurrency
from sekft.runs.rollout import RolloutConfig, roll
from sekft.scenario import Scenario
from sekft.seeds import derive

SCENARIOS, SEED = 5000, 1
GATED_AGAIN = 200


def drawing(n: int) -> GenerateConfig:
    return GenerateConfig(n=n, author="procedural", seed=SEED, concurrency=default_concurrency())


async def drawn_again(scenarios: list[Scenario]) -> int:
    """How many of them have the same content when their author draws them anew."""
    author, same = ProceduralAuthor(), 0
    for one in scenarios:
        seed = derive(SEED, "author", one.provenance.slot, one.provenance.attempt)
        same += (await author.draw(one.cell, seed)).sealed().id == one.id
    return same


async def gated_again(layout: Layout, n: int) -> int:
    """How many of the first n slots give the same bytes in another folder, gate report included."""
    with tempfile.TemporaryDirectory(prefix="sekft-bench-") as folder:
        second = Layout.of_run(Path(folder))
        await generate(drawing(n), second, Quiet())
        paths = documents(second.scenarios)
        return sum(path.read_bytes() == (layout.scenarios / path.name).read_bytes() for path in paths)


async def main(n: int, root: Path) -> None:
    layout, again = Layout.of_run(root), min(n, GATED_AGAIN)
    await generate(drawing(n), layout, Quiet())
    scenarios = load_scenarios(root)
    rolling = RolloutConfig(samples=1, operator="explorer", concurrency=default_concurrency())
    await roll(rolling, scenarios, layout, Quiet())
    taken = times(root)
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    print(f"gated scenarios a second:  {n / taken['generate']:.2f} ({taken['generate']:.0f} s)")
    print(f"explorer rollouts a second: {n / taken['rollout explorer']:.2f} ({taken['rollout explorer']:.0f} s)")
    print(f"drawn again, the same:     {await drawn_again(scenarios)} of {len(scenarios)}")
    print(f"gated again, byte by byte: {await gated_again(layout, again)} of {again}")
    print(audit(layout))


if __name__ == "__main__":
    count = int(sys.argv[1]) if sys.argv[1:] else SCENARIOS
    if sys.argv[2:]:
        asyncio.run(main(count, Path(sys.argv[2])))
    else:
        with tempfile.TemporaryDirectory(prefix="sekft-bench-") as scratch:
            asyncio.run(main(count, Path(scratch)))
