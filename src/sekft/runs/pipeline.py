"""Composition: which author, sandbox, operator and engine meet which stage, over one folder.

Of the modules that know both stages and families this one does most; see docs/decisions/the-house.md.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import sekft
from sekft import taxonomy
from sekft.errors import BundleError, InfraError, SandboxUnavailable, SekftError, UsageError
from sekft.evaluation.difficulty import selected
from sekft.folder import HIDDEN, Folder, Layout, documents
from sekft.models.journal import JOURNAL, Budget
from sekft.protocols import Author, Operator, OperatorSettings, Reporter, Sandbox
from sekft.rollouts.observed import Observed
from sekft.rollouts.record import record
from sekft.rollouts.rollout import RolloutLimits, rollout
from sekft.rollouts.verify import judge
from sekft.runs import generate as drawing
from sekft.runs.engine import LocalEngine
from sekft.runs.generate import PAUSES_S, AuthorExhausted, Filler, Member, Progress
from sekft.runs.plans import Generation, Rolling
from sekft.scenario import Scenario, load_scenario
from sekft.seeds import derive
from sekft.taxonomy import splits
from sekft.trajectory import Trajectory, Turn, load_trajectory

GIVE_UP_AFTER = 20
"""Infra errors in a row that say that this machine is broken, not a rollout."""
FAULTS_SHOWN = 5
KEY_CHARACTERS = 8
"""Shorter values are placeholders ("none", "x") that ordinary text may hold."""
SELECTED = "selected.txt"
THOUGHTS = "thoughts"
KEYS = ("SEKFT_KEY", "SEKFT_OP_KEY")


@dataclass(frozen=True, slots=True)
class RolloutJob:
    """One rollout to do."""

    scenario: Scenario
    sample: int
    path: Path
    error_path: Path


async def generate(plan: Generation, layout: Layout, reporter: Reporter) -> None:
    """Stage A and the gate: fill slots 0 to n-1, each with the first family that is admitted.

    Raises AuthorExhausted, StoreError, SandboxUnavailable, InfraError and UsageError; what was
    admitted or rejected before that is on disk.
    """
    from sekft import authors

    axes = taxonomy.load()
    where = taxonomy.parse_where(axes, plan.where)
    held = splits.held_out(axes, plan.families.holdout)
    author = authors.make(plan.author, plan.repairs, plan.answer_tokens, plan.listed)
    _refuse_families(plan, author)
    sandbox = None if plan.sandbox is None else backend(plan.sandbox)
    with Folder(layout.root).writing() as folder, folder.timed("generate"):
        settings = _generation_settings(plan, author, held, sandbox, layout)
        folder.settle("generate", settings, growing=("n",))
        before = Progress.of(layout, author)
        families = {
            slot: drawing.family(axes, axes.cell(plan.seed, slot, where), plan.families.twins, plan.families.reskins)
            for slot in range(plan.n)
        }
        slots = [slot for slot, members in families.items() if before.made[slot] < len(members)]
        filler = Filler(author, sandbox, plan.seed, held, folder, layout)
        reporter.begin("scenarios", plan.n, plan.n - len(slots))
        async with attended(author, folder, plan.budget, reporter):
            await _fill_all(plan, filler, {slot: families[slot] for slot in slots}, before, reporter)


async def _fill_all(
    plan: Generation, filler: Filler, families: Mapping[int, list[Member]], before: Progress, reporter: Reporter
) -> None:
    """Fill every slot that can be; one that cannot is left for the same command and stops no other."""

    async def fill(slot: int) -> list[Scenario] | SekftError:
        try:
            return await filler.fill(slot, families[slot], before.tried[slot])
        except (InfraError, AuthorExhausted) as error:
            return error

    left: list[SekftError] = []
    in_a_row, proven = 0, bool(before.made)
    async for made in LocalEngine().map(fill, families, plan.concurrency):
        if isinstance(made, SekftError):
            left.append(made)
            in_a_row += 1
            if in_a_row == GIVE_UP_AFTER or (isinstance(made, AuthorExhausted) and not proven):
                raise made
            continue
        in_a_row, proven = 0, True
        base, *others = made
        reporter.step(f"{base.expected.kind} {base.id}" + (f" and {len(others)} more" if others else ""))
    if left:
        why = f"{len(left)} of {plan.n} slots are left, the last because {left[-1]}"
        raise type(left[-1])(f"{why}; the same command goes on")


def _refuse_families(plan: Generation, author: Author) -> None:
    if not author.skins and (plan.families.twins or plan.families.reskins):
        raise UsageError(f"--author {plan.author} writes single scenarios: --twins and --reskins want procedural")


def _generation_settings(
    plan: Generation, author: Author, held: taxonomy.Where, sandbox: Sandbox | None, layout: Layout
) -> dict[str, str | int | list[str]]:
    return {
        **{f"author.{name}": value for name, value in author.settings.items()},
        "author": f"{plan.author}, interfaces of a list" if plan.listed else plan.author,
        "gate": sandbox.name if sandbox else "structural",
        "holdout": splits.spelt(held),
        "layout": layout.kind,
        "n": plan.n,
        "reskins": plan.families.reskins,
        "seed": plan.seed,
        "twins": int(plan.families.twins),
        "version": sekft.__version__,
        "where": sorted(set(plan.where)),
    }


async def roll(plan: Rolling, scenarios: list[Scenario], layout: Layout, reporter: Reporter) -> int:
    """Stages B to D over every scenario and sample; returns how many met an infra error.

    Raises StoreError, SandboxUnavailable, EndpointError and UsageError; finished rollouts are on disk.
    """
    operator = acting(plan.operator, plan.settings)
    sandbox = backend(plan.sandbox)
    with Folder(layout.root).writing() as folder, folder.timed(f"rollout {operator.info.kind}"):
        settings = _rolling_settings(plan, operator, sandbox, layout)
        folder.settle(f"rollout-{operator.info.kind}", settings, growing=("samples",))
        landings = list(_landings(plan, operator, scenarios, layout))
        waiting = [landing for landing in landings if not landing.path.exists()]
        reporter.begin("rollouts", len(landings), len(landings) - len(waiting))
        async with attended(operator, folder, plan.budget, reporter):
            broken = await _roll_all(plan, waiting, operator, sandbox, folder, reporter)
        if plan.keep_bands or plan.keep_most:
            _select(plan, landings, folder)
        return broken


def acting(kind: str, settings: OperatorSettings) -> Operator:
    """The operator, with a local model's folder in the place of its name."""
    from sekft import operators

    if settings.model is not None:
        from sekft.training.base_model import base_folder

        settings = replace(settings, model=str(base_folder(settings.model)))
    return operators.make(kind, settings)


