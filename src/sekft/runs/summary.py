"""What a folder holds, in figures: the yield, the outcomes, the coverage, and where to look next."""

from __future__ import annotations

import shlex
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sekft import taxonomy
from sekft.evaluation.difficulty import Returns, returns
from sekft.folder import HIDDEN, Layout, documents, times
from sekft.models.journal import JOURNAL, spent
from sekft.rejection import Rejection
from sekft.scenario import Frozen, Scenario, load_noun, load_scenario
from sekft.trajectory import KEPT, OUTCOMES, Trajectory, load_trajectory

COUNTS_SHOWN = 12
ENDINGS = {"work": "exit (work)", "empty": "exit (empty)", "blocked": "panic (blocked)"}


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
    """outcomes: expected kind → outcome → rollouts. errors: rollouts that infra errors keep out.

    rolled, yielding: scenarios with a rollout, and with one that is kept.
    times:            stage → wall seconds over all its runs; slowest names the longest.
    rollout_s:        operator, sandbox → mean seconds that one rollout waited for it.
    """

    folder: str
    scenarios: Yield
    kinds: dict[str, int]
    rollouts: int
    kept: int
    rolled: int
    yielding: int
    operators: dict[str, int]
    outcomes: dict[str, dict[str, int]]
    endings: dict[str, int]
    not_kept: dict[str, int]
    actions: Lengths | None
    actions_by_difficulty: dict[str, Lengths]
    times: dict[str, float]
    slowest: str | None
    rollout_s: dict[str, float]
    errors: int
    models: Returns
    coverage: list[AxisRow]
    look: list[str]


def summarise(layout: Layout, bundles: Iterable[Scenario] | None = None) -> Summary:
    """Read a folder. bundles: the scenarios, when they live somewhere else.

    Raises BundleError when a file is broken.
    """
    elsewhere = bundles is not None
    scenarios = list(bundles) if bundles is not None else [load_scenario(path) for path in documents(layout.scenarios)]
    rejections = [] if elsewhere else [load_noun(Rejection, path) for path in documents(layout.rejected)]
    paths = layout.rollouts()
    trajectories = [load_trajectory(path) for path in paths]
    kinds = {scenario.id: scenario.expected.kind for scenario in scenarios}
    taken = times(layout.root)
    return Summary(
        folder=str(layout.root),
        scenarios=_yield(scenarios, rejections),
        kinds=_counted(kinds.values()),
        rollouts=len(trajectories),
        kept=sum(trajectory.keep for trajectory in trajectories),
        rolled=len({trajectory.scenario_id for trajectory in trajectories}),
        yielding=len({trajectory.scenario_id for trajectory in trajectories if trajectory.keep}),
        operators=_counted(trajectory.operator.kind for trajectory in trajectories),
        outcomes=_outcomes(trajectories, kinds),
        endings=_counted(trajectory.ending.kind for trajectory in trajectories),
        not_kept=_counted(reason for each in trajectories if not each.keep for reason in each.keep_reasons[:1]),
        actions=_lengths(trajectories),
        actions_by_difficulty=_by_difficulty(trajectories, scenarios),
        times=taken,
        slowest=max(taken, key=taken.__getitem__, default=None),
        rollout_s=_waited(trajectories),
        errors=len(documents(layout.errors, "*/*-*.json")),
        models=returns(spent(layout.root / HIDDEN / JOURNAL), scenarios, rejections, trajectories),
        coverage=_coverage(scenarios),
        look=_look(layout, elsewhere, rejections, list(zip(paths, trajectories, strict=True))),
    )


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


def _lengths(trajectories: Sequence[Trajectory]) -> Lengths | None:
    if not trajectories:
        return None
    ordered = sorted(sum(turn.role == "action" for turn in each.turns) for each in trajectories)
    return Lengths(median=statistics.median(ordered), p90=ordered[int(0.9 * (len(ordered) - 1))], most=ordered[-1])


def _by_difficulty(trajectories: Sequence[Trajectory], scenarios: Sequence[Scenario]) -> dict[str, Lengths]:
    difficulties = {scenario.id: scenario.cell.get("difficulty") for scenario in scenarios}
    groups: dict[str, list[Trajectory]] = {}
    for trajectory in trajectories:
        if difficulty := difficulties.get(trajectory.scenario_id):
            groups.setdefault(difficulty, []).append(trajectory)
    return {name: lengths for name, group in sorted(groups.items()) if (lengths := _lengths(group))}


def _waited(trajectories: Sequence[Trajectory]) -> dict[str, float]:
    timings = [trajectory.timing for trajectory in trajectories]
    waits = {"operator": [each.operator_s for each in timings], "sandbox": [each.sandbox_s for each in timings]}
    return {name: round(statistics.fmean(seconds), 3) for name, seconds in waits.items() if seconds}


def _coverage(scenarios: Sequence[Scenario]) -> list[AxisRow]:
    rows = taxonomy.coverage(taxonomy.load(), [scenario.cell for scenario in scenarios])
    return [
        AxisRow(axis=row.axis, counts=dict(row.counts), total_variation=round(row.total_variation, 4)) for row in rows
    ]


