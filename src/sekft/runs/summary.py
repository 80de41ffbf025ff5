"""What a folder holds, in figures: the yield, the outcomes, the coverage, and where to look next."""

from __future__ import annotations

import shlex
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sekft import taxonomy
from sekft.evaluation.difficulty import Returns, returns
from sekft.evaluation.statistics import Quantiles, quantile
from sekft.folder import HIDDEN, Layout, documents, times
from sekft.models.journal import JOURNAL, spent
from sekft.protocols import REFUSED
from sekft.rejection import Rejection
from sekft.report import Cell, Report, Table, facts
from sekft.scenario import Frozen, Scenario, load_noun, load_scenario
from sekft.trajectory import KEPT, OUTCOMES, Trajectory, load_trajectory

COUNTS_SHOWN = 12
ENDINGS = {"work": "exit (work)", "empty": "exit (empty)", "blocked": "panic (blocked)"}


class Yield(Frozen):
    """The funnel of Stage A: every draw is admitted or rejected for one reason.

    mended:   how often they were repaired → admitted scenarios that a model repaired.
    redrawn:  slot → draws that were rejected in it.
    refused:  wrong solutions that the admitted scenarios' checkers saw through.
    accepted: right solutions beside the reference that they took.
    """

    drawn: int
    admitted: int
    rejected: int
    reasons: dict[str, int]
    unproven: int
    mended: dict[str, int] = {}
    redrawn: dict[str, int] = {}
    refused: int
    accepted: int


class AxisRow(Frozen):
    axis: str
    counts: dict[str, int]
    total_variation: float


