"""Stages B to D: an operator acts in every scenario and sample; each rollout is judged and recorded."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, overload

import sekft
from sekft import operators, sandboxes
from sekft.errors import BundleError, InfraError, UsageError
from sekft.evaluation.difficulty import BANDS, selected
from sekft.folder import ROLLOUTS, Folder, Layout, load_scenarios, scenario_files
from sekft.folder.config import Setting, option, same_option
from sekft.folder.entries import Entry, Finder, Held
from sekft.models import keys
from sekft.protocols import Operator, OperatorConfig, Reporter, Sandbox
from sekft.report import either
from sekft.rollouts.record import forbidding, record
from sekft.rollouts.rollout import RolloutLimits, RolloutResult, rollout
from sekft.rollouts.verify import judge
from sekft.runs.engines import SpreadConfig, chosen
from sekft.runs.resources import (
    GIVE_UP_AFTER,
    PAUSES_S,
    PaidConfig,
    SandboxedConfig,
    Tally,
    attended,
    default_concurrency,
    tell_of_building,
)
from sekft.scenario import Scenario, parse_noun, parse_scenario
from sekft.seeds import derive
from sekft.trajectory import Ending, Outcome, SandboxInfo, Trajectory

SELECTED, THOUGHTS = "selected.txt", "thoughts"
EXPLORER, SABOTEUR, STUDENT = "explorer", "saboteur", "student"
READ_AT_ONCE = 500
"""Scenarios: more than that are read one by one, as their rollouts come."""
_ID = re.compile("[0-9a-f]{16}")
_BEGINNING = re.compile(rb'\{\s*"schema_version": \d+,\s*"id": "([0-9a-f]{16})"')
STUDENTS_AT_ONCE = 16
"""One reading of a model's weights serves them all."""


class ActingConfig(OperatorConfig, SandboxedConfig, PaidConfig):
    """A stage in which an operator acts."""

    heading: ClassVar[str] = "Rollouts"

    operator: str | None = same_option(
        OperatorConfig,
        "operator",
        None,
        heading=OperatorConfig.heading,
        help_text=f"Operator: {either(sorted(operators.KINDS))}; default: {STUDENT} with --model, model if "
        f"SEKFT_OP_MODEL is set, else {EXPLORER}.",
    )
    max_turns: int = option(40, "End a rollout as unfinished after N actions.", ge=1, le=40)

    @property
    def operator_name(self) -> str:
        """Raises UsageError where --model is for another operator."""
        named = STUDENT if self.model else "model" if os.environ.get("SEKFT_OP_MODEL") else EXPLORER
        name = self.operator or named
        if self.model and name != STUDENT:
            raise UsageError(f"--model {self.model}: is for --operator {STUDENT}, not {name}")
        return name

    @property
    def at_once(self) -> int:
        default = STUDENTS_AT_ONCE if self.operator_name == STUDENT else default_concurrency()
        return self.concurrency or default


class RolloutConfig(ActingConfig, SpreadConfig):
    """Let an operator act in each scenario, once per sample and in a fresh sandbox; judge and record each rollout."""

    samples: int = option(3, "Rollouts per scenario.", ge=1, grows=True)
    keep_thoughts: bool = option(
        False, "Store a model's reasoning in thoughts/, apart from its trajectories.", recorded=False
    )
    keep_band: tuple[str, ...] = option(
        (),
        f"List in selected.txt only kept rollouts of scenarios in this band (how often right): {either(BANDS)}.",
        metavar="BAND",
        recorded=False,
    )
    keep_most: int | None = option(
        None, "List in selected.txt at most N kept rollouts per scenario.", ge=1, recorded=False
    )


@dataclass(frozen=True, slots=True)
class Bundle:
    """A scenario's file as it was read: whoever acts in it takes it apart, which takes a millisecond."""

    id: str
    data: bytes
    where: str

    def scenario(self) -> Scenario:
        """Raises BundleError."""
        try:
            return parse_scenario(self.data.decode(), self.where)
        except UnicodeDecodeError as error:
            raise BundleError(f"{self.where}: cannot be read: {error}") from error


