"""The policies that act: one module a kind, found by its name.

A kind's module has `make(temperature, max_tokens) -> Operator`; None means the kind's own default,
and a scripted kind ignores both.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import cast

from sekft.errors import UsageError
from sekft.protocols import Operator


def kinds() -> list[str]:
    """Every kind, without importing one."""
    return sorted(module.name for module in iter_modules(__path__))


def make(name: str, *, temperature: float | None = None, max_tokens: int | None = None) -> Operator:
    """The operator of that kind. Raises UsageError for an unknown kind, naming the known ones."""
    if name not in kinds():
        raise UsageError(f"unknown operator {name!r}, want one of: {', '.join(kinds())}")
    module = import_module(f"{__name__}.{name}")
    return cast(Operator, module.make(temperature=temperature, max_tokens=max_tokens))
