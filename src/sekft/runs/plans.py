"""What a command is asked to do, and what it does where nothing is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sekft.errors import UsageError
from sekft.evaluation.difficulty import BANDS
from sekft.models.journal import Budget
from sekft.protocols import OperatorSettings

if TYPE_CHECKING:
    from sekft.cli.options import Acting, Drawing, Growing, Spending

FORMATS = ("plain", "fenced")
STUDENT = "student"
STUDENTS_AT_ONCE = 16
"""One reading of a model's weights serves them all."""


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
    """n: families to end with. sandbox: a backend's name, or None for the structural dry run.

    repairs:       how often a model may mend a candidate that was refused.
    answer_tokens: for one answer of an author's model; None takes the author's own.
    listed:        interfaces from a list, see ProceduralAuthor.
    """

    n: int
    author: str
    seed: int = 0
    where: tuple[str, ...] = ()
    sandbox: str | None = "auto"
    concurrency: int = 4
    families: Families = Families()
    repairs: int = 2
    answer_tokens: int | None = None
    budget: Budget = field(default_factory=Budget)
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Rolling:
    """What of `settings` an operator has is part of what the folder is made with.

    keep_bands, keep_most: what `selected.txt` lists, by difficulty and for each scenario; see returns.
    """

    samples: int
    operator: str
    seed: int = 0
    sandbox: str = "auto"
    concurrency: int = 4
    max_turns: int = 40
    settings: OperatorSettings = field(default_factory=OperatorSettings)
    budget: Budget = field(default_factory=Budget)
    keep_thoughts: bool = False
    keep_bands: tuple[str, ...] = ()
    keep_most: int | None = None


@dataclass(frozen=True, slots=True)
class Branching:
    """branches: rollouts from each prefix. max_turns: of a whole rollout, its prefix included."""

    branches: int
    operator: str
    seed: int = 0
    concurrency: int = 4
    max_turns: int = 40
    settings: OperatorSettings = field(default_factory=OperatorSettings)
    budget: Budget = field(default_factory=Budget)


def default_author(environ: Mapping[str, str] = os.environ) -> str:
    return "teacher" if environ.get("SEKFT_MODEL") else "procedural"


def default_operator(environ: Mapping[str, str] = os.environ) -> str:
    return "model" if environ.get("SEKFT_OP_MODEL") else "explorer"


def default_concurrency() -> int:
    return 2 * (os.cpu_count() or 1)


def generation(
    note: Callable[[str], None],
    drawing: Drawing,
    seed: int,
    sandbox: str,
    no_sandbox: bool,
    concurrency: int | None,
    spending: Spending,
) -> Generation:
    """What `generate` is asked, its choices told through `note`."""
    chosen = drawing.author or default_author()
    note(f"author: {chosen}" + ("" if drawing.author else " (default; --author chooses another)"))
    if no_sandbox:
        note("WARNING: --no-sandbox: nothing is run, so nothing proves that a scenario can be solved;")
        note("WARNING: every scenario is stamped gate.mode = structural")
    return Generation(
        n=drawing.n,
        author=chosen,
        seed=seed,
        where=tuple(drawing.where or ()),
        sandbox=None if no_sandbox else sandbox,
        concurrency=concurrency or default_concurrency(),
        families=Families(drawing.twins, drawing.reskins, tuple(drawing.holdout or ())),
        repairs=drawing.repairs,
        answer_tokens=drawing.answer_tokens,
        budget=budget(spending),
        listed=drawing.listed_interfaces,
    )


def rolling(
    note: Callable[[str], None], acting: Acting, seed: int, sandbox: str, concurrency: int | None, spending: Spending
) -> Rolling:
    """What `rollout` is asked, its choices told through `note`. Raises UsageError for an unknown action format."""
    chosen = _operator(acting)
    at_once = concurrency or _at_once(chosen)
    note(f"operator: {chosen}" + ("" if acting.operator else " (default; --operator chooses another)"))
    if acting.action_format not in FORMATS:
        raise UsageError(f"--action-format {acting.action_format}: want {' or '.join(FORMATS)}")
    if unknown := set(acting.keep_band or ()) - set(BANDS):
        raise UsageError(f"--keep-band {min(unknown)}: want one of {', '.join(BANDS)}")
    if acting.scaffold and acting.no_scaffold:
        raise UsageError("--scaffold and --no-scaffold: want one of them")
    settings = OperatorSettings(
        temperature=acting.temperature,
        max_tokens=acting.max_tokens,
        recovery_share=acting.recovery_share,
        top_p=acting.top_p,
        scaffold="" if acting.no_scaffold else acting.scaffold,
        fenced=acting.action_format == "fenced",
        model=acting.model,
        at_once=at_once,
    )
    return Rolling(
        samples=acting.samples,
        operator=chosen,
        seed=seed,
        sandbox=sandbox,
        concurrency=at_once,
        max_turns=acting.max_turns,
        settings=settings,
        budget=budget(spending),
        keep_thoughts=acting.keep_thoughts,
        keep_bands=tuple(acting.keep_band or ()),
        keep_most=acting.keep_most,
    )


def failing_beside(plan: Rolling, note: Callable[[str], None]) -> list[Rolling]:
    """Who `sekft run` lets fail beside this operator: an explorer never does, and pairs want a rejected side.

    A model fails by itself, and so does a student; the others are for other uses than training.
    """
    if plan.operator != "explorer":
        return []
    note("operator: saboteur, too: it fails on purpose where the explorer does not, for the rejected side of pairs")
    return [replace(plan, operator="saboteur", keep_bands=(), keep_most=None)]


def branching(note: Callable[[str], None], growing: Growing, seed: int, concurrency: int | None) -> Branching:
    """What `pairs --branches` is asked, its choices told through `note`. Raises UsageError for another's --model."""
    chosen = _operator(growing)
    note(f"branches by {chosen}" + ("" if growing.operator else " (default; --operator chooses another)"))
    at_once = concurrency or _at_once(chosen)
    settings = OperatorSettings(
        temperature=growing.temperature,
        max_tokens=growing.max_tokens,
        scaffold="" if growing.no_scaffold else None,
        model=growing.model,
        at_once=at_once,
    )
    return Branching(
        branches=growing.branches or 1,
        operator=chosen,
        seed=seed,
        concurrency=at_once,
        settings=settings,
        budget=Budget(growing.max_cost, growing.max_total_tokens),
    )


def _operator(asked: Acting | Growing) -> str:
    chosen = asked.operator or (STUDENT if asked.model else default_operator())
    if asked.model and chosen != STUDENT:
        raise UsageError(f"--model {asked.model}: is for --operator {STUDENT}, not {chosen}")
    return chosen


def _at_once(operator: str) -> int:
    return STUDENTS_AT_ONCE if operator == STUDENT else default_concurrency()


def budget(spending: Spending) -> Budget:
    return Budget(spending.max_cost, spending.max_total_tokens)