class StoredScenarios(Sequence[Scenario]):
    """The scenarios of a folder, each read when it is asked for. ids: of all of them.

    Raises UsageError where there are none; BundleError for a broken one, once it is read.
    """

    def __init__(self, folder: Path) -> None:
        self._entries = scenario_files(folder)

    @cached_property
    def ids(self) -> list[str]:
        return [_stored_id(entry) for entry in self._entries]

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, at: int) -> Scenario: ...
    @overload
    def __getitem__(self, at: slice) -> list[Scenario]: ...
    def __getitem__(self, at: int | slice) -> Scenario | list[Scenario]:
        return self._entries[at].scenario() if isinstance(at, int) else [each.scenario() for each in self._entries[at]]

    def bundle(self, at: int) -> Bundle:
        """Raises BundleError where it cannot be read."""
        entry = self._entries[at]
        return Bundle(self.ids[at], entry.line(), str(entry))


def stored_scenarios(folder: Path) -> Sequence[Scenario]:
    """A folder's scenarios. A few are read at once, so that all that are broken are told before any work."""
    stored = StoredScenarios(folder)
    return stored if len(stored) > READ_AT_ONCE else load_scenarios(folder)


def _stored_id(entry: Entry) -> str:
    """By its name where that is an id, else by its beginning: that it is the content's shows when it is read."""
    if _ID.fullmatch(entry.stem):
        return entry.stem
    if entry.shard is None:
        with entry.path.open("rb") as file:
            if found := _BEGINNING.match(file.read(100)):
                return found[1].decode()
    return entry.scenario().id


@dataclass(frozen=True, slots=True)
class RolloutJob:
    """One rollout to do. name: below the folder of trajectories, or that of those which an infra error broke."""

    scenario: Scenario | Bundle
    sample: int
    name: str
    trajectories: Path
    errors: Path

    @classmethod
    def of(cls, scenario: Scenario | Bundle, sample: int, kind: str, layout: Layout) -> RolloutJob:
        return cls(scenario, sample, f"{scenario.id}/{kind}-{sample}.json", layout.trajectories, layout.errors)

    def path(self, trajectory: Trajectory | Landed) -> Path:
        """Infra errors stay apart, to be done again."""
        return (self.errors if trajectory.outcome == "infra_error" else self.trajectories) / self.name

    def keep(self, folder: Folder, trajectory: Trajectory | Landed) -> None:
        """A success removes the traces of earlier infra errors."""
        if trajectory.outcome == "infra_error":
            folder.write(self.errors / self.name, trajectory.to_json())
        else:
            folder.keep(self.trajectories, self.name, trajectory.to_json())
            folder.drop(self.errors, self.name)


@dataclass(frozen=True, slots=True)
class Rolled:
    """A recorded rollout. thoughts: index of an action turn → what a model reasoned before it.

    alone: see RolloutResult.
    """

    trajectory: Trajectory
    thoughts: dict[int, str]
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Landed:
    """The same on its way to a file: its text, and what a driver that does not read it has to know.

    reason: of its ending. thoughts, alone: see Rolled.
    """

    scenario_id: str
    outcome: Outcome
    keep: bool
    reason: str | None
    text: str
    thoughts: dict[int, str]
    alone: bool

    @classmethod
    def of(cls, rolled: Rolled, text: str) -> Landed:
        made = rolled.trajectory
        return cls(made.scenario_id, made.outcome, made.keep, made.ending.reason, text, rolled.thoughts, rolled.alone)

    def to_json(self) -> str:
        return self.text

    def trajectory(self) -> Trajectory:
        return parse_noun(Trajectory, self.text, f"rollout of {self.scenario_id}")

    def without(self, secrets: Sequence[str]) -> Landed:
        """As the driver has it, which knows keys that its workers do not."""
        if not any(each in self.text or json.dumps(each, ensure_ascii=False)[1:-1] in self.text for each in secrets):
            return self
        made = forbidding(self.trajectory(), secrets)
        return Landed.of(Rolled(made, self.thoughts, self.alone), made.to_json())


