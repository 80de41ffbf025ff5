"""How long the kept trajectories are."""

from __future__ import annotations

from collections.abc import Iterator

from sekft.models.tokens import EstimatedTokens, length
from sekft.quality.measures import Figure, Holdings


def measure(held: Holdings) -> Iterator[Figure]:
    """Medians, with the spread beside them; tokens are estimated from characters."""
    if not held.kept:
        return
    actions = sorted(len(one.actions) for one in held.kept)
    tokens = sorted(length(one.trajectory.messages(), EstimatedTokens()) for one in held.kept)
    yield Figure("actions", _at(actions, 0.5), len(actions), detail=_spread(actions))
    yield Figure("tokens", _at(tokens, 0.5), len(tokens), detail=f"{_spread(tokens)}, {sum(tokens)} in all, about")


def _at(ordered: list[int], share: float) -> int:
    return ordered[int(share * (len(ordered) - 1))]


def _spread(ordered: list[int]) -> str:
    return f"least {ordered[0]}, p10 {_at(ordered, 0.1)}, p90 {_at(ordered, 0.9)}, most {ordered[-1]}"
