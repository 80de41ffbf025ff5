"""What a gate costs beside a rollout of the same scenario, and what in it: `python -m bench.gate [SCENARIOS]`."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sekft import sandboxes, taxonomy
from sekft.authors.procedural.author import ProceduralAuthor
from sekft.gate import TrialRun, Trials, admit
from sekft.operators.replayed import ReferenceOperator
from sekft.protocols import ExecResult, Sandbox, SandboxSpec, Session
from sekft.rejection import Admitted
from sekft.rollouts.rollout import rollout
from sekft.scenario import Scenario
from sekft.seeds import derive

SCENARIOS, SEED = 20, 1


@dataclass(frozen=True)
class Cost:
    """One scenario. gate_ms: all of it, the wrong solutions' time and number among it; starts: of sandboxes."""

    rollout_ms: float
    gate_ms: float
    wrong_ms: float
    wrong: int
    starts: int


class Watched:
    """A sandbox that counts its starts."""

    def __init__(self, inner: Sandbox) -> None:
        self.name, self.inner, self.starts = inner.name, inner, 0

    def open(self, spec: SandboxSpec) -> AbstractAsyncContextManager[Session]:
        self.starts += 1
        return self.inner.open(spec)

    def fork(self, at: object) -> AbstractAsyncContextManager[Session]:
        self.starts += 1
        return self.inner.fork(at)

    async def run(self, spec: SandboxSpec, script: str) -> ExecResult:
        return await self.inner.run(spec, script)


class Stopwatch:
    """Times every trial of a wrong solution while it is entered."""

    def __init__(self, documentation: Iterable[str]) -> None:
        self.spent_ms, self.count = 0.0, 0
        self._unlike, self._documentation = Trials.unlike, tuple(documentation)

    def __enter__(self) -> Stopwatch:
        unlike = self._unlike

        async def timed(trials: Trials, reference: TrialRun, commands: Sequence[str]) -> TrialRun:
            started = time.perf_counter()
            run = await unlike(trials, reference, commands)
            if tuple(commands) != self._documentation:
                self.spent_ms += (time.perf_counter() - started) * 1e3
                self.count += 1
            return run

        setattr(Trials, "unlike", timed)  # noqa: B010 - the gate makes its own
        return self

    def __exit__(self, *error: object) -> None:
        setattr(Trials, "unlike", self._unlike)  # noqa: B010


async def scenarios(count: int) -> list[Scenario]:
    axes, author = taxonomy.load(), ProceduralAuthor()
    cells = (axes.cell(SEED, slot, {}) for slot in range(count))
    return [(await author.draw(cell, derive(SEED, "author", at, 0))).sealed() for at, cell in enumerate(cells)]


async def cost(scenario: Scenario, sandbox: Sandbox) -> Cost | None:
    """None where the gate rejects it."""
    started = time.perf_counter()
    await rollout(scenario, sandbox, ReferenceOperator(), 0, SEED)
    rollout_ms = (time.perf_counter() - started) * 1e3
    watched = Watched(sandbox)
    with Stopwatch(scenario.provider.help) as wrong:
        started = time.perf_counter()
        result = await admit(scenario, watched)
        gate_ms = (time.perf_counter() - started) * 1e3
    if not isinstance(result, Admitted):
        return None
    return Cost(rollout_ms, gate_ms, wrong.spent_ms, wrong.count, watched.starts)


async def costs(sandbox: Sandbox, count: int = SCENARIOS) -> list[Cost]:
    """One scenario after the other, alone."""
    return [found for each in await scenarios(count) if (found := await cost(each, sandbox))]


async def main(count: int) -> None:
    found = await costs(sandboxes.pick("auto"), count)
    without = statistics.median((each.gate_ms - each.wrong_ms) / each.rollout_ms for each in found)
    print(f"{len(found)} scenarios, one at a time")
    print(f"rollout of the reference       {statistics.median(each.rollout_ms for each in found):6.1f} ms")
    print(f"gate                           {statistics.median(each.gate_ms for each in found):6.1f} ms")
    print(f"gate without wrong solutions   {without:6.2f} rollouts")
    print(f"sandbox starts per scenario    {statistics.mean(each.starts for each in found):6.2f}")
    print(f"a wrong solution               {statistics.median(each.wrong_ms / each.wrong for each in found):6.2f} ms")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else SCENARIOS))