class Roller:
    """What a config comes to: an operator and a sandbox. Raises UsageError and SandboxUnavailable."""

    def __init__(self, config: RolloutConfig) -> None:
        if unknown := set(config.keep_band) - set(BANDS):
            raise UsageError(f"--keep-band {min(unknown)}: want one of {', '.join(BANDS)}")
        pick = sandboxes.elsewhere if config.is_far else sandboxes.pick
        self.config, self.operator, self.sandbox = config, acting(config), pick(config.sandbox)
        self._limits = RolloutLimits(turns=config.max_turns)

    @property
    def recipe(self) -> RolloutConfig:
        """What another process makes the same of, whatever its environment names."""
        named = {"operator": self.config.operator_name, "sandbox": self.sandbox.name, "engine": "local"}
        return self.config.model_copy(update=named)

    async def roll(self, scenario: Scenario, sample: int) -> Rolled:
        seed = self._seed(scenario, sample)
        return await recorded(scenario, sample, self.operator, self.sandbox, seed, self._limits)

    def broken(self, scenario: Scenario, sample: int, why: str) -> Rolled:
        """The record of a rollout of which nothing is left."""
        info = SandboxInfo(backend=self.sandbox.name, userland=scenario.userland, userland_digest="")
        ending, seed = Ending(kind="none", reason=f"infra: {why}"), self._seed(scenario, sample)
        left = RolloutResult(sample, seed, self.operator.info, (), ending, info, infra=why, alone=True)
        return Rolled(record(scenario, left, judge(scenario, left)), {}, alone=True)

    def _seed(self, scenario: Scenario, sample: int) -> int:
        info = self.operator.info
        follows = info.settings.get("follows", info.kind)  # a saboteur shares an explorer's prefix
        return derive(self.config.seed, "rollout", follows, scenario.id, sample)

    def settings(self, layout: Layout) -> dict[str, Setting]:
        """What a folder is made with."""
        return {
            **self.config.recorded(),
            "layout": layout.kind,
            **acted(self.operator, self.sandbox),
            "operator": self.operator.info.kind,
        }


class RollTask:
    """Satisfies protocols.Task: one rollout, judged and recorded."""

    spreads = True

    def __init__(self, roller: Roller) -> None:
        self._roller = roller
        self.endpoint = roller.operator.endpoint
        self.sandbox: str | None = roller.sandbox.name
        self.tell: Callable[[Any], None] = lambda told: None

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self._roller.recipe,)

    async def do(self, item: RolloutJob) -> Landed:
        rolled = await self._roller.roll(_whole(item.scenario), item.sample)
        return Landed.of(rolled, await asyncio.to_thread(rolled.trajectory.to_json))

    def lost(self, item: RolloutJob, why: str) -> Landed:
        rolled = self._roller.broken(_whole(item.scenario), item.sample, why)
        return Landed.of(rolled, rolled.trajectory.to_json())


def _reopened(recipe: RolloutConfig) -> RollTask:
    return RollTask(Roller(recipe))


def _whole(scenario: Scenario | Bundle) -> Scenario:
    return scenario.scenario() if isinstance(scenario, Bundle) else scenario


def acting(config: ActingConfig) -> Operator:
    """The operator, with a local model's folder in the place of its name. Raises UsageError."""
    _refuse_inapplicable(config)
    if config.scaffold and config.no_scaffold:
        raise UsageError("--scaffold and --no-scaffold: want one of them")
    model = config.model
    if model is not None:
        from sekft.training.base_model import base_folder

        model = str(base_folder(model, "--model", "; a served model is named by SEKFT_OP_MODEL"))
    scaffold = "" if config.no_scaffold else config.scaffold
    resolved = config.model_copy(update={"model": model, "scaffold": scaffold, "concurrency": config.at_once})
    return operators.make(config.operator_name, resolved)


