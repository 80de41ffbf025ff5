"""An evaluation as a page of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from sekft.evaluation.evaluate import CHAIN, MEASURES, AxisValueFigures, Evaluation, Rate

COLUMNS = {"right": "right", "noticed": "notices", "learnt": "learns", "retrieved": "retrieves", "executed": "executes"}
PANICS = {"rightly_blocked": "timely panic", "false_panic": "false panic"}
FEW = 10
"""Cases below which an axis value's line says so."""


def render(found: Evaluation) -> str:
    operator, figures = found.operator, found.all
    told = ", ".join(f"{name} {value}" for name, value in operator.settings.items())
    head = f"{operator.kind}{f' {operator.model}' if operator.model else ''}{f' ({told})' if told else ''}"
    lines = [head, f"  {figures.scenarios} scenarios, {figures.rollouts} rollouts"]
    lines += [f"  WARNING: {found.missing} rollouts are missing"] if found.missing else []
    for title, names in _topics():
        lines += ["", title, *(_line(MEASURES[name].says, figures.rates[name]) for name in names)]
    return "\n".join([*lines, *_difficulty(found), *_axes(found.parts)]) + "\n"


def percent(rate: Rate) -> str:
    return "    –" if rate.value is None else f"{100 * rate.value:5.1f}"


def _topics() -> Iterator[tuple[str, list[str]]]:
    """The measures by topic: an answer and its false alarm stand together."""
    first = ["right", "kept", "solved", "idle", "rightly_blocked", "false_panic"]
    yield "Ends right, in % (95 % interval)", first
    yield "How far it gets: each mark and all before it", list(CHAIN)
    yield "Habits and failures", [name for name in MEASURES if name not in {*first, *CHAIN}]


def _line(says: str, rate: Rate) -> str:
    if rate.value is None or rate.low is None or rate.high is None:
        return f"      –                  {says}: no case"
    return f"  {percent(rate)}  ({100 * rate.low:5.1f} to {100 * rate.high:5.1f})  {says}, of {rate.of}"


def _difficulty(found: Evaluation) -> Iterator[str]:
    if found.all.length is not None:
        yield f"  {found.all.length:5.2f}                    actions of what ends right, in the reference's (median)"
    if found.samples > 1:
        passes = ", ".join(f"pass@{k} {share:.1%}" for k, share in found.pass_at.items())
        yield f"\nOver {found.samples} samples: {passes}"
        yield "  scenarios ending right: " + ", ".join(f"{name} {count}" for name, count in found.bands.items())
        if found.distinct is not None:
            yield f"  of a scenario's right rollouts, {found.distinct:.0%} type something of their own"
    if found.reskins:
        told = ", ".join(f"{name} {count}" for name, count in found.reskins.items())
        families = sum(found.reskins.values())
        yield f"\nOne task under several surfaces, every rollout right: {told}, of {families} families"


def _axes(parts: Sequence[AxisValueFigures]) -> Iterator[str]:
    columns = {**COLUMNS, **PANICS}
    width = max((len(part.value) for part in parts), default=0)
    for axis, values in groupby(parts, key=lambda part: part.axis):
        yield f"\n{axis:<{width + 2}} rollouts  {'right, 95 %':>21}  {'  '.join(list(columns.values())[1:])}"
        for part in values:
            rates = part.figures.rates
            right = rates["right"]
            few = " few" if right.of < FEW else ""
            spread = f"{percent(right)} ({100 * (right.low or 0):5.1f} to {100 * (right.high or 0):5.1f})"
            others = "  ".join(percent(rates[name]).rjust(len(title)) for name, title in list(columns.items())[1:])
            yield f"  {part.value:<{width}} {right.of:>8}  {spread}  {others}{few}"