def _look(
    layout: Layout, elsewhere: bool, rejections: Sequence[Rejection], rolled: Sequence[tuple[Path, Trajectory]]
) -> list[str]:
    """Commands worth typing next: a keeper and its deploy form, each other outcome, a reject, a failure, a try."""
    found: dict[str, Path] = {}
    for path, trajectory in rolled:
        found.setdefault(trajectory.outcome, path)
    first_kept = next((path for path, trajectory in rolled if trajectory.keep), None)
    commands = [_command("show", path, note=outcome) for outcome, path in sorted(found.items(), key=_keepers_first)]
    if first_kept:
        commands.append(_command("show", first_kept, "--as", "messages", note="as a trainer gets it"))
    if rejections:
        rejected = layout.rejected / f"{rejections[0].id}.json"
        commands.append(_command("show", rejected, note=f"rejected: {rejections[0].reason}"))
    commands += [_command("show", path, note="infra_error") for path in documents(layout.errors, "*/*-*.json")[:1]]
    for path in [] if elsewhere else documents(layout.scenarios)[:1]:
        commands += [_command("show", path, note="a scenario"), _command("play", path, note="land in it yourself")]
        if not rolled:
            commands.append(
                _command("rollout", "--scenarios", layout.root, "--out", "TRAJECTORIES", note="let one act")
            )
    return commands


def _keepers_first(found: tuple[str, Path]) -> tuple[bool, str]:
    return found[0] not in KEPT, found[0]


def _command(*words: str | Path, note: str) -> str:
    return f"sekft {shlex.join(map(str, words))}  # {note}"


def render(summary: Summary) -> str:
    """The summary as a page of text."""
    parts = [_render_funnel(summary)] if summary.scenarios.drawn or summary.rollouts or summary.errors else []
    if summary.rollouts:
        parts += [_render_outcomes(summary), _render_turns(summary)]
    if summary.models:
        parts.append(str(summary.models).rstrip())
    if summary.times:
        parts.append(_render_times(summary))
    if summary.scenarios.admitted:
        parts.append(_render_coverage(summary.coverage))
    if summary.look:
        parts.append("Next\n" + "\n".join(f"  {command}" for command in summary.look))
    return "\n\n".join([f"{summary.folder}", *parts]) + "\n"


def _render_funnel(summary: Summary) -> str:
    """Every draw down to what is kept, each with its share of the line above it."""
    made = summary.scenarios
    lines = ["Funnel"]
    if made.drawn:
        lines += [
            f"  drawn       {made.drawn:>6}",
            f"  admitted    {made.admitted:>6}{_share(made.admitted, made.drawn)}   {_spelled(summary.kinds)}",
            f"  rejected    {made.rejected:>6}{_share(made.rejected, made.drawn)}   {_spelled(made.reasons)}".rstrip(),
        ]
    if made.refused:
        lines.append(f"  refused     {made.refused:>6}          wrong solutions that the checkers saw through")
    if made.unproven:
        lines.append(f"  WARNING: {made.unproven} never ran in a sandbox: consistent on paper, not proven solvable")
    if summary.rollouts:
        kept = f"{_share(summary.kept, summary.rollouts)}   of {summary.yielding} scenarios"
        rolled = f"of {summary.rolled} scenarios: {_spelled(summary.operators)}"
        lines += [
            f"  rolled out  {summary.rollouts:>6}          {rolled}",
            f"  kept        {summary.kept:>6}{kept}",
        ]
    if summary.not_kept:
        dropped = summary.rollouts - summary.kept
        lines.append(f"  not kept    {dropped:>6}{_share(dropped, summary.rollouts)}   {_spelled(summary.not_kept)}")
    if summary.errors:
        lines.append(
            f"  broken      {summary.errors:>6}          infra errors, not in the set: the same command redoes them"
        )
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f" {f'({part / whole:.0%})':>7}" if whole else ""


def _render_outcomes(summary: Summary) -> str:
    """Expected endings down, outcomes across."""
    met = [name for name in OUTCOMES if any(name in row for row in summary.outcomes.values())]
    labels = {kind: ENDINGS.get(kind, kind) for kind in [*ENDINGS, *summary.outcomes] if kind in summary.outcomes}
    width = max(map(len, ["expected", *labels.values()]))
    lines = ["Outcomes", f"  {'expected':<{width}}  {'  '.join(met)}"]
    for kind, label in labels.items():
        counts = (str(summary.outcomes[kind].get(name, "·")).rjust(len(name)) for name in met)
        lines.append(f"  {label:<{width}}  {'  '.join(counts)}")
    return "\n".join([*lines, f"  ended by: {_spelled(summary.endings)}"])


def _render_turns(summary: Summary) -> str:
    rows = {"all": summary.actions, **summary.actions_by_difficulty}
    width = max(map(len, rows))
    return "\n".join(
        [
            "Commands in a rollout, by difficulty",
            *(
                f"  {name:<{width}}  median {row.median:g}, p90 {row.p90:g}, most {row.most}"
                for name, row in rows.items()
                if row
            ),
        ]
    )


def _render_times(summary: Summary) -> str:
    lines = [
        f"  {stage:<20} {taken:>8.1f} s{'   slowest' if stage == summary.slowest else ''}"
        for stage, taken in summary.times.items()
    ]
    if summary.rollout_s:
        waits = ", ".join(f"{name} {seconds:g} s" for name, seconds in summary.rollout_s.items())
        lines.append(f"  a rollout waits on average for: {waits}")
    return "\n".join(["Time", *lines])


def _render_coverage(rows: Sequence[AxisRow]) -> str:
    lines = ["Coverage (scenarios per value; distance from the declared weights, 0 is exact)"]
    width = max((len(row.axis) for row in rows), default=0)
    lines += [f"  {row.axis:<{width}}  {row.total_variation:.2f}  {_spelled(row.counts)}" for row in rows]
    return "\n".join(lines)


def _spelled(counts: dict[str, int]) -> str:
    shown = [f"{name} {count}" for name, count in list(counts.items())[:COUNTS_SHOWN]]
    rest = len(counts) - len(shown)
    return ", ".join(shown) + (f", … {rest} more" if rest else "")
