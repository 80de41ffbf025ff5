"""Scenarios as a task of Inspect: `inspect eval sekft/shell -T scenarios=RUN --model openai-api/NAME/MODEL`.

The solver owns the dialogue: the terminal is the user, and each answer is typed as it is, with no tools. A sample holds
the messages of the login and the scenario's cell; the bundle stays in this process.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser
from inspect_ai.scorer import Score, Scorer, Target, grouped, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from sekft import taxonomy
from sekft.env.episode import EpisodeResult, land
from sekft.env.source import scenarios as read
from sekft.runs.library import completed
from sekft.scenario import Scenario

JUDGED = "sekft"
"""Where a sample's store keeps what was judged."""
MARKS = ("seen", "noticed", "learnt", "retrieved", "executed", "ended")
LANDED_AT_ONCE = 8


@task
def shell(
    scenarios: str,
    split: str | None = None,
    where: str | Sequence[str] = (),
    sandbox: str = "auto",
    max_actions: int = 40,
    by: str | Sequence[str] = "ending",
) -> Task:
    """A sample for each scenario of a run folder, an export or a Parquet file.

    split: train or heldout. where: terms as for --where. by: the axes by whose values the reward is told as well.
    """
    axes = [by] if isinstance(by, str) else list(by)
    taxonomy.parse_where(taxonomy.load(), [f"{axis}={_any_value(axis)}" for axis in axes], "by")
    chosen = read(scenarios, split, [where] if isinstance(where, str) else where)
    samples = completed(_samples(chosen, sandbox))
    solve = operate({scenario.id: scenario for scenario in chosen}, sandbox, max_actions)
    return Task(dataset=MemoryDataset(samples, name="sekft"), solver=solve, scorer=[reward(axes), marks()])


@solver
def operate(bundles: dict[str, Scenario], sandbox: str, max_actions: int) -> Solver:
    """Land, let the model type until the session ends. A sandbox that breaks is the sample's error, not a zero."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        scenario = bundles[str(state.sample_id)]
        async with land(scenario, sandbox, max_turns=max_actions) as landed:
            while not landed.over:
                state = await generate(state)
                step = await landed.step(state.output.completion)
                if not step.done:
                    state.messages.append(ChatMessageUser(content=step.screen))
        state.store.set(JUDGED, _told(landed.result))
        return state

    return solve


def reward(axes: Sequence[str]) -> Any:
    """The scorer of 1 for a right end with a complete mechanism; its mean, also for each value of these axes."""
    split = [grouped(mean(), axis, all=False, name_template=f"{axis}={{group_name}}") for axis in axes]

    @scorer(metrics=[mean(), stderr(), *split], name="reward")
    def right() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            judged = state.store.get(JUDGED)
            return Score(value=judged["reward"], answer=judged["outcome"], explanation=judged["ending"])

        return score

    return right()


@scorer(metrics={"*": [mean()]})
def marks() -> Scorer:
    """How many sessions reached each mark; `executed` is counted where there was work."""

    async def score(state: TaskState, target: Target) -> Score:
        reached = state.store.get(JUDGED)["marks"]
        return Score(value={mark: float(reached.get(mark, math.nan)) for mark in MARKS})

    return score


def _told(result: EpisodeResult) -> dict[str, Any]:
    ending = result.trajectory.ending
    told = {"reward": result.reward, "outcome": result.outcome, "marks": dict(result.marks)}
    return {**told, "ending": f"{ending.kind} {ending.reason or ''}".strip()}


async def _samples(chosen: Sequence[Scenario], sandbox: str) -> list[Sample]:
    """Each with the messages that its policy sees first: landing tells them."""
    gate = asyncio.Semaphore(LANDED_AT_ONCE)

    async def sample(scenario: Scenario) -> Sample:
        async with gate, land(scenario, sandbox) as landed:
            system, user = (message["content"] for message in landed.messages)
        said = [ChatMessageSystem(content=system), ChatMessageUser(content=user)]
        return Sample(id=scenario.id, input=said, target=scenario.expected.kind, metadata=dict(scenario.cell))

    return await asyncio.gather(*map(sample, chosen))


def _any_value(axis: str) -> str:
    known = taxonomy.load().axes
    return next(iter(known[axis].values)) if axis in known else ""
