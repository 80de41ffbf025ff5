"""Who acts: operators, found by name. Another package adds one as an entry point of `sekft.operators`.

A name stands for a function from `OperatorConfig` to an operator, which inherits from `protocols.Operator`.
"""

from __future__ import annotations

from collections.abc import Callable

from sekft.protocols import Family, Operator, OperatorConfig

KINDS = {
    "blind": "sekft.operators.replayed:blind",
    "explorer": "sekft.operators.explorer:make",
    "model": "sekft.operators.model:make",
    "reference": "sekft.operators.replayed:reference",
    "saboteur": "sekft.operators.saboteur:make",
    "student": "sekft.operators.student:make",
}
_SAMPLING = ("max_tokens", "temperature", "top_p")
OPTIONS: dict[str, tuple[str, ...]] = {
    "blind": (),
    "explorer": ("recovery_share",),
    "model": (*_SAMPLING, "scaffold", "no_scaffold", "action_format", "recovery_share"),
    "reference": (),
    "saboteur": ("recovery_share",),
    "student": ("model", *_SAMPLING, "no_scaffold"),
}
"""The options of each kind of ours, besides those that every operator has. Another package's kind takes them all."""
FAMILY: Family[Callable[[OperatorConfig], Operator]] = Family("operator", "sekft.operators", KINDS)


def make(name: str, settings: OperatorConfig) -> Operator:
    """The operator of that kind. Raises UsageError for an unknown kind, naming the known ones."""
    return FAMILY.load(name)(settings)
