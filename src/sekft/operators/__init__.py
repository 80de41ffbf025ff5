"""The policies that act: one module a kind, found by its name.

A kind's module has `make(settings: OperatorConfig) -> Operator`.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from sekft.errors import UsageError
from sekft.protocols import Operator, OperatorConfig

KINDS = ("blind", "explorer", "model", "reference", "saboteur", "student")


def kinds() -> list[str]:
    """Every kind, without importing one."""
    return list(KINDS)


def make(name: str, settings: OperatorConfig) -> Operator:
    """The operator of that kind. Raises UsageError for an unknown kind, naming the known ones."""
    if name not in kinds():
        raise UsageError(f"unknown operator {name!r}, want one of: {', '.join(kinds())}")
    module = import_module(f"{__name__}.{name}")
    return cast(Operator, module.make(settings))
