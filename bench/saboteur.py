"""What fails as it should: `python -m bench.saboteur RUN [SAMPLES]`, over a run folder's or a folder's scenarios.

The saboteur's failures against their labels, an operator that sees nothing, and each explorer's trajectory of RUN typed
into the re-skins of its scenario.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.pipeline import Quiet
from sekft import sandboxes
from sekft.folder import Layout, documents, load_scenarios
from sekft.operators.saboteur import ends
from sekft.runs.library import replay_all
from sekft.runs.resources import default_concurrency
from sekft.runs.rollout import RolloutConfig, roll
from sekft.scenario import Scenario
from sekft.trajectory import Trajectory, load_trajectory


def rolled(scenarios: list[Scenario], operator: str, samples: int) -> list[Trajectory]:
    """Every scenario rolled out by that operator, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sekft-bench-") as folder:
        layout = Layout.found(Path(folder))
        rolling = RolloutConfig(samples=samples, operator=operator, concurrency=default_concurrency())
        broken = asyncio.run(roll(rolling, scenarios, layout, Quiet()))
        print(f"{operator}: {samples} samples of {len(scenarios)} scenarios, {broken} infra errors")
        return [load_trajectory(path) for path in documents(layout.trajectories, "*/*.json")]


def report_failures(scenarios: list[Scenario], made: Sequence[Trajectory]) -> None:
    by_id = {scenario.id: scenario for scenario in scenarios}
    seen: dict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    for one in made:
        if one.fault is None:
            raise SystemExit(f"{one.id}: the saboteur left no fault")
        kind = by_id[one.scenario_id].expected.kind
        seen[one.fault.kind][kind, ends(kind)[one.fault.kind], one.outcome] += 1
    for name, counts in sorted(seen.items()):
        right = sum(count for (_, wanted, saw), count in counts.items() if wanted == saw)
        other = {f"{kind}: {saw}": count for (kind, wanted, saw), count in counts.items() if wanted != saw}
        print(f"  {name:<24} {right:5} of {counts.total():5} as labelled  {right / counts.total():8.2%}  {other or ''}")
    print(f"  kept: {sum(one.keep for one in made)}")


def report_kept(made: Sequence[Trajectory]) -> None:
    kept = [one for one in made if one.keep]
    print(f"  kept {len(kept)} of {len(made)}  {len(kept) / len(made):.2%}  {[one.scenario_id for one in kept][:5]}")
    print(f"  outcomes {dict(Counter(one.outcome for one in made))}")


async def retyped(scenarios: list[Scenario], layout: Layout) -> tuple[int, int]:
    """(kept, typed): kept explorer trajectories typed into the re-skins of their scenarios."""
    sandbox, rows = sandboxes.pick("auto"), []
    for scenario in scenarios:
        if scenario.reskin_of:
            paths = documents(layout.trajectories, f"{scenario.reskin_of}/explorer-*.json")
            rows += [(path, load_trajectory(path), scenario) for path in paths]
    done = await replay_all(rows, sandbox, default_concurrency())
    return sum(again.trajectory.keep for _, then, again in done if then.keep), sum(then.keep for _, then, _ in done)


def main(run: Path, samples: int = 6) -> None:
    layout, scenarios = Layout.found(run), load_scenarios(run)
    report_failures(scenarios, rolled(scenarios, "saboteur", samples))
    report_kept(rolled(scenarios, "blind", 4))
    kept, typed = asyncio.run(retyped(scenarios, layout))
    print(f"re-skins: {kept} of {typed} explorer trajectories kept where they are typed into a re-skin")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
