"""The two pictures of a data card: how long sessions are, and how the values of the axes lie over the splits."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

from sekft.scenario import Scenario
from sekft.taxonomy import splits

SCALE = 2
"""Pixels for one: sharp at the Hub's width on a dense screen."""
Row = Mapping[str, str | int | float]


def lengths(bins: Mapping[str, Mapping[int, int]], width: int, marks: Mapping[int, str], counted: str) -> bytes:
    """PNG: rows over tokens. bins: split → least tokens of a bin → rows. marks: tokens → what the line there says."""
    spec = spec_of("lengths")
    spec["title"]["subtitle"] = f"counted by {counted}"
    rows = [
        {"split": split, "order": order, "from": start, "to": start + width, "rows": count}
        for order, (split, counts) in enumerate(sorted(bins.items(), reverse=True))
        for start, count in sorted(counts.items())
    ]
    named = [{"tokens": tokens, "says": says, "last": tokens == max(marks)} for tokens, says in marks.items()]
    for layer in spec["layer"]:
        layer["data"]["values"] = rows if layer["data"].pop("name") == "bins" else named
    return png(spec)


def balance(scenarios: Sequence[Scenario]) -> bytes:
    """PNG: for each axis and split the shares of its values, those that training never has in another colour."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in scenarios:
        for axis, value in one.cell.items():
            counts[axis, one.split][value] += 1
    spec = spec_of("balance")
    spec["data"] = {"values": [row for (axis, split) in sorted(counts) for row in _shares(counts, axis, split)]}
    return png(spec)


def _shares(counts: Mapping[tuple[str, str], Counter[str]], axis: str, split: str) -> list[Row]:
    own, train = counts[axis, split], counts.get((axis, splits.TRAIN), Counter())
    says = dict.fromkeys(own, "training" if split == splits.TRAIN else "held out")
    if split != splits.TRAIN and train:
        says |= {value: "held out, value that training never has" for value in own if value not in train}
    rows: list[Row] = []
    at = 0
    for value in sorted(own, key=lambda value: (says[value], value)):
        ends = at + own[value]
        place = {"from": at / own.total(), "to": ends / own.total()}
        rows.append({"axis": axis, "split": split, "value": value, "says": says[value], **place})
        at = ends
    return rows


def spec_of(name: str) -> dict[str, Any]:
    """A picture as templates/ has it, its data still to come."""
    spec: dict[str, Any] = json.loads(
        files("sekft.evaluation").joinpath(f"templates/{name}.vl.json").read_text("utf-8")
    )
    return spec


def drawable() -> bool:
    """Whether the library that draws is installed (extra `report`)."""
    return find_spec("vl_convert") is not None


def png(spec: Mapping[str, Any]) -> bytes:
    """Drawn here, without a browser or a network."""
    from vl_convert import vegalite_to_png

    drawn: bytes = vegalite_to_png(vl_spec=json.dumps(spec), scale=SCALE)
    return drawn