def _select(plan: Rolling, landings: Sequence[RolloutJob], folder: Folder) -> None:
    """List what is to be learnt from of this operator's rollouts, whose difficulty is known once all are done."""
    paths = [landing.path for landing in landings if landing.path.exists()]
    rows = [(str(path.relative_to(folder.root)), load_trajectory(path)) for path in paths]
    names = selected(rows, plan.keep_bands, plan.keep_most)
    folder.write(folder.root / SELECTED, "".join(f"{name}\n" for name in names))


async def _roll_all(
    plan: Rolling, waiting: list[RolloutJob], operator: Operator, sandbox: Sandbox, folder: Folder, reporter: Reporter
) -> int:
    limits = RolloutLimits(turns=plan.max_turns)
    follows = operator.info.settings.get("follows", operator.info.kind)  # a saboteur shares an explorer's prefix
    broken = 0

    async def land(landing: RolloutJob) -> Trajectory:
        policy_seed = derive(plan.seed, "rollout", follows, landing.scenario.id, landing.sample)
        observed = await tried(landing, operator, sandbox, policy_seed, limits)
        made = record(landing.scenario, observed, judge(landing.scenario, observed), forbidden())
        keep(folder, landing, made)
        if plan.keep_thoughts and observed.thoughts:
            place = folder.root / THOUGHTS / landing.scenario.id / landing.path.name
            folder.write(place, json.dumps(observed.thoughts, indent=1, ensure_ascii=False) + "\n")
        return made

    in_a_row = 0
    async for made in LocalEngine().map(land, waiting, plan.concurrency):
        reporter.step(f"{made.outcome} {made.scenario_id}")
        in_a_row = in_a_row + 1 if made.outcome == "infra_error" else 0
        broken += made.outcome == "infra_error"
        if in_a_row == GIVE_UP_AFTER:
            raise InfraError(
                f"{in_a_row} rollouts in a row broke, the last by {made.ending.reason}; the same command goes on"
            )
    return broken


