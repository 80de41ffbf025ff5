"""What a folder holds, in figures: the yield, the outcomes, the coverage, and where to look next."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sekft import taxonomy
from sekft.rejection import Rejection
from sekft.scenario import Frozen, Scenario, load_noun, load_scenario
from sekft.store import Layout, documents
from sekft.trajectory import Trajectory, load_trajectory

COUNTS_SHOWN = 12


class Yield(Frozen):
    """The funnel of Stage A: every draw is admitted or rejected for one reason.

    refused: wrong solutions that the admitted scenarios' checkers saw through.
    """

    drawn: int
    admitted: int
    rejected: int
    reasons: dict[str, int]
    unproven: int
    refused: int


class Lengths(Frozen):
    """Actions per rollout."""

    median: float
    p90: float
    most: int


class AxisRow(Frozen):
    axis: str
    counts: dict[str, int]
    total_variation: float


class Summary(Frozen):
    """outcomes: expected kind → outcome → rollouts. errors: rollouts that infra errors keep out."""

    folder: str
    scenarios: Yield
    kinds: dict[str, int]
    rollouts: int
    kept: int
    operators: dict[str, int]
    outcomes: dict[str, dict[str, int]]
    endings: dict[str, int]
    not_kept: dict[str, int]
    actions: Lengths | None
    errors: int
    coverage: list[AxisRow]
    look: list[str]


def summarise(layout: Layout, bundles: Iterable[Scenario] | None = None) -> Summary:
    """Read a folder. bundles: the scenarios, when they live somewhere else.

    Raises BundleError when a file is broken.
    """
    elsewhere = bundles is not None
    scenarios = list(bundles) if bundles is not None else [load_scenario(path) for path in documents(layout.scenarios)]
    rejections = [] if elsewhere else [load_noun(Rejection, path) for path in documents(layout.rejected)]
    paths = [path for path in documents(layout.trajectories, "*/*-*.json") if _is_rollout(path, layout)]
    trajectories = [load_trajectory(path) for path in paths]
    kinds = {scenario.id: scenario.expected.kind for scenario in scenarios}
    return Summary(
        folder=str(layout.root),
        scenarios=_yield(scenarios, rejections),
        kinds=_counted(kinds.values()),
        rollouts=len(trajectories),
        kept=sum(trajectory.keep for trajectory in trajectories),
        operators=_counted(trajectory.operator.kind for trajectory in trajectories),
        outcomes=_outcomes(trajectories, kinds),
        endings=_counted(trajectory.ending.kind for trajectory in trajectories),
        not_kept=_counted(reason for each in trajectories if not each.keep for reason in each.keep_reasons[:1]),
        actions=_lengths([sum(turn.role == "action" for turn in each.turns) for each in trajectories]),
        errors=len(documents(layout.errors, "*/*-*.json")),
        coverage=_coverage(scenarios),
        look=_look(layout, elsewhere, rejections, list(zip(paths, trajectories, strict=True))),
    )


def _is_rollout(path: Path, layout: Layout) -> bool:
    return path.parent not in (layout.errors, layout.rejected)


def _yield(scenarios: Sequence[Scenario], rejections: Sequence[Rejection]) -> Yield:
    return Yield(
        drawn=len(scenarios) + len(rejections),
        admitted=len(scenarios),
        rejected=len(rejections),
        reasons=_counted(rejection.reason for rejection in rejections),
        unproven=sum(scenario.gate is None or scenario.gate.mode != "sandbox" for scenario in scenarios),
        refused=sum(scenario.gate.mutants - scenario.gate.equivalent for scenario in scenarios if scenario.gate),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _outcomes(trajectories: Sequence[Trajectory], kinds: Mapping[str, str]) -> dict[str, dict[str, int]]:
    table: dict[str, Counter[str]] = {}
    for trajectory in trajectories:
        kind = kinds.get(trajectory.scenario_id, "(scenario not here)")
        table.setdefault(kind, Counter())[trajectory.outcome] += 1
    return {kind: _counted(counter.elements()) for kind, counter in sorted(table.items())}


def _lengths(actions: Sequence[int]) -> Lengths | None:
    if not actions:
        return None
    ordered = sorted(actions)
    return Lengths(median=statistics.median(ordered), p90=ordered[int(0.9 * (len(ordered) - 1))], most=ordered[-1])


def _coverage(scenarios: Sequence[Scenario]) -> list[AxisRow]:
    rows = taxonomy.coverage(taxonomy.load(), [scenario.cell for scenario in scenarios])
    return [
        AxisRow(axis=row.axis, counts=dict(row.counts), total_variation=round(row.total_variation, 4)) for row in rows
    ]


def _look(
    layout: Layout, elsewhere: bool, rejections: Sequence[Rejection], rolled: Sequence[tuple[Path, Trajectory]]
) -> list[str]:
    """Commands worth typing next: one rollout of each ending, a reject, a failure."""
    found: dict[str, Path] = {}
    for path, trajectory in rolled:
        found.setdefault(trajectory.outcome, path)
    commands = [f"sekft show {path}  # {outcome}" for outcome, path in sorted(found.items())]
    if not rolled and not elsewhere:
        commands += [f"sekft show {path}" for path in documents(layout.scenarios)[:1]]
        commands.append(f"sekft rollout --scenarios {layout.root} --out TRAJECTORIES --samples 3")
    if rejections:
        first = rejections[0]
        commands.append(f"sekft show {layout.rejected / first.id}.json  # rejected: {first.reason}")
    commands += [f"sekft show {path}  # infra_error" for path in documents(layout.errors, "*/*-*.json")[:1]]
    return commands


def render(summary: Summary) -> str:
    """The summary as a page of text."""
    parts = [_render_scenarios(summary)] if summary.scenarios.admitted or summary.scenarios.rejected else []
    if summary.rollouts or summary.errors:
        parts.append(_render_rollouts(summary))
    if summary.scenarios.admitted:
        parts.append(_render_coverage(summary.coverage))
    if summary.look:
        parts.append("Look next\n" + "\n".join(f"  {command}" for command in summary.look))
    return "\n\n".join([f"{summary.folder}", *parts]) + "\n"


def _render_scenarios(summary: Summary) -> str:
    made = summary.scenarios
    share = f" ({made.admitted / made.drawn:.0%})" if made.drawn else ""
    lines = [
        "Scenarios",
        f"  drawn     {made.drawn:>6}",
        f"  admitted  {made.admitted:>6}{share}   {_spelled(summary.kinds)}",
        f"  rejected  {made.rejected:>6}   {_spelled(made.reasons)}".rstrip(),
    ]
    if made.refused:
        lines.append(f"  proof     {made.refused:>6} wrong solutions tried in the sandbox, every one refused")
    if made.unproven:
        lines.append(f"  WARNING: {made.unproven} never ran in a sandbox: consistent on paper, not proven solvable")
    return "\n".join(lines)


def _render_rollouts(summary: Summary) -> str:
    share = f" ({summary.kept / summary.rollouts:.0%})" if summary.rollouts else ""
    lines = [
        "Rollouts",
        f"  done      {summary.rollouts:>6}   {_spelled(summary.operators)}",
        f"  kept      {summary.kept:>6}{share}",
        f"  endings           {_spelled(summary.endings)}",
    ]
    if summary.actions:
        actions = summary.actions
        lines.append(f"  actions           median {actions.median:g}, p90 {actions.p90:g}, most {actions.most}")
    if summary.not_kept:
        lines.append(f"  not kept because  {_spelled(summary.not_kept)}")
    if summary.errors:
        lines.append(f"  infra errors {summary.errors:>3}   not in the set; the same command tries them again")
    lines += ["", "  expected   outcomes"]
    lines += [f"  {kind:<10} {_spelled(outcomes)}" for kind, outcomes in summary.outcomes.items()]
    return "\n".join(lines)


def _render_coverage(rows: Sequence[AxisRow]) -> str:
    lines = ["Coverage (scenarios per value; distance from the declared weights, 0 is exact)"]
    width = max((len(row.axis) for row in rows), default=0)
    lines += [f"  {row.axis:<{width}}  {row.total_variation:.2f}  {_spelled(row.counts)}" for row in rows]
    return "\n".join(lines)


def _spelled(counts: dict[str, int]) -> str:
    shown = [f"{name} {count}" for name, count in list(counts.items())[:COUNTS_SHOWN]]
    rest = len(counts) - len(shown)
    return ", ".join(shown) + (f", … {rest} more" if rest else "")
