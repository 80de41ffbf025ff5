"""Finds the kinds of a family: one module a kind, named by its file."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def modules(package: ModuleType) -> dict[str, ModuleType]:
    """Every module of the package, by its file's name, sorted."""
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
