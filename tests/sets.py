"""Folders that take long to make, made once in a test run: scenarios, right rollouts of each and failing ones."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sekft.cli.running import Lines
from sekft.folder import Layout, load_scenarios
from sekft.runs.generate import GenerateConfig, generate
from sekft.runs.rollout import RolloutConfig, roll
from tests.commands import forked

SCENARIOS, SAMPLES, SEED = 10, 3, 11


def shared(factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """A folder for every test of a run to read. The process that asks first fills it, whichever worker it is."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"shared-{name}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            fill(unfinished := folder.with_suffix(".unfinished"))
            unfinished.rename(folder)
    return folder


def filled(factory: pytest.TempPathFactory) -> Layout:
    """A copy of its own of so many scenarios, and of so many samples of the explorer and of the saboteur in each."""
    folder = shared(factory, "set", lambda out: asyncio.run(_fill(Layout.of_run(out))))
    return Layout.of_run(Path(shutil.copytree(folder, factory.mktemp("run") / "run")))


def two(factory: pytest.TempPathFactory) -> Path:
    """A copy of its own of what `sekft run` makes of two scenarios, with one sample."""
    folder = shared(factory, "two", _run)
    return Path(shutil.copytree(folder, factory.mktemp("two") / "run"))


def _run(out: Path) -> None:
    done = forked("run", "--n", "2", "--samples", "1", "--out", out)
    assert done.returncode == 0, done.stderr


async def _fill(layout: Layout) -> None:
    await generate(GenerateConfig(n=SCENARIOS, author="procedural", seed=SEED), layout, Lines())
    scenarios = load_scenarios(layout.root)
    for operator in ("explorer", "saboteur"):
        assert await roll(RolloutConfig(samples=SAMPLES, operator=operator), scenarios, layout, Lines()) == 0
