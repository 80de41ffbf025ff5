"""How long the kept trajectories are."""

from __future__ import annotations

from collections.abc import Iterator

from sekft.evaluation.statistics import quantile
from sekft.models.texts import EstimatedTokens, length
from sekft.quality.measures import Figure, Holdings


def measure(held: Holdings) -> Iterator[Figure]:
    """Medians, with the spread beside them; tokens are estimated from characters."""
    if not held.kept:
        return
    actions = sorted(len(rollout.actions) for rollout in held.kept)
    tokens = sorted(length(rollout.trajectory.messages(), EstimatedTokens()) for rollout in held.kept)
    yield Figure("actions", quantile(actions, 0.5), len(actions), detail=_spread(actions))
    yield Figure("tokens", quantile(tokens, 0.5), len(tokens), detail=f"{_spread(tokens)}, {sum(tokens)} in all, about")


def _spread(ordered: list[int]) -> str:
    p10, p90 = quantile(ordered, 0.1), quantile(ordered, 0.9)
    return f"least {ordered[0]}, p10 {p10}, p90 {p90}, most {ordered[-1]}"
