"""Where a run stands, on disk: the weights that learn, the optimiser's state, and what every step so far gave."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sekft.folder import HIDDEN, Folder

CHECKPOINT = "checkpoint.pt"


class Step(NamedTuple):
    """learnt: tokens that count. right: of DPO, the share of pairs whose chosen side gained more."""

    tokens: int
    learnt: int
    loss: float
    rate: float
    wall_s: float
    right: float | None = None


def path(root: Path) -> Path:
    return root / HIDDEN / CHECKPOINT


def save(folder: Folder, weights: Mapping[str, Any], optimiser: Any, steps: list[Step]) -> None:
    """Replace the checkpoint, whole or not at all. Raises StoreError."""
    import torch

    file = folder.begin(path(folder.root))
    state = {"weights": dict(weights), "optimiser": optimiser.state_dict(), "steps": [tuple(step) for step in steps]}
    torch.save(state, file)
    folder.place(file, path(folder.root))


def load(root: Path, weights: Mapping[str, Any], optimiser: Any) -> list[Step]:
    """Put weights and optimiser where they stood; the steps done, none when there is no checkpoint."""
    import torch

    if not path(root).exists():
        return []
    state = torch.load(path(root), weights_only=True)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(state["weights"][name])
    optimiser.load_state_dict(state["optimiser"])
    return [Step(*step) for step in state["steps"]]
