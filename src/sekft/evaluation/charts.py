"""Every picture, as PNG: of an evaluation, of several side by side, and of a data card. Drawn without a browser."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

from sekft.evaluation.evaluate import AxisValueFigures, Evaluation
from sekft.evaluation.metrics import CHAIN, MEASURES
from sekft.scenario import Cell
from sekft.taxonomy import splits

SCALE = 2
"""Pixels for one: sharp at the Hub's width on a dense screen."""
COLUMNS = {
    "right": "right", "noticed": "notices", "learnt": "learns", "retrieved": "retrieves", "executed": "executes",
    "read_first": "reads first", "rightly_blocked": "timely panic", "false_panic": "false panic",
}  # fmt: skip
Row = Mapping[str, Any]


def drawable() -> bool:
    """Whether the library that draws is installed (extra `report`)."""
    return find_spec("vl_convert") is not None


def evaluations(reports: Mapping[str, Evaluation]) -> dict[str, bytes]:
    """PNGs by file name. reports: by the names that the pictures show, in their order."""
    pictures = {"chain.png": _drawn("chain", (row for name, report in reports.items() for row in _chain(name, report)))}
    if len(reports) > 1:
        rows = (row for name, report in reports.items() for row in _rights(name, report))
        pictures["change.png"] = _drawn("change", rows)
    for name, report in reports.items():
        file = "axes.png" if len(reports) == 1 else f"axes-{name.replace('/', '-')}.png"
        pictures[file] = _drawn("axes", _cells(report), text=f"Rates by the values of each axis: {name}")
    return pictures


def lengths(bins: Mapping[str, Mapping[int, int]], width: int, marks: Mapping[int, str], counted: str) -> bytes:
    """Rows over tokens. bins: split → least tokens of a bin → rows. marks: tokens → what the line there says."""
    rows = [
        {"split": split, "order": order, "from": start, "to": start + width, "rows": count}
        for order, (split, counts) in enumerate(sorted(bins.items(), reverse=True))
        for start, count in sorted(counts.items())
    ]
    lines = [{"tokens": tokens, "says": says, "last": tokens == max(marks)} for tokens, says in marks.items()]
    return _drawn("lengths", subtitle=f"counted by {counted}", datasets={"bins": rows, "marks": lines})


def balance(scenarios: Iterable[tuple[Cell, str]]) -> bytes:
    """For each axis and split the shares of its values, those that training never has in another colour.

    scenarios: cell and split of each.
    """
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for cell, split in scenarios:
        for axis, value in cell.items():
            counts[axis, split][value] += 1
    return _drawn("balance", (row for axis, split in sorted(counts) for row in _shares(counts, axis, split)))


def _drawn(
    template: str, rows: Iterable[Row] = (), *, datasets: Mapping[str, Sequence[Row]] | None = None, **title: str
) -> bytes:
    """A template of templates/ with its data and titles filled in. datasets: where its layers name several."""
    from vl_convert import vegalite_to_png

    source = files("sekft.evaluation").joinpath(f"templates/{template}.vl.json")
    spec: dict[str, Any] = json.loads(source.read_text("utf-8"))
    spec["title"] |= title
    if datasets is None:
        spec["data"] = {"values": list(rows)}
    else:
        for layer in spec["layer"]:
            layer["data"] = {"values": datasets[layer["data"]["name"]]}
    png: bytes = vegalite_to_png(vl_spec=json.dumps(spec), scale=SCALE)
    return png


def _chain(name: str, report: Evaluation) -> Iterator[Row]:
    for mark in (*CHAIN, "right"):
        rate = report.all.rates[mark]
        yield {"name": name, "mark": mark, "value": rate.value, "low": rate.low, "high": rate.high}


def _all(report: Evaluation) -> list[AxisValueFigures]:
    """Everything as a part of its own, before the parts."""
    return [AxisValueFigures(axis="all", value="all", figures=report.all), *report.parts]


def _cells(report: Evaluation) -> Iterator[Row]:
    for part in _all(report):
        for measure, says in COLUMNS.items():
            if (rate := part.figures.rates[measure].value) is not None:
                good = rate if MEASURES[measure].better else 1 - rate
                yield {"axis": part.axis, "value": part.value, "says": says, "rate": rate, "good": good}


def _rights(name: str, report: Evaluation) -> Iterator[Row]:
    for part in _all(report):
        rate = part.figures.rates["right"]
        if rate.value is not None:
            place = {"name": name, "axis": part.axis, "value": part.value}
            yield {**place, "rate": rate.value, "low": rate.low, "high": rate.high}


def _shares(counts: Mapping[tuple[str, str], Counter[str]], axis: str, split: str) -> Iterator[Row]:
    own, train = counts[axis, split], counts.get((axis, splits.TRAIN), Counter())
    says = dict.fromkeys(own, "training" if split == splits.TRAIN else "held out")
    if split != splits.TRAIN and train:
        says |= {value: "held out, value that training never has" for value in own if value not in train}
    start = 0
    for value in sorted(own, key=lambda value: (says[value], value)):
        end = start + own[value]
        place = {"from": start / own.total(), "to": end / own.total()}
        yield {"axis": axis, "split": split, "value": value, "says": says[value], **place}
        start = end
