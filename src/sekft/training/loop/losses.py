"""What a step makes smaller, from the log-probabilities of the learnt tokens of a pack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sekft.training.loop.packs import Pack


def imitation(logprobs: Any, tokens: int) -> Any:
    """SFT: this pack's part of the mean over the learnt tokens of a whole step.

    tokens: how many the step learns in all its packs.
    """
    return -logprobs.sum() / tokens


def by_sequence(logprobs: Any, pack: Pack) -> Any:
    """The log-probability of each branch of the pack: (branches,), chosen and rejected in turn."""
    import torch

    owners = torch.tensor(pack.owners, device=logprobs.device)
    return torch.zeros(pack.owners[-1] + 1, device=logprobs.device).index_add(0, owners, logprobs)


def preference(logprobs: Any, pack: Pack, reference: Sequence[float], pairs: int, beta: float) -> tuple[Any, int]:
    """DPO's sigmoid loss, this pack's part of the mean over a step's pairs; and how many pairs it already orders.

    reference: what by_sequence gave before training.
    """
    import torch

    gains = by_sequence(logprobs, pack) - torch.tensor(reference, device=logprobs.device)
    margins = gains[0::2] - gains[1::2]
    return -torch.nn.functional.logsigmoid(beta * margins).sum() / pairs, int((margins > 0).sum())
