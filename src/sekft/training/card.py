"""The model card that lies beside a student: its data, its recipe, the command that made it."""

from __future__ import annotations

from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from sekft.training.loop.students import Learning

if TYPE_CHECKING:
    from sekft.training.train import Trained


def card(found: Trained) -> str:
    """Markdown with the metadata block that model hubs read."""
    recipe = found.recipe
    layers, rank = recipe["layers"], recipe["rank"]
    text = Template(files("sekft.training").joinpath("card.md").read_text("utf-8"))
    return text.substitute(
        {name: f"{value:,}" if isinstance(value, int) else value for name, value in recipe.items()},
        sha256=recipe["data_sha256"],
        learning=Learning(int(layers) if layers else None, int(rank or 0)).name,
        seed=recipe["seed"],
        rows=f"{found.rows:,}",
        too_long=f"{found.too_long:,}",
        steps=f"{found.steps:,}",
        tokens=f"{found.tokens:,}",
        learnt_tokens=f"{found.learnt_tokens:,}",
        loss_before=f"{found.loss_before:.3f}",
        loss_after=f"{found.loss_after:.3f}",
        right="" if found.right_after is None else f"; {found.right_after:.0%} of the last pairs in order",
        wall_s=f"{found.wall_s:,.0f}",
        tokens_per_s=f"{found.tokens_per_s:,.0f}",
        versions=", ".join(f"{name} {number}" for name, number in found.versions.items()),
        command=found.command,
    )
