"""Composition: which author, sandbox, operator and engine meet which stage, over one folder.

This is the only module that knows both stages and families.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

import sekft
from sekft import taxonomy
from sekft.engines.local import LocalEngine
from sekft.errors import BundleError, InfraError, SandboxUnavailable, SekftError, UsageError
from sekft.gate import gate
from sekft.observed import Observed
from sekft.plans import Generation, Rolling
from sekft.progress import Reporter
from sekft.protocols import Author, Operator, OperatorSettings, Sandbox
from sekft.record import record
from sekft.rejection import Admitted, Rejected, Rejection
from sekft.rollout import RolloutLimits, rollout
from sekft.scenario import Scenario, load_noun, load_scenario
from sekft.seeds import derive
from sekft.store import Folder, Layout, documents
from sekft.structure import gate_structure, unreadable
from sekft.trajectory import Trajectory, Turn
from sekft.verify import judge

ATTEMPTS = 20
"""Draws for one slot before its cell counts as broken: a sound author needs one or two."""
PAUSES_S = (0.5, 4.0)
"""Before what broke is tried again; the failure after the last is reported. A daemon's restart takes a few seconds."""
GIVE_UP_AFTER = 20
"""Infra errors in a row that say that this machine is broken, not a rollout."""
FAULTS_SHOWN = 5
KEY_CHARACTERS = 8
"""Shorter values are placeholders ("none", "x") that ordinary text may hold."""
KEYS = ("SEKFT_KEY", "SEKFT_OP_KEY")


class AuthorExhausted(SekftError):
    """No draw of a slot passed the gate."""


@dataclass(frozen=True, slots=True)
class Landing:
    """One rollout to do."""

    scenario: Scenario
    sample: int
    path: Path
    error_path: Path


async def generate(plan: Generation, layout: Layout, reporter: Reporter) -> None:
    """Stage A and the gate: fill slots 0 to n-1, each with the first draw that is admitted.

    Raises AuthorExhausted, StoreError, SandboxUnavailable, InfraError and UsageError; what was
    admitted or rejected before that is on disk.
    """
    from sekft import authors

    axes = taxonomy.load()
    where = taxonomy.parse_where(axes, plan.where)
    author = authors.make(plan.author)
    sandbox = None if plan.sandbox is None else backend(plan.sandbox)
    with Folder(layout.root).writing() as folder, folder.timed("generate"):
        folder.settle("generate", _generation_settings(plan, sandbox, layout), growing=("n",))
        done, tried = _slots(layout)
        slots = [slot for slot in range(plan.n) if slot not in done]
        cells = {slot: axes.cell(plan.seed, slot, where) for slot in slots}
        filler = _Filler(author, sandbox, plan.seed, folder, layout)
        reporter.begin("scenarios", plan.n, plan.n - len(slots))

        async def fill(slot: int) -> Scenario:
            return await filler.fill(slot, cells[slot], tried[slot])

        async for scenario in LocalEngine().map(fill, slots, plan.concurrency):
            reporter.step(f"{scenario.expected.kind} {scenario.id}")


def _generation_settings(plan: Generation, sandbox: Sandbox | None, layout: Layout) -> dict[str, str | int | list[str]]:
    return {
        "author": plan.author,
        "gate": sandbox.name if sandbox else "structural",
        "layout": layout.kind,
        "n": plan.n,
        "seed": plan.seed,
        "version": sekft.__version__,
        "where": sorted(set(plan.where)),
    }


def _slots(layout: Layout) -> tuple[set[int], Counter[int]]:
    """The slots that are filled, and how many draws each slot has had rejected."""
    done, tried = set(), Counter[int]()
    for path in documents(layout.scenarios):
        slot = load_scenario(path).provenance.slot
        if slot is not None:
            done.add(slot)
    for path in documents(layout.rejected):
        rejection = load_noun(Rejection, path)
        tried[rejection.slot] = max(tried[rejection.slot], rejection.attempt + 1)
    return done, tried


