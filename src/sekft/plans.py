"""What a command is asked to do, and what it does where nothing is asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from sekft.protocols import OperatorSettings


@dataclass(frozen=True, slots=True)
class Generation:
    """sandbox: a backend's name, or None for the structural dry run."""

    n: int
    author: str
    seed: int = 0
    where: tuple[str, ...] = ()
    sandbox: str | None = "auto"
    concurrency: int = 4


@dataclass(frozen=True, slots=True)
class Rolling:
    """What of `settings` an operator has is part of what the folder is made with."""

    samples: int
    operator: str
    seed: int = 0
    sandbox: str = "auto"
    concurrency: int = 4
    max_turns: int = 40
    settings: OperatorSettings = field(default_factory=OperatorSettings)


def default_author(environ: Mapping[str, str] = os.environ) -> str:
    return "teacher" if environ.get("SEKFT_MODEL") else "procedural"


def default_operator(environ: Mapping[str, str] = os.environ) -> str:
    return "model" if environ.get("SEKFT_OP_MODEL") else "explorer"


def default_concurrency() -> int:
    return 2 * (os.cpu_count() or 1)
