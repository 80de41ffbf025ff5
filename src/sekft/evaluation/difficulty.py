"""What models' work came to: what it cost, how much of it was admitted or kept, and how hard each scenario was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import comb
from statistics import fmean

from sekft.rejection import Rejection
from sekft.scenario import Frozen, Scenario
from sekft.trajectory import KEPT, Trajectory, Usage

BANDS = ("never", "hard", "medium", "easy", "always")
"""By the share of a scenario's rollouts that end right: 0, up to 1/4, up to 3/4, below 1, 1."""
KS = (1, 2, 4, 8, 16)
FEWEST_DRAWN = 5
"""A value of an axis that was drawn less often says nothing about its yield."""
LOWEST_SHOWN = 8
Rows = Sequence[tuple[str, Trajectory]]


class Share(Frozen):
    value: str
    admitted: int
    drawn: int


class Returns(Frozen):
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


def returns(
    spent: Mapping[str, Usage],
    scenarios: Sequence[Scenario],
    rejections: Sequence[Rejection],
    trajectories: Sequence[Trajectory],
) -> Returns:
    """Difficulty is what models make of a scenario; scripted operators tell nothing of it."""
    modelled = [made for made in trajectories if made.operator.model is not None]
    counts = {"teacher": len(scenarios), "operator": sum(made.keep for made in modelled)}
    tried = _tried(modelled)
    return Returns(
        spent=dict(spent),
        each_usd={role: round(spent[role].cost_usd / counts[role], 6) for role in spent if counts.get(role)},
        yields=_yields(scenarios, rejections) if rejections else [],
        pass_at={
            k: round(fmean(found), 4)
            for k in KS
            if (found := [pass_at(*one, k) for one in tried.values() if one[0] >= k])
        },
        bands={name: count for name in BANDS if (count := sum(band(*one) == name for one in tried.values()))},
    )


def pass_at(rollouts: int, right: int, k: int) -> float:
    """The chance that k of these rollouts, drawn without putting back, hold a right one."""
    return 1 - comb(rollouts - right, k) / comb(rollouts, k)


def band(rollouts: int, right: int) -> str:
    share = right / rollouts
    bounds = (share == 0, share <= 0.25, share <= 0.75, share < 1, True)
    return BANDS[bounds.index(True)]


def selected(rows: Rows, bands: Collection[str], most: int | None) -> list[str]:
    """The names of kept trajectories whose scenario is in a band (any, where none is named), at most so many of each.

    rows: name and trajectory; of one scenario those that come first are taken.
    """
    tried = _tried([made for _, made in rows])
    taken: Counter[str] = Counter()
    found = []
    for name, made in rows:
        fits = not bands or band(*tried[made.scenario_id]) in bands
        if made.keep and fits and (most is None or taken[made.scenario_id] < most):
            taken[made.scenario_id] += 1
            found.append(name)
    return found


def render(found: Returns) -> str:
    lines = ["Models"]
    each = {"teacher": "an admitted scenario", "operator": "a kept trajectory"}
    for role, usage in found.spent.items():
        cost = f", ${usage.cost_usd:.4f}" if usage.cost_usd else ""
        cost += f", ${found.each_usd[role]:.4f} {each[role]}" if found.each_usd.get(role) else ""
        lines.append(f"  {role:<10}  {usage.requests} requests, {usage.tokens} tokens{cost}")
    if found.pass_at:
        lines.append("  ends right  " + ", ".join(f"pass@{k} {share:.0%}" for k, share in found.pass_at.items()))
        lines.append("  scenarios   " + ", ".join(f"{name} {count}" for name, count in found.bands.items()))
    lowest = [share for share in found.yields if share.admitted < share.drawn][:LOWEST_SHOWN]
    if lowest:
        shown = ", ".join(f"{share.value} {share.admitted}/{share.drawn}" for share in lowest)
        lines.append(f"  low yield   {shown}")
    return "\n".join(lines)


def _tried(trajectories: Iterable[Trajectory]) -> dict[str, tuple[int, int]]:
    """Scenario → rollouts, and those that ended right."""
    rollouts: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for made in trajectories:
        rollouts[made.scenario_id] += 1
        right[made.scenario_id] += made.outcome in KEPT
    return {name: (count, right[name]) for name, count in rollouts.items()}


def _yields(scenarios: Sequence[Scenario], rejections: Sequence[Rejection]) -> list[Share]:
    refused = [cell for each in rejections if isinstance(cell := each.scenario.get("cell"), dict)]
    admitted = Counter(f"{axis}={value}" for each in scenarios for axis, value in each.cell.items())
    drawn = admitted + Counter(f"{axis}={value}" for cell in refused for axis, value in cell.items())
    shares = [Share(value=value, admitted=admitted[value], drawn=drawn[value]) for value in drawn]
    shares = [share for share in shares if share.drawn >= FEWEST_DRAWN]
    return sorted(shares, key=lambda share: (share.admitted / share.drawn, share.value))
