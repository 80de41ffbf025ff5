"""The taxonomy as `sekft taxonomy` prints it."""

from __future__ import annotations

import json

from sekft.errors import UsageError
from sekft.taxonomy import Axis, load


def as_text(name: str | None = None) -> str:
    """Every axis with its values, or one axis with its briefs. Raises UsageError for an unknown axis."""
    if name is not None:
        return "\n".join(_chosen(name)) + "\n"
    axes = load().axes
    width = max(map(len, axes))
    return "".join(f"{axis.name:<{width}}  {', '.join(axis.values)}\n" for axis in axes.values())


def as_data(name: str | None = None) -> str:
    """The same as JSON: axis → {brief, values → {weight, brief, excludes}}."""
    axes = load().axes if name is None else {name: _axis(name)}
    body = {axis.name: {"brief": axis.brief, "values": _values(axis)} for axis in axes.values()}
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def _axis(name: str) -> Axis:
    axes = load().axes
    if name not in axes:
        raise UsageError(f"no axis {name!r}; known axes: {', '.join(axes)}")
    return axes[name]


def _chosen(name: str) -> list[str]:
    axis = _axis(name)
    total = sum(value.weight for value in axis.values.values())
    lines = [f"{axis.name}: {axis.brief}"]
    for value in axis.values.values():
        lines.append(f"  {value.name} ({value.weight / total:.0%}): {value.brief}")
        for other, barred in value.excludes.items():
            lines.append(f"    never with {other} = {' or '.join(sorted(barred))}")
    return lines


def _values(axis: Axis) -> dict[str, dict[str, object]]:
    return {
        value.name: {
            "weight": value.weight,
            "brief": value.brief,
            "excludes": {other: sorted(barred) for other, barred in value.excludes.items()},
        }
        for value in axis.values.values()
    }