class Summary(Report):
    """outcomes: expected ending → outcome → rollouts. errors: rollouts lost to infra errors.

    asked_again:      answers of a model that held no command, so that it was asked once more.
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
    actions: Quantiles | None
    actions_by_difficulty: dict[str, Quantiles]
    times: dict[str, float]
    slowest: str | None
    rollout_s: dict[str, float]
    errors: int
    asked_again: int = 0
    models: Returns
    coverage: list[AxisRow]
    look: list[str]

    @property
    def tables(self) -> list[Table]:
        tables = [facts([("folder", self.folder)])]
        if self.scenarios.drawn or self.rollouts or self.errors:
            tables.append(_funnel(self))
        if self.rollouts:
            tables += [_outcome_table(self), _action_table(self)]
        if self.models:
            tables += self.models.tables
        if self.times:
            tables.append(_time_table(self))
        if self.scenarios.admitted:
            tables.append(_coverage_table(self))
        if self.look:
            tables.append(Table((), (), "Next", commands=self.look))
        return tables


def summarise(layout: Layout, bundles: Iterable[Scenario] | None = None) -> Summary:
    """Read a folder. bundles: the scenarios, when they live somewhere else.

    Raises BundleError when a file is broken.
    """
    given, elsewhere = bundles is not None, bundles is not None or not documents(layout.scenarios)
    scenarios = list(bundles) if bundles is not None else [load_scenario(path) for path in layout.bundles()]
    rejections = [] if given else [load_noun(Rejection, path) for path in documents(layout.rejected)]
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
        asked_again=sum(map(_asked_again, trajectories)),
        models=returns(spent(layout.root / HIDDEN / JOURNAL), scenarios, rejections, trajectories),
        coverage=[
            AxisRow(axis=row.axis, counts=dict(row.counts), total_variation=round(row.total_variation, 4))
            for row in taxonomy.coverage(taxonomy.load(), [scenario.cell for scenario in scenarios])
        ],
        look=_look(layout, elsewhere, rejections, list(zip(paths, trajectories, strict=True))),
    )


def _yield(scenarios: Sequence[Scenario], rejections: Sequence[Rejection]) -> Yield:
    return Yield(
        drawn=len(scenarios) + len(rejections),
        admitted=len(scenarios),
        rejected=len(rejections),
        reasons=_counted(rejection.reason for rejection in rejections),
        unproven=sum(scenario.gate is None or scenario.gate.mode != "sandbox" for scenario in scenarios),
        mended=_counted(str(len(one.provenance.mended)) for one in scenarios if one.provenance.mended),
        redrawn=_counted(str(rejection.slot) for rejection in rejections),
        refused=sum(scenario.gate.mutants - scenario.gate.equivalent for scenario in scenarios if scenario.gate),
        accepted=sum(scenario.gate.right for scenario in scenarios if scenario.gate),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _outcomes(trajectories: Sequence[Trajectory], kinds: Mapping[str, str]) -> dict[str, dict[str, int]]:
    table: dict[str, Counter[str]] = {}
    for trajectory in trajectories:
        kind = kinds.get(trajectory.scenario_id, "(scenario not here)")
        table.setdefault(kind, Counter())[trajectory.outcome] += 1
    return {kind: _counted(counter.elements()) for kind, counter in sorted(table.items())}


def _lengths(trajectories: Sequence[Trajectory]) -> Quantiles | None:
    if not trajectories:
        return None
    ordered = sorted(len(trajectory.actions) for trajectory in trajectories)
    return Quantiles(median=quantile(ordered, 0.5), p90=round(quantile(ordered, 0.9), 1), most=ordered[-1])


def _asked_again(trajectory: Trajectory) -> int:
    """Requests beyond those that an action came of; the last answer of a malformed rollout was the end of it."""
    malformed = trajectory.outcome == "malformed" or (trajectory.ending.reason or "").startswith(REFUSED)
    unanswered = malformed and trajectory.turns[-1].role == "env"
    return max(0, trajectory.usage.requests - len(trajectory.actions) - unanswered)


def _by_difficulty(trajectories: Sequence[Trajectory], scenarios: Sequence[Scenario]) -> dict[str, Quantiles]:
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


def _look(
    layout: Layout, elsewhere: bool, rejections: Sequence[Rejection], rolled: Sequence[tuple[Path, Trajectory]]
) -> list[str]:
    """Commands worth typing next: a keeper and its deploy form, each other outcome, a reject, a failure, a try."""
    found: dict[str, Path] = {}
    for path, trajectory in rolled:
        found.setdefault(trajectory.outcome, path)
    first_kept = next((path for path, trajectory in rolled if trajectory.keep), None)
    commands = [_command("view", layout.root, note="all of it, in a browser")] if rolled else []
    outcomes = sorted(found, key=lambda outcome: (outcome not in KEPT, outcome))
    commands += [_command("show", found[outcome], note=outcome) for outcome in outcomes]
    if first_kept:
        commands.append(_command("show", first_kept, "--as", "messages", note="as a trainer gets it"))
    if rejections:
        rejected = layout.rejected / f"{rejections[0].id}.json"
        commands.append(_command("show", rejected, note=f"rejected: {rejections[0].reason}"))
    commands += [_command("show", path, note="infra_error") for path in documents(layout.errors, "*/*-*.json")[:1]]
    commands += _onward(layout, first_kept is not None, any(outcome not in KEPT for outcome in found))
    for path in [] if elsewhere else documents(layout.scenarios)[:1]:
        commands += [_command("show", path, note="a scenario"), _command("play", path, note="land in it yourself")]
        if not rolled:
            commands.append(
                _command("rollout", "--scenarios", layout.root, "--out", "TRAJECTORIES", note="let one act")
            )
    return commands


def _onward(layout: Layout, kept: bool, failed: bool) -> Iterator[str]:
    """The stages that come after rollouts, unless the folder has been through them."""
    rollouts: tuple[str | Path, ...] = ("--trajectories", layout.root)
    out = () if layout.kind == "run" else ("--out", "PAIRS")
    if kept and failed and not (layout.root / "pairs").is_dir():
        yield _command("pairs", *rollouts, *out, note="preference pairs")
    if kept and not (layout.root / "export").is_dir():
        yield _command("export", *rollouts, "--out", "DATA", note="rows to train on")


def _command(*words: str | Path, note: str) -> str:
    return f"sekft {shlex.join(map(str, words))}  # {note}"


def _funnel(summary: Summary) -> Table:
    """Every draw down to what is kept, each with its share of the line above it."""
    draws, dropped = summary.scenarios, summary.rollouts - summary.kept
    rows: list[tuple[Cell, ...]] = []
    if draws.drawn:
        rows += [
            ("drawn", draws.drawn, "", ""),
            ("admitted", draws.admitted, _share(draws.admitted, draws.drawn), _spelled(summary.kinds)),
            ("rejected", draws.rejected, _share(draws.rejected, draws.drawn), _spelled(draws.reasons)),
        ]
    if draws.mended:
        count = sum(draws.mended.values())
        rows.append(("mended", count, _share(count, draws.admitted), f"repairs: scenarios; {_spelled(draws.mended)}"))
    if draws.redrawn:
        rows.append(("redrawn", len(draws.redrawn), "", f"slots: draws rejected; {_spelled(draws.redrawn)}"))
    if draws.refused:
        rows.append(("refused", draws.refused, "", "wrong solutions, by the checkers"))
    if draws.accepted:
        rows.append(("accepted", draws.accepted, "", "right solutions beside the references, by the checkers"))
    if summary.rollouts:
        rolled = f"of {summary.rolled} scenarios: {_spelled(summary.operators)}"
        rows.append(("rolled out", summary.rollouts, "", rolled))
        rows.append(("kept", summary.kept, _share(summary.kept, summary.rollouts), f"of {summary.yielding} scenarios"))
    if summary.not_kept:
        reasons = {reason.removeprefix("outcome "): count for reason, count in summary.not_kept.items()}
        rows.append(("not kept", dropped, _share(dropped, summary.rollouts), _spelled(reasons)))
    if summary.asked_again:
        rows.append(("asked again", summary.asked_again, "", "answers of a model that held no command"))
    if summary.errors:
        rows.append(("broken", summary.errors, "", "infra errors, not in the set; run the same command to repeat them"))
    warning = f"WARNING: {draws.unproven} never ran in a sandbox: consistent on paper, not proven solvable"
    return Table(("", "", "", ""), rows, "Funnel", [warning] if draws.unproven else [])


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else ""


def _outcome_table(summary: Summary) -> Table:
    """Expected endings down, outcomes across."""
    met = [name for name in OUTCOMES if any(name in row for row in summary.outcomes.values())]
    labels = {kind: ENDINGS.get(kind, kind) for kind in [*ENDINGS, *summary.outcomes] if kind in summary.outcomes}
    rows = [(label, *(summary.outcomes[kind].get(name) for name in met)) for kind, label in labels.items()]
    return Table(("expected", *met), rows, "Outcomes", [f"ended by: {_spelled(summary.endings)}"])


def _action_table(summary: Summary) -> Table:
    groups = {"all": summary.actions, **summary.actions_by_difficulty}
    rows = [(name, f"{group.median:g}", f"{group.p90:g}", group.most) for name, group in groups.items() if group]
    return Table(("difficulty", "median", "p90", "most"), rows, "Commands in a rollout")


def _time_table(summary: Summary) -> Table:
    rows = [
        (stage, f"{taken:.1f}", "slowest" if stage == summary.slowest else "") for stage, taken in summary.times.items()
    ]
    waits = ", ".join(f"{name} {seconds:g} s" for name, seconds in summary.rollout_s.items())
    notes = [f"a rollout waits on average for: {waits}"] if waits else []
    return Table(("stage", "seconds", ""), rows, "Time", notes)


def _coverage_table(summary: Summary) -> Table:
    rows = [(row.axis, f"{row.total_variation:.2f}", _spelled(row.counts)) for row in summary.coverage]
    columns = ("axis", "distance", "scenarios per value")
    return Table(columns, rows, "Coverage (distance from the declared weights: 0 is exact)")


def _spelled(counts: dict[str, int]) -> str:
    shown = [f"{name} {count}" for name, count in list(counts.items())[:COUNTS_SHOWN]]
    rest = len(counts) - len(shown)
    return ", ".join(shown) + (f", … {rest} more" if rest else "")
