"""What models' work came to: what it cost, how much of it was admitted or kept, and how hard each scenario was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean

from sekft.evaluation.statistics import pass_at
from sekft.report import Report, Table, facts, listed
from sekft.scenario import Cell, Frozen
from sekft.trajectory import KEPT, Outcome, Trajectory, Usage

BANDS = ("never", "hard", "medium", "easy", "always")
"""By the share of a scenario's rollouts that end right: 0, up to 1/4, up to 3/4, below 1, 1."""
KS = (1, 2, 4, 8, 16)
FEWEST_DRAWN = 5
"""A value of an axis that was drawn less often says nothing about its yield."""
LOWEST_SHOWN = 8
UNITS = {"teacher": "an admitted scenario", "operator": "a kept trajectory"}
Rows = Sequence[tuple[str, Trajectory]]


class Share(Frozen):
    value: str
    admitted: int
    drawn: int


class Returns(Report):
    """spent: teacher, operator → usage. each_usd: the same → dollars for an admitted scenario, for a kept trajectory.

    yields:  values of axes by the share of their draws that was admitted, the lowest first.
    pass_at: k → chance that one of k rollouts ends right, unbiased, mean over scenarios with at least k.
    bands:   of difficulty → scenarios.
    """

    spent: dict[str, Usage]
    each_usd: dict[str, float]
    yields: list[Share]
    pass_at: dict[int, float]
    bands: dict[str, int]

    def __bool__(self) -> bool:
        return bool(self.spent or self.yields or self.bands)

    @property
    def tables(self) -> list[Table]:
        rows = []
        for role, usage in self.spent.items():
            cost = f", ${usage.cost_usd:.4f}" if usage.cost_usd else ""
            cost += f", ${self.each_usd[role]:.4f} {UNITS[role]}" if self.each_usd.get(role) else ""
            rows.append((role, f"{usage.requests} requests, {usage.tokens} tokens{cost}"))
        if self.pass_at:
            rows.append(("ends right", ", ".join(f"pass@{k} {share:.0%}" for k, share in self.pass_at.items())))
            rows.append(("scenarios", listed(self.bands)))
        lowest = [share for share in self.yields if share.admitted < share.drawn][:LOWEST_SHOWN]
        rows.append(("low yield", ", ".join(f"{share.value} {share.admitted}/{share.drawn}" for share in lowest)))
        return [facts(rows, "Models")]


class Worked:
    """What draws and rollouts tell of the models that made them, added up one at a time."""

    def __init__(self) -> None:
        self._admitted, self._refused, self._counts = Counter[str](), Counter[str](), Counter[str]()
        self._rollouts, self._right = Counter[str](), Counter[str]()

    def admit(self, cell: Cell) -> None:
        self._counts["teacher"] += 1
        self._admitted.update(_values(cell))

    def refuse(self, cell: Cell | None) -> None:
        """cell: None where the rejected draw tells none."""
        self._counts["refused"] += 1
        self._refused.update(_values(cell or {}))

    def roll(self, scenario_id: str, outcome: Outcome, keep: bool) -> None:
        """A rollout by a model: difficulty is what models make of a scenario; scripted operators tell nothing of it."""
        self._counts["operator"] += keep
        self._rollouts[scenario_id] += 1
        self._right[scenario_id] += outcome in KEPT

    def returns(self, spent: Mapping[str, Usage]) -> Returns:
        tried = [(count, self._right[name]) for name, count in self._rollouts.items()]
        bands = Counter(band(*pair) for pair in tried)
        return Returns(
            spent=dict(spent),
            each_usd={role: round(spent[role].cost_usd / n, 6) for role in spent if (n := self._counts[role])},
            yields=self._yields() if self._counts["refused"] else [],
            pass_at=mean_pass_at(tried, KS),
            bands={name: bands[name] for name in BANDS if bands[name]},
        )

    def _yields(self) -> list[Share]:
        drawn = self._admitted + self._refused
        shares = [Share(value=value, admitted=self._admitted[value], drawn=drawn[value]) for value in drawn]
        shares = [share for share in shares if share.drawn >= FEWEST_DRAWN]
        return sorted(shares, key=lambda share: (share.admitted / share.drawn, share.value))


def _values(cell: Mapping[str, str]) -> list[str]:
    return [f"{axis}={value}" for axis, value in cell.items()]


def mean_pass_at(tried: Sequence[tuple[int, int]], ks: Iterable[int]) -> dict[int, float]:
    """k → pass@k, the mean over the scenarios with at least k rollouts. tried: (rollouts, right) of each scenario."""
    chances = {k: [pass_at(rollouts, right, k) for rollouts, right in tried if rollouts >= k] for k in ks}
    return {k: round(fmean(values), 4) for k, values in chances.items() if values}


def band(rollouts: int, right: int) -> str:
    share = right / rollouts
    bounds = (share == 0, share <= 0.25, share <= 0.75, share < 1, True)
    return BANDS[bounds.index(True)]


def selected(rows: Rows, bands: Collection[str], most: int | None) -> list[str]:
    """The names of kept trajectories whose scenario is in a band (any, where none is named), at most so many of each.

    rows: name and trajectory; of one scenario those that come first are taken.
    """
    tried = _tried([trajectory for _, trajectory in rows])
    taken: Counter[str] = Counter()
    names = []
    for name, trajectory in rows:
        fits = not bands or band(*tried[trajectory.scenario_id]) in bands
        if trajectory.keep and fits and (most is None or taken[trajectory.scenario_id] < most):
            taken[trajectory.scenario_id] += 1
            names.append(name)
    return names


def _tried(trajectories: Iterable[Trajectory]) -> dict[str, tuple[int, int]]:
    """Scenario → rollouts, and those that ended right."""
    rollouts: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for trajectory in trajectories:
        rollouts[trajectory.scenario_id] += 1
        right[trajectory.scenario_id] += trajectory.outcome in KEPT
    return {name: (count, right[name]) for name, count in rollouts.items()}
