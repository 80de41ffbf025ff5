"""What a command is asked to do, and what it does where nothing is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sekft.protocols import OperatorSettings


@dataclass(frozen=True, slots=True)
class Families:
    """What each slot holds beside its base scenario, and which values make a family held out (see splits).

    reskins: versions with all surface redrawn and the same latent task.
    """

    twins: bool = False
    reskins: int = 0
    holdout: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Generation:
    """n: families to end with. sandbox: a backend's name, or None for the structural dry run."""

    n: int
    author: str
    seed: int = 0
    where: tuple[str, ...] = ()
    sandbox: str | None = "auto"
    concurrency: int = 4
    families: Families = Families()


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


def generation(
    note: Callable[[str], None],
    n: int,
    author: str | None,
    seed: int,
    where: Sequence[str] | None,
    sandbox: str,
    no_sandbox: bool,
    concurrency: int | None,
    families: Families,
) -> Generation:
    """What `generate` is asked, its choices told through `note`."""
    chosen = author or default_author()
    note(f"author: {chosen}" + ("" if author else " (default; --author chooses another)"))
    if no_sandbox:
        note("WARNING: --no-sandbox: nothing is run, so nothing proves that a scenario can be solved;")
        note("WARNING: every scenario is stamped gate.mode = structural")
    place = None if no_sandbox else sandbox
    return Generation(n, chosen, seed, tuple(where or ()), place, concurrency or default_concurrency(), families)


def rolling(
    note: Callable[[str], None],
    samples: int,
    operator: str | None,
    seed: int,
    sandbox: str,
    concurrency: int | None,
    max_turns: int,
    settings: OperatorSettings,
) -> Rolling:
    """What `rollout` is asked, its choices told through `note`."""
    chosen = operator or default_operator()
    note(f"operator: {chosen}" + ("" if operator else " (default; --operator chooses another)"))
    return Rolling(samples, chosen, seed, sandbox, concurrency or default_concurrency(), max_turns, settings)