@dataclass(frozen=True, slots=True)
class _Filler:
    author: Author
    sandbox: Sandbox | None
    seed: int
    folder: Folder
    layout: Layout

    async def fill(self, slot: int, cell: Mapping[str, str], first: int) -> Scenario:
        """Draw until one is admitted; attempts before `first` are known to be rejected."""
        for attempt in range(first, ATTEMPTS):
            scenario, result = await self._draw(slot, attempt, cell)
            if isinstance(result, Admitted):
                admitted = result.scenario
                self.folder.write(self.layout.scenarios / f"{admitted.id}.json", admitted.to_json())
                return admitted
            rejection = _rejection(scenario, result, slot, attempt)
            self.folder.write(self.layout.rejected / f"{rejection.id}.json", rejection.model_dump_json(indent=1) + "\n")
        raise AuthorExhausted(
            f"slot {slot} ({' '.join(f'{axis}={value}' for axis, value in cell.items())}): none of {ATTEMPTS} draws "
            f"passed the gate; the reasons are in {self.layout.rejected}"
        )

    async def _draw(
        self, slot: int, attempt: int, cell: Mapping[str, str]
    ) -> tuple[Scenario | None, Admitted | Rejected]:
        try:
            drawn = await self.author.draw(cell, derive(self.seed, "author", slot, attempt))
        except ValidationError as error:
            return None, unreadable(error)
        provenance = drawn.provenance.model_copy(update={"slot": slot, "attempt": attempt})
        scenario = drawn.sealed(provenance=provenance)
        return scenario, await _gated(scenario, self.sandbox)


async def _gated(scenario: Scenario, sandbox: Sandbox | None) -> Admitted | Rejected:
    if sandbox is None:
        return gate_structure(scenario)
    for pause_s in PAUSES_S:
        try:
            return await gate(scenario, sandbox)
        except InfraError:
            await asyncio.sleep(pause_s)
    return await gate(scenario, sandbox)


def _rejection(scenario: Scenario | None, why: Rejected, slot: int, attempt: int) -> Rejection:
    return Rejection(
        id=scenario.id if scenario else f"draw-{slot}-{attempt}",
        slot=slot,
        attempt=attempt,
        reason=why.reason,
        detail=why.detail,
        evidence=why.evidence,
        scenario=scenario.model_dump(mode="json") if scenario else {},
    )


async def roll(plan: Rolling, scenarios: list[Scenario], layout: Layout, reporter: Reporter) -> int:
    """Stages B to D over every scenario and sample; returns how many met an infra error.

    Raises StoreError, SandboxUnavailable, EndpointError and UsageError; finished rollouts are on disk.
    """
    from sekft import operators

    operator = operators.make(plan.operator, plan.settings)
    sandbox = backend(plan.sandbox)
    try:
        with Folder(layout.root).writing() as folder, folder.timed(f"rollout {operator.info.kind}"):
            settings = _rolling_settings(plan, operator, sandbox, layout)
            folder.settle(f"rollout-{operator.info.kind}", settings, growing=("samples",))
            landings = list(_landings(plan, operator, scenarios, layout))
            waiting = [landing for landing in landings if not landing.path.exists()]
            reporter.begin("rollouts", len(landings), len(landings) - len(waiting))
            return await _roll_all(plan, waiting, operator, sandbox, folder, reporter)
    finally:
        await _closed(operator)


async def _roll_all(
    plan: Rolling, waiting: list[Landing], operator: Operator, sandbox: Sandbox, folder: Folder, reporter: Reporter
) -> int:
    limits = RolloutLimits(turns=plan.max_turns)
    broken = 0

    async def land(landing: Landing) -> Trajectory:
        observed = await _tried(landing, operator, sandbox, plan.seed, limits)
        made = record(landing.scenario, observed, judge(landing.scenario, observed), forbidden())
        keep(folder, landing, made)
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


async def _tried(landing: Landing, operator: Operator, sandbox: Sandbox, seed: int, limits: RolloutLimits) -> Observed:
    policy_seed = derive(seed, "rollout", operator.info.kind, landing.scenario.id, landing.sample)
    for pause_s in PAUSES_S:
        observed = await rollout(landing.scenario, sandbox, operator, landing.sample, policy_seed, limits)
        if observed.infra is None:
            return observed
        await asyncio.sleep(pause_s)
    return await rollout(landing.scenario, sandbox, operator, landing.sample, policy_seed, limits)


def keep(folder: Folder, landing: Landing, made: Trajectory) -> None:
    """Infra errors stay apart, to be done again; a success removes the traces of earlier ones."""
    if made.outcome == "infra_error":
        folder.write(landing.error_path, made.to_json())
    else:
        folder.write(landing.path, made.to_json())
        folder.remove(landing.error_path)


def _landings(plan: Rolling, operator: Operator, scenarios: list[Scenario], layout: Layout) -> Iterator[Landing]:
    for sample in range(plan.samples):
        for scenario in scenarios:
            yield landing(scenario, sample, operator.info.kind, layout)


def landing(scenario: Scenario, sample: int, kind: str, layout: Layout) -> Landing:
    name = Path(scenario.id) / f"{kind}-{sample}.json"
    return Landing(scenario, sample, layout.trajectories / name, layout.errors / name)


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


async def _closed(operator: Operator) -> None:
    close = getattr(operator, "close", None)
    if close is not None:
        await close()
