"""What an explorer's trajectories are like: `python -m bench.explorer RUN`; without RUN, a fresh 300 × 3."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.pipeline import Quiet
from sekft.evaluation.metrics import recovered
from sekft.folder import Layout, documents, load_scenarios
from sekft.runs.generate import GenerateConfig, generate
from sekft.runs.resources import default_concurrency
from sekft.runs.rollout import RolloutConfig, roll
from sekft.scenario import Scenario
from sekft.shell.chat_format import violations
from sekft.shell.grounding import ungrounded
from sekft.trajectory import StoredRollout, Trajectory, load_trajectory

SCENARIOS, SAMPLES, SEED = 300, 3, 11
WANTED = {"work": "solved", "empty": "idle", "blocked": "rightly_blocked"}


def report(scenarios: Sequence[Scenario], rolled: Sequence[Trajectory]) -> None:
    by_id = {scenario.id: scenario for scenario in scenarios}
    right = sum(one.outcome == WANTED[by_id[one.scenario_id].expected.kind] and one.keep for one in rolled)
    grounded = sum(not ungrounded(one.turns) for one in rolled)
    clean = sum(not violations(one) for one in rolled)
    typed: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for one in rolled:
        typed[one.scenario_id].append(tuple(turn.content for turn in one.turns if turn.role == "action"))
    unlike = sum(len(set(samples)) == len(samples) for samples in typed.values())
    firsts = Counter(actions[0] for samples in typed.values() for actions in samples)
    looks = {command for command in firsts if not any(one.provider.command in command for one in scenarios)}
    mended = sum(recovered(StoredRollout("", one, by_id[one.scenario_id])) for one in rolled)
    n = len(rolled)
    print(f"{len(typed)} scenarios, {n} explorer trajectories")
    print(f"right and kept          {right / n:.2%}")
    print(f"grounded                {grounded / n:.2%}")
    print(f"deploy form clean       {clean / n:.2%}")
    print(f"no two samples alike    {unlike / len(typed):.2%} of scenarios")
    print(f"distinct first actions  {len(firsts)}, of them {len(looks)} that do not name the tool")
    print(f"with a mended mistake   {mended / n:.1%}")
    lengths = defaultdict(list)
    for one in rolled:
        lengths[by_id[one.scenario_id].cell["difficulty"]].append(sum(turn.role == "action" for turn in one.turns))
    for name, counts in sorted(lengths.items()):
        counts.sort()
        print(f"actions, {name:<14} median {counts[len(counts) // 2]}, p90 {counts[len(counts) * 9 // 10]}")


async def fresh(layout: Layout) -> None:
    drawing = GenerateConfig(n=SCENARIOS, author="procedural", seed=SEED, concurrency=default_concurrency())
    await generate(drawing, layout, Quiet())
    rolling = RolloutConfig(samples=SAMPLES, operator="explorer", concurrency=default_concurrency())
    await roll(rolling, load_scenarios(layout.root), layout, Quiet())


def main(run: Path | None = None) -> None:
    with tempfile.TemporaryDirectory(prefix="sekft-bench-") as folder:
        layout = Layout.of_run(run or Path(folder) / "run")
        if run is None:
            asyncio.run(fresh(layout))
        rolled = [load_trajectory(path) for path in documents(layout.trajectories, "*/explorer-*.json")]
        report(load_scenarios(layout.root), rolled)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
