"""How long the kept trajectories are."""

from __future__ import annotations

from collections.abc import Iterator

from sekft.measures import Figure, Holdings

CHARACTERS_A_TOKEN = 2.5
"""Of 120 explorer trajectories, full of invented names, by SmolLM2's tokenizer (2.49); others count differently."""


def measure(held: Holdings) -> Iterator[Figure]:
    """Medians, with the spread beside them; tokens are estimated from characters."""
    if not held.kept:
        return
    actions = sorted(len(one.actions) for one in held.kept)
    texts = [[turn.content for turn in one.trajectory.turns] for one in held.kept]
    tokens = sorted(round(sum(map(len, contents)) / CHARACTERS_A_TOKEN) for contents in texts)
    yield Figure("actions", _at(actions, 0.5), len(actions), detail=_spread(actions))
    yield Figure("tokens", _at(tokens, 0.5), len(tokens), detail=f"{_spread(tokens)}, {sum(tokens)} in all, about")


def _at(ordered: list[int], share: float) -> int:
    return ordered[int(share * (len(ordered) - 1))]


def _spread(ordered: list[int]) -> str:
    return f"least {ordered[0]}, p10 {_at(ordered, 0.1)}, p90 {_at(ordered, 0.9)}, most {ordered[-1]}"
