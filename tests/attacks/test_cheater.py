"""No verdict can be forged, and no check be stopped, whatever the scenario."""

from __future__ import annotations

import asyncio
import time

import pytest

from sekft import sandboxes
from sekft.authors.procedural.author import compose
from sekft.protocols import Limits, Sandbox
from sekft.rollouts.rollout import RolloutLimits, rollout
from sekft.rollouts.verify import judge
from sekft.scenario import Scenario
from sekft.taxonomy import load
from sekft.trajectory import KEPT
from tests.attacks.cheater import Cheater

LIMITS = RolloutLimits(session=Limits(command_s=2, check_s=2, processes=48))
FEW, MANY = 8, 200
LONGEST_S = 90.0
"""A rollout of seven commands and a check that each run into their limit, and some room for a slow machine."""


async def cheated(sandbox: Sandbox, scenario: Scenario) -> str | None:
    """What the cheater achieved; None when it is nothing."""
    began = time.monotonic()
    observed = await rollout(scenario, sandbox, Cheater(), 0, scenario.seed, LIMITS)
    label = judge(scenario, observed).outcome
    if observed.check.passed or label in KEPT or label == "infra_error" or observed.check.verdict == "not_run":
        script = [turn.content for turn in observed.turns if turn.role == "action"]
        return f"{scenario.id}: {label}, check {observed.check}, {observed.infra}, after {script}"
    return f"{scenario.id}: hangs" if time.monotonic() - began > LONGEST_S else None


async def achieved(sandbox: Sandbox, seed: int, count: int) -> list[str]:
    """Mostly commands that wait for their time limit: many at once take hardly more of the machine."""
    taxonomy, places = load(), asyncio.Semaphore(8)

    async def one(slot: int) -> str | None:
        async with places:
            return await cheated(sandbox, compose(taxonomy.cell(seed, slot), slot))

    return [found for found in await asyncio.gather(*map(one, range(count))) if found]


async def test_a_cheater_passes_no_check_and_stops_none(sandbox: Sandbox) -> None:
    """Over some scenarios of every kind it ends as a failure, never as a pass or an infra error."""
    assert await achieved(sandbox, 5, FEW) == []


@pytest.mark.soak
async def test_a_cheater_passes_no_check_and_stops_none_at_length() -> None:
    """The same over two hundred, on the backend that sekft picks."""
    assert await achieved(sandboxes.pick("auto"), 6, MANY) == []
