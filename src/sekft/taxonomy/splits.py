"""Which scenarios are kept for evaluation: those with a value that training must never see."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files

from sekft.scenario import Cell
from sekft.taxonomy import Taxonomy, Where, parse_where

TRAIN, HELD_OUT = "train", "heldout"
NONE = "none"


def held_out(taxonomy: Taxonomy, terms: Sequence[str] = ()) -> Where:
    """The held-out values of each axis: those of the terms, `none` for none at all, else the default of splits.toml.

    Raises UsageError for an unknown axis or value.
    """
    if list(terms) == [NONE]:
        return {}
    default = tomllib.loads(files("sekft.taxonomy").joinpath("splits.toml").read_text("utf-8"))["held_out"]
    return parse_where(taxonomy, terms or spelt(default), "--holdout")


def spelt(held: Mapping[str, Iterable[str]]) -> list[str]:
    """`axis=value` terms, sorted; what a run folder remembers of its split."""
    return sorted(f"{axis}={value}" for axis, values in held.items() for value in values)


def part(cells: Iterable[Cell], held: Where) -> str:
    """The part that a family belongs to, by the cells of all its members."""
    return HELD_OUT if any(cell.get(axis) in values for cell in cells for axis, values in held.items()) else TRAIN