def _refuse_inapplicable(config: ActingConfig) -> None:
    """Raises UsageError for an option that was given and that this kind of operator does not have."""
    given = {"samples": config.samples} if isinstance(config, RolloutConfig) else {}
    config.refuse_inapplicable("--operator", config.operator_name, operators.OPTIONS, type(config).of(**given))


def acted(operator: Operator, sandbox: Sandbox) -> dict[str, Setting]:
    """What rollouts of an operator are made with."""
    return {
        "model": operator.info.model,
        "sandbox": sandbox.name,
        "version": sekft.__version__,
        **{f"operator.{name}": value for name, value in operator.info.settings.items()},
    }


async def recorded(
    scenario: Scenario, sample: int, operator: Operator, sandbox: Sandbox, seed: int, limits: RolloutLimits
) -> Rolled:
    """One rollout, judged and recorded; done again after a pause where the sandbox or the endpoint broke."""
    for pause_s in (*PAUSES_S, None):
        observed = await rollout(scenario, sandbox, operator, sample, seed, limits)
        if observed.infra is None or pause_s is None:
            break
        await asyncio.sleep(pause_s)
    # In a thread: what a hostile session typed takes seconds to read, in which the others must go on.
    made = await asyncio.to_thread(lambda: record(scenario, observed, judge(scenario, observed), forbidden()))
    return Rolled(made, observed.thoughts, observed.alone)


def forbidden() -> list[str]:
    """Texts that no turn may hold: the keys of this process's environment, in their usual spellings."""
    return [text for secret in keys.of(os.environ) for text in keys.spelt(secret)]


async def stream(
    config: RolloutConfig, scenarios: Iterable[Scenario], reporter: Reporter
) -> AsyncGenerator[Trajectory, None]:
    """Trajectories as they come, kept in no folder; those that an infra error broke come, too."""
    roller, nowhere = Roller(config), Layout.of_stage(Path())
    kind, task = roller.operator.info.kind, RollTask(roller)
    jobs = (
        RolloutJob.of(scenario, sample, kind, nowhere) for scenario in scenarios for sample in range(config.samples)
    )
    done = chosen(config, task, None, reporter.note).map(task, jobs, config.at_once, lambda *_: None)
    async with attended(roller.operator, None, config, reporter), aclosing(done):
        async for landed in done:
            yield landed.without(forbidden()).trajectory()


async def roll(
    config: RolloutConfig, scenarios: Sequence[Scenario], layout: Layout, reporter: Reporter, source: Path | None = None
) -> int:
    """Roll what a folder lacks of every scenario and sample; returns how many rollouts met an infra error.

    source: the folder of the scenarios, to be found again later; None where they lie in this one.
    Raises StoreError, SandboxUnavailable, EndpointError and UsageError; finished rollouts are on disk.
    """
    refuse_unnamed(config, layout)
    tell_of_building(reporter)
    roller = Roller(config)
    kind = roller.operator.info.kind
    with Folder(layout.root).writing() as folder, folder.timed(f"rollout {kind}"):
        empty = kind not in layout.kinds() and kind not in Layout.of_stage(layout.root).kinds()
        folder.settle(f"rollout-{kind}", roller.settings(layout), growing=config.growing(), empty=empty)
        if source is not None:
            folder.take_from(source)
        ids = scenarios.ids if isinstance(scenarios, StoredScenarios) else [each.id for each in scenarios]
        names = [f"{name}/{kind}-{sample}.json" for sample in range(config.samples) for name in ids]
        folder.expect(len(names))
        held = Held(layout.trajectories, ROLLOUTS)
        lacking = [at for at, name in enumerate(names) if name not in held]
        slots = (divmod(at, len(ids)) for at in lacking)
        read = scenarios.bundle if isinstance(scenarios, StoredScenarios) else scenarios.__getitem__
        waiting = (RolloutJob.of(read(at), sample, kind, layout) for sample, at in slots)
        reporter.begin("rollouts", len(names), len(names) - len(lacking))
        tally = Tally(roller.operator)
        async with attended(roller.operator, folder, config, reporter, tally):
            broken = await _roll_all(roller, waiting, folder, reporter, tally, len(lacking))
        if config.keep_band or config.keep_most:
            _select(config, layout, names, folder)
        return broken


