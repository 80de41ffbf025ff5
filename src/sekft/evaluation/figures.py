"""The pictures of evaluations: the chain, rates by the values of each axis, and several side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sekft.evaluation.evaluate import CHAIN, MEASURES, AxisValueFigures, Evaluation
from sekft.evaluation.pictures import png, spec_of

COLUMNS = {
    "right": "right", "noticed": "notices", "learnt": "learns", "retrieved": "retrieves", "executed": "executes",
    "read_first": "reads first", "rightly_blocked": "timely panic", "false_panic": "false panic",
}  # fmt: skip
Row = dict[str, Any]


def draw(found: Mapping[str, Evaluation]) -> dict[str, bytes]:
    """PNGs by file name. found: by the names that the pictures show, in their order."""
    drawn = {"chain.png": _drawn("chain", (row for name, one in found.items() for row in _chain(name, one)))}
    if len(found) > 1:
        drawn["change.png"] = _drawn("change", (row for name, one in found.items() for row in _rights(name, one)))
    for name, one in found.items():
        file = "axes.png" if len(found) == 1 else f"axes-{name.replace('/', '-')}.png"
        drawn[file] = _drawn("axes", _cells(one), f"Rates by the values of each axis: {name}")
    return drawn


def _drawn(name: str, rows: Iterator[Row], title: str | None = None) -> bytes:
    spec = spec_of(name)
    spec["data"] = {"values": list(rows)}
    if title:
        spec["title"]["text"] = title
    return png(spec)


def _chain(name: str, found: Evaluation) -> Iterator[Row]:
    for mark in (*CHAIN, "right"):
        rate = found.all.rates[mark]
        yield {"name": name, "mark": mark, "value": rate.value, "low": rate.low, "high": rate.high}


def _all(found: Evaluation) -> list[AxisValueFigures]:
    """Everything as a part of its own, before the parts."""
    return [AxisValueFigures(axis="all", value="all", figures=found.all), *found.parts]


def _cells(found: Evaluation) -> Iterator[Row]:
    for part in _all(found):
        for measure, says in COLUMNS.items():
            if (rate := part.figures.rates[measure].value) is not None:
                good = rate if MEASURES[measure].better else 1 - rate
                yield {"axis": part.axis, "value": part.value, "says": says, "rate": rate, "good": good}


def _rights(name: str, found: Evaluation) -> Iterator[Row]:
    for part in _all(found):
        rate = part.figures.rates["right"]
        if rate.value is not None:
            yield {
                "name": name, "axis": part.axis, "value": part.value,
                "rate": rate.value, "low": rate.low, "high": rate.high,
            }  # fmt: skip
