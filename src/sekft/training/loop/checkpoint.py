"""Where a run stands, on disk: what learns, the optimiser's memory of it, and what every step so far gave."""

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


def keep(folder: Folder, weights: Mapping[str, Any], optimiser: Any, steps: list[Step]) -> None:
    """Replace the checkpoint, whole or not at all. Raises StoreError."""
    import torch

    place = path(folder.root)
    file = folder.begin(place)
    torch.save(
        {"weights": dict(weights), "optimiser": optimiser.state_dict(), "steps": [tuple(s) for s in steps]}, file
    )
    folder.place(file, place)


def go_on(root: Path, weights: Mapping[str, Any], optimiser: Any) -> list[Step]:
    """Put weights and optimiser where they stood; the steps done, none when there is no checkpoint."""
    import torch

    if not path(root).exists():
        return []
    kept = torch.load(path(root), weights_only=True)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(kept["weights"][name])
    optimiser.load_state_dict(kept["optimiser"])
    return [Step(*step) for step in kept["steps"]]