def refuse_unnamed(config: RolloutConfig, layout: Layout) -> None:
    """Raises UsageError where nobody named the explorer, and the folder holds another operator's rollouts.

    Most often SEKFT_OP_MODEL was forgotten. The saboteur acts beside the explorer on purpose, and a
    person's sessions are nobody's to continue.
    """
    if config.operator or config.operator_name != EXPLORER:
        return
    others = sorted(set(layout.kinds()) & set(operators.FAMILY.names()) - {SABOTEUR})
    if not others or EXPLORER in others:
        return
    unset = "; SEKFT_OP_MODEL is not set" if "model" in others else ""
    raise UsageError(
        f"{layout.root}: holds rollouts by {' and '.join(others)}, and no operator is named{unset}: "
        f"--operator {others[0]} continues them, --operator {EXPLORER} lets the explorer act beside them"
    )


async def check_model(config: RolloutConfig, layout: Layout, reporter: Reporter) -> None:
    """Ask the operator's model for one word, journal and budget included.

    Raises EndpointError, InfraError and UsageError.
    """
    refuse_unnamed(config, layout)
    operator = Roller(config).operator
    if operator.endpoint is not None:
        with Folder(layout.root).writing() as folder:
            async with attended(operator, folder, config, reporter):
                await operator.endpoint.check()


async def _roll_all(
    roller: Roller,
    waiting: Iterable[RolloutJob],
    folder: Folder,
    reporter: Reporter,
    tally: Tally,
    lacking: int | None = None,
) -> int:
    """lacking: how many are waiting, where somebody knows."""
    secrets, config, task = forbidden(), roller.config, RollTask(roller)

    def land(job: RolloutJob, landed: Landed) -> None:
        job.keep(folder, landed.without(secrets))
        if config.keep_thoughts and landed.thoughts:
            thoughts = json.dumps(landed.thoughts, indent=1, ensure_ascii=False) + "\n"
            folder.keep(folder.root / THOUGHTS, job.name, thoughts)

    broken = in_a_row = 0
    engine = chosen(config, task, lacking, reporter.note)
    async with aclosing(engine.map(task, waiting, config.at_once, land)) as results:
        async for landed in results:
            infra = landed.outcome == "infra_error"
            tally.add("broken" if infra else "kept" if landed.keep else "not kept")
            reporter.step(f"{tally}  {landed.outcome} {landed.scenario_id}")
            in_a_row = in_a_row + (not landed.alone) if infra else 0
            broken += infra
            if in_a_row == GIVE_UP_AFTER:
                why = f"{in_a_row} rollouts in a row failed, the last with {landed.reason}"
                raise InfraError(f"{why}; run the same command to resume")
    return broken


def _select(config: RolloutConfig, layout: Layout, names: Sequence[str], folder: Folder) -> None:
    """List what is to be learnt from of this operator's rollouts, whose difficulty is known once all are done."""
    found = filter(None, map(Finder(layout.trajectories), names))
    rows = [(entry.below(folder.root), entry.trajectory()) for entry in found]
    names = selected(rows, config.keep_band, config.keep_most)
    folder.write(folder.root / SELECTED, "".join(f"{name}\n" for name in names))


def failing_beside(config: RolloutConfig) -> list[RolloutConfig]:
    """Who `sekft run` lets fail beside this operator: an explorer never does, and pairs want a rejected side.

    A model fails by itself, and so does a student; the others are for other uses than training.
    """
    if config.operator_name != EXPLORER:
        return []
    return [config.model_copy(update={"operator": SABOTEUR, "keep_band": (), "keep_most": None})]
