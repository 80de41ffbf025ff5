"""A run folder as a set is made from it: scenarios, right rollouts of each and failing ones beside them."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from pathlib import Path

import pytest

from sekft.cli.progress import Lines
from sekft.folder import Layout, load_scenarios
from sekft.runs.generate import GenerateConfig, generate
from sekft.runs.roll import RolloutConfig, roll

SCENARIOS, SAMPLES = 16, 3


def filled(factory: pytest.TempPathFactory) -> Layout:
    """A copy of its own of so many scenarios, and of so many samples of the explorer and of the saboteur in each.

    What is copied is made once in a test run, by the process that asks first.
    """
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared-set"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            asyncio.run(_fill(Layout.of_run(making := shared.with_suffix(".making"))))
            making.rename(shared)
    return Layout.of_run(Path(shutil.copytree(shared, factory.mktemp("run") / "run")))


async def _fill(layout: Layout) -> None:
    await generate(GenerateConfig(n=SCENARIOS, author="procedural", seed=11), layout, Lines())
    scenarios = load_scenarios(layout.root)
    for operator in ("explorer", "saboteur"):
        assert await roll(RolloutConfig(samples=SAMPLES, operator=operator), scenarios, layout, Lines()) == 0
