"""What a folder holds, in figures: the yield, the outcomes, the coverage, and where to look next."""

from __future__ import annotations

import shlex
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sekft import taxonomy
from sekft.evaluation.difficulty import Returns, Worked
from sekft.evaluation.statistics import Quantiles, quantile
from sekft.folder import HIDDEN, ROLLOUTS, Layout, times
from sekft.folder.entries import Entry, entries
from sekft.folder.workers import mapped
from sekft.models.journal import JOURNAL, spent
from sekft.protocols import REFUSED
from sekft.rejection import Rejection
from sekft.report import Cell, Report, Table, facts
from sekft.scenario import Frozen, GateReport, Scenario
from sekft.trajectory import KEPT, OUTCOMES, Outcome, Trajectory

COUNTS_SHOWN = 12
SCENARIO_WEIGHT = 4
"""What a bundle takes to read, in rollouts."""
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


def summarise(layout: Layout, bundles: Iterable[Scenario] | None = None, workers: int | None = None) -> Summary:
    """Read a folder, a file at a time. bundles: the scenarios, when they live somewhere else.

    workers: see folder.workers; the result is the same. Raises BundleError when a file is broken.
    """
    draws, elsewhere = _Draws(), bundles is not None or next(entries(layout.scenarios), None) is None
    if bundles is None:
        with mapped(_Admitted.read, layout.bundles(), weigh=lambda _: SCENARIO_WEIGHT, workers=workers) as admitted:
            for one in admitted:
                draws.admit(one)
        with mapped(
            _Refused.read, entries(layout.rejected), weigh=lambda _: SCENARIO_WEIGHT, workers=workers
        ) as refused:
            for each in refused:
                draws.refuse(each)
    else:
        for scenario in bundles:
            draws.admit(_Admitted.of(scenario))
    rolled = _Rolled(draws)
    with mapped(_Rollout.read, layout.rollouts(), workers=workers) as rollouts:
        for rollout in rollouts:
            rolled.add(rollout)
    taken = times(layout.root)
    return Summary(
        folder=str(layout.root),
        scenarios=draws.found(),
        kinds=_counted(Counter(draws.kinds.values())),
        **rolled.found(),
        times=taken,
        slowest=max(taken, key=taken.__getitem__, default=None),
        errors=sum(1 for _ in entries(layout.errors, ROLLOUTS)),
        models=draws.worked.returns(spent(layout.root / HIDDEN / JOURNAL)),
        coverage=[
            AxisRow(axis=row.axis, counts=dict(row.counts), total_variation=round(row.total_variation, 4))
            for row in taxonomy.coverage(taxonomy.load(), draws.cells)
        ],
        look=_look(layout, elsewhere, draws.rejected, rolled),
    )


@dataclass(frozen=True, slots=True)
class _Admitted:
    """What is added up of a scenario."""

    id: str
    kind: str
    cell: Mapping[str, str]
    mended: int
    gate: GateReport | None

    @classmethod
    def of(cls, one: Scenario) -> _Admitted:
        return cls(one.id, one.expected.kind, one.cell, len(one.provenance.mended), one.gate)

    @classmethod
    def read(cls, entry: Entry) -> _Admitted:
        return cls.of(entry.scenario())


@dataclass(frozen=True, slots=True)
class _Refused:
    """What is added up of a rejected draw."""

    id: str
    reason: str
    slot: int
    cell: Mapping[str, str] | None

    @classmethod
    def read(cls, entry: Entry) -> _Refused:
        one = entry.load(Rejection)
        cell = one.scenario.get("cell")
        return cls(one.id, one.reason, one.slot, cell if isinstance(cell, dict) else None)


@dataclass(frozen=True, slots=True)
class _Rollout:
    """What is added up of a rollout. reason: the first why it is not kept. by_model: not by a script."""

    path: Path
    scenario_id: str
    outcome: Outcome
    keep: bool
    reason: str | None
    actions: int
    asked_again: int
    operator: str
    by_model: bool
    ending: str
    operator_s: float
    sandbox_s: float

    @classmethod
    def read(cls, entry: Entry) -> _Rollout:
        one = entry.trajectory()
        return cls(
            path=entry.path,
            scenario_id=one.scenario_id,
            outcome=one.outcome,
            keep=one.keep,
            reason=next(iter(one.keep_reasons), None),
            actions=len(one.actions),
            asked_again=_asked_again(one),
            operator=one.operator.kind,
            by_model=one.operator.model is not None,
            ending=one.ending.kind,
            operator_s=one.timing.operator_s,
            sandbox_s=one.timing.sandbox_s,
        )