async def tried(
    landing: RolloutJob, operator: Operator, sandbox: Sandbox, policy_seed: int, limits: RolloutLimits
) -> Observed:
    """A rollout, done again after a pause where the sandbox or the endpoint broke; the last one as it went."""
    for pause_s in PAUSES_S:
        observed = await rollout(landing.scenario, sandbox, operator, landing.sample, policy_seed, limits)
        if observed.infra is None:
            return observed
        await asyncio.sleep(pause_s)
    return await rollout(landing.scenario, sandbox, operator, landing.sample, policy_seed, limits)


def keep(folder: Folder, landing: RolloutJob, made: Trajectory) -> None:
    """Infra errors stay apart, to be done again; a success removes the traces of earlier ones."""
    if made.outcome == "infra_error":
        folder.write(landing.error_path, made.to_json())
    else:
        folder.write(landing.path, made.to_json())
        folder.remove(landing.error_path)


def _landings(plan: Rolling, operator: Operator, scenarios: list[Scenario], layout: Layout) -> Iterator[RolloutJob]:
    for sample in range(plan.samples):
        for scenario in scenarios:
            yield landing(scenario, sample, operator.info.kind, layout)


def landing(scenario: Scenario, sample: int, kind: str, layout: Layout) -> RolloutJob:
    name = Path(scenario.id) / f"{kind}-{sample}.json"
    return RolloutJob(scenario, sample, layout.trajectories / name, layout.errors / name)


def forbidden() -> list[str]:
    """Texts that no turn may hold: the keys of this process's environment."""
    return [value for name in KEYS if len(value := os.environ.get(name, "")) >= KEY_CHARACTERS]


def _rolling_settings(
    plan: Rolling, operator: Operator, sandbox: Sandbox, layout: Layout
) -> dict[str, str | int | float | None]:
    return {
        "layout": layout.kind,
        "max_turns": plan.max_turns,
        "model": operator.info.model,
        "operator": operator.info.kind,
        "samples": plan.samples,
        "sandbox": sandbox.name,
        "seed": plan.seed,
        "version": sekft.__version__,
        **{f"operator.{name}": value for name, value in operator.info.settings.items()},
    }


def load_scenarios(folder: Path) -> list[Scenario]:
    """Every bundle of a folder, or of a run folder's scenarios/. Raises UsageError or BundleError."""
    inner = folder / "scenarios"
    place = inner if inner.is_dir() else folder
    if not place.is_dir():
        raise UsageError(f"--scenarios {folder}: no such folder; want one that `sekft generate --out` made")
    paths = documents(place)
    if not paths:
        raise UsageError(f"--scenarios {folder}: holds no *.json; want a folder that `sekft generate --out` made")
    return _loaded(paths)


def _loaded(paths: list[Path]) -> list[Scenario]:
    scenarios, faults = [], []
    for path in paths:
        try:
            scenarios.append(load_scenario(path))
        except BundleError as error:
            faults.append(str(error))
    if faults:
        more = f"\n… and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
        raise BundleError("\n".join(faults[:FAULTS_SHOWN]) + more)
    return scenarios


def look(scenario: Scenario) -> Sequence[Turn]:
    """The landing and the tool's help as they show in a fresh sandbox; nothing where none can run."""
    from sekft import operators

    asking = scenario.model_copy(update={"reference": scenario.provider.help})
    try:
        replay = operators.make("reference", OperatorSettings())
        return asyncio.run(rollout(asking, backend("auto"), replay, sample=0, seed=0)).turns
    except (SandboxUnavailable, BundleError):
        return ()


def backend(name: str) -> Sandbox:
    from sekft import sandboxes

    return sandboxes.pick(name)


@asynccontextmanager
async def attended(
    worker: Author | Operator, folder: Folder, budget: Budget, reporter: Reporter
) -> AsyncIterator[None]:
    """While it works, the model that it asks writes down what it costs, and keeps within the budget."""
    if worker.endpoint is not None:
        journal = folder.root / HIDDEN / JOURNAL
        worker.endpoint.attend(journal, budget.max_cost_usd, budget.max_tokens, reporter.note)
    try:
        yield
    finally:
        if worker.endpoint is not None:
            await worker.endpoint.close()