class _Draws:
    """Scenarios and rejected draws, added up one at a time.

    kinds, difficulties: of each scenario, by its id. cells: axis → value → scenarios.
    rejected:            the id and the reason of the first that was.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        self.difficulties: dict[str, str] = {}
        self.cells: dict[str, Counter[str]] = defaultdict(Counter)
        self.rejected: tuple[str, str] | None = None
        self.worked = Worked()
        self._counts, self._reasons = Counter[str](), Counter[str]()
        self._mended, self._redrawn = Counter[str](), Counter[str]()

    def admit(self, one: _Admitted) -> None:
        gate = one.gate
        self.worked.admit(one.cell)
        self.kinds[one.id] = sys.intern(one.kind)
        for axis, value in one.cell.items():
            self.cells[axis][value] += 1
        if difficulty := one.cell.get("difficulty"):
            self.difficulties[one.id] = sys.intern(difficulty)
        if one.mended:
            self._mended[str(one.mended)] += 1
        self._counts["admitted"] += 1
        self._counts["unproven"] += gate is None or gate.mode != "sandbox"
        if gate:
            self._counts["refused"] += gate.mutants - gate.equivalent
            self._counts["accepted"] += gate.right

    def refuse(self, one: _Refused) -> None:
        self.worked.refuse(one.cell)
        self.rejected = self.rejected or (one.id, one.reason)
        self._reasons[one.reason] += 1
        self._redrawn[str(one.slot)] += 1

    def found(self) -> Yield:
        admitted, rejected = self._counts["admitted"], self._reasons.total()
        return Yield(
            drawn=admitted + rejected,
            admitted=admitted,
            rejected=rejected,
            reasons=_counted(self._reasons),
            unproven=self._counts["unproven"],
            mended=_counted(self._mended),
            redrawn=_counted(self._redrawn),
            refused=self._counts["refused"],
            accepted=self._counts["accepted"],
        )


class _Rolled:
    """Trajectories, added up one at a time.

    kept, met: the file of the first that is kept, and of the first of each outcome.
    """

    def __init__(self, draws: _Draws) -> None:
        self.kept: Path | None = None
        self.met: dict[str, Path] = {}
        self._draws = draws
        self._counts, self._operators, self._endings = Counter[str](), Counter[str](), Counter[str]()
        self._reasons, self._operator_s, self._sandbox_s = Counter[str](), 0.0, 0.0
        self._scenarios: set[str] = set()
        self._yielding: set[str] = set()
        self._outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self._lengths: dict[str, Counter[int]] = defaultdict(Counter)

    def add(self, one: _Rollout) -> None:
        name = one.scenario_id
        if one.by_model:
            self._draws.worked.roll(name, one.outcome, one.keep)
        self.met.setdefault(one.outcome, one.path)
        self._scenarios.add(name)
        if one.keep:
            self.kept = self.kept or one.path
            self._yielding.add(name)
        elif one.reason is not None:
            self._reasons[one.reason] += 1
        self._counts["rollouts"] += 1
        self._counts["kept"] += one.keep
        self._counts["asked again"] += one.asked_again
        self._operators[one.operator] += 1
        self._endings[one.ending] += 1
        self._outcomes[self._draws.kinds.get(name, "(scenario not here)")][one.outcome] += 1
        self._lengths[""][one.actions] += 1
        if difficulty := self._draws.difficulties.get(name):
            self._lengths[difficulty][one.actions] += 1
        self._operator_s += one.operator_s
        self._sandbox_s += one.sandbox_s

    def found(self) -> dict[str, Any]:
        """The fields of a summary that tell of rollouts."""
        rollouts = self._counts["rollouts"]
        lengths = {name: _quantiles(counts) for name, counts in sorted(self._lengths.items())}
        waited_s = {"operator": self._operator_s, "sandbox": self._sandbox_s} if rollouts else {}
        return {
            "rollouts": rollouts,
            "kept": self._counts["kept"],
            "rolled": len(self._scenarios),
            "yielding": len(self._yielding),
            "operators": _counted(self._operators),
            "outcomes": {kind: _counted(counter) for kind, counter in sorted(self._outcomes.items())},
            "endings": _counted(self._endings),
            "not_kept": _counted(self._reasons),
            "actions": lengths.pop("", None),
            "actions_by_difficulty": lengths,
            "rollout_s": {name: round(total_s / rollouts, 3) for name, total_s in waited_s.items()},
            "asked_again": self._counts["asked again"],
        }


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _quantiles(counts: Counter[int]) -> Quantiles:
    ordered = sorted(counts.elements())
    return Quantiles(median=quantile(ordered, 0.5), p90=round(quantile(ordered, 0.9), 1), most=ordered[-1])


def _asked_again(trajectory: Trajectory) -> int:
    """Requests beyond those that an action came of; the last answer of a malformed rollout was the end of it."""
    malformed = trajectory.outcome == "malformed" or (trajectory.ending.reason or "").startswith(REFUSED)
    unanswered = malformed and trajectory.turns[-1].role == "env"
    return max(0, trajectory.usage.requests - len(trajectory.actions) - unanswered)


def _look(layout: Layout, elsewhere: bool, rejected: tuple[str, str] | None, rolled: _Rolled) -> list[str]:
    """Commands worth typing next: a keeper and its deploy form, each other outcome, a reject, a failure, a try."""
    found, kept = rolled.met, rolled.kept
    commands = [_command("view", layout.root, note="all of it, in a browser")] if found else []
    outcomes = sorted(found, key=lambda outcome: (outcome not in KEPT, outcome))
    commands += [_command("show", found[outcome], note=outcome) for outcome in outcomes]
    if kept:
        commands.append(_command("show", kept, "--as", "messages", note="as a trainer gets it"))
    if rejected:
        name, reason = rejected
        commands.append(_command("show", layout.rejected / f"{name}.json", note=f"rejected: {reason}"))
    commands += [
        _command("show", entry.path, note="infra_error") for entry in islice(entries(layout.errors, ROLLOUTS), 1)
    ]
    commands += _onward(layout, kept is not None, any(outcome not in KEPT for outcome in found))
    for entry in () if elsewhere else islice(entries(layout.scenarios), 1):
        commands.append(_command("show", entry.path, note="a scenario"))
        commands.append(_command("play", entry.path, note="land in it yourself"))
        if not found:
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
