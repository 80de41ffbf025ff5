"""The verbs of `import sekft`: each stage as a function, synchronous and asynchronous, with no folder needed."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from inspect import isawaitable
from pathlib import Path
from typing import Any, TypeVar

from sekft import operators, sandboxes
from sekft.errors import UsageError
from sekft.evaluation.compare import Comparison
from sekft.evaluation.compare import compare as compare_evaluations
from sekft.evaluation.evaluate import Evaluation
from sekft.folder import Layout
from sekft.folder.entries import entry_at
from sekft.protocols import Reporter, Sandbox
from sekft.rejection import Admitted, Rejected
from sekft.report import Table
from sekft.rollouts.record import Replayed, record
from sekft.rollouts.record import replay as replay_recorded
from sekft.rollouts.rollout import Rollout, RolloutLimits
from sekft.rollouts.verify import judge
from sekft.runs import evaluate as evaluating
from sekft.runs import generate as generating
from sekft.runs import rollout as rolling
from sekft.runs.engines.local import at_once
from sekft.runs.evaluate import EvalConfig
from sekft.runs.generate import GenerateConfig
from sekft.runs.rollout import RolloutConfig
from sekft.scenario import Scenario, load_scenario
from sekft.trajectory import OperatorInfo, Trajectory

Messages = list[dict[str, str]]
Act = Callable[[Messages], str | Awaitable[str]]
_NAME = re.compile(r"[A-Za-z][\w.]*")
T = TypeVar("T")


class Silent(Reporter):
    """A reporter that says nothing."""

    def begin(self, label: str, total: int, done: int) -> None:
        """Nothing is shown."""

    def step(self, detail: str = "") -> None:
        """Nothing is shown."""

    def note(self, text: str) -> None:
        """Nothing is shown."""


SILENT: Reporter = Silent()


def agenerate(config: GenerateConfig | None = None, /, **options: Any) -> AsyncGenerator[Scenario, None]:
    """Author scenarios; yield each once the gate has admitted it.

    options: the fields of GenerateConfig, which win over `config`. Closing the iterator stops the work.
    Raises UsageError, SandboxUnavailable, EndpointError, AuthorExhausted and InfraError.

        async for scenario in sekft.agenerate(n=2):
            print(scenario.id)
    """
    return generating.stream(GenerateConfig.of(config, **options), SILENT)


def generate(config: GenerateConfig | None = None, /, **options: Any) -> Iterator[Scenario]:
    """Author scenarios; yield each once the gate has admitted it. See agenerate.

    Work goes on only while the loop waits for the next scenario, and stops when the loop is left.

        for scenario in sekft.generate(n=2, seed=7, where=["ending=blocked"]):
            print(scenario.expected.kind)
    """
    return streamed(agenerate(config, **options))


def arollout(
    scenarios: Iterable[Scenario], config: RolloutConfig | None = None, /, **options: Any
) -> AsyncGenerator[Trajectory, None]:
    """Let an operator act in every scenario, `samples` times; yield each trajectory, judged and recorded.

    Trajectories come in the order in which they end, also those that an infra error broke (outcome `infra_error`).
    options: the fields of RolloutConfig, which win over `config`. Raises UsageError, SandboxUnavailable and
    EndpointError.

        async for trajectory in sekft.arollout(scenarios, samples=1):
            print(trajectory.outcome)
    """
    return rolling.stream(RolloutConfig.of(config, **options), _scenarios(scenarios), SILENT)


def rollout(
    scenarios: Iterable[Scenario], config: RolloutConfig | None = None, /, **options: Any
) -> Iterator[Trajectory]:
    """Let an operator act in every scenario, `samples` times; yield each trajectory. See arollout.

    Work goes on only while the loop waits for the next trajectory, and stops when the loop is left.

        for trajectory in sekft.rollout(scenarios, operator="explorer", samples=1):
            print(trajectory.outcome, trajectory.keep)
    """
    return streamed(arollout(scenarios, config, **options))


def admit(scenario: Scenario, sandbox: str = "auto") -> Admitted | Rejected:
    """Put one scenario through the gate.

    Raises SandboxUnavailable and InfraError.

        result = sekft.admit(scenario)
        print(result.reason if isinstance(result, sekft.Rejected) else "admitted")
    """
    return completed(generating.gated(scenario, sandboxes.pick(sandbox)))


def replay(scenario: Scenario, trajectory: Trajectory, sandbox: str = "auto") -> Replayed:
    """Type a trajectory's actions again in a fresh sandbox; `difference` is None when it ends as recorded.

    Raises SandboxUnavailable and InfraError.

        print(sekft.replay(scenario, trajectory).difference)
    """
    return completed(replay_recorded(scenario, trajectory, sandboxes.pick(sandbox)))


def evaluate(scenarios: Iterable[Scenario], config: EvalConfig | None = None, /, **options: Any) -> Evaluation:
    """Measure what an operator can do in these scenarios, axis by axis.

    options: the fields of EvalConfig, which win over `config`.

        print(sekft.evaluate(scenarios, operator="explorer"))
    """
    return completed(evaluating.evaluated(EvalConfig.of(config, **options), list(_scenarios(scenarios)), SILENT))


def _scenarios(given: Iterable[Scenario] | str | Path) -> Iterable[Scenario]:
    if isinstance(given, str | Path):
        raise UsageError(f"scenarios: saw {str(given)!r}, want scenarios: sekft.Run({str(given)!r}).scenarios()")
    return given


def compare(evaluations: Mapping[str, Evaluation | Path]) -> Comparison:
    """Say what differs beyond chance between evaluations over the same scenarios; the first is the baseline.

    evaluations: by name; a path is a folder that `sekft eval` filled.

        print(sekft.compare({"before": first, "after": second}))
    """
    reports = {
        name: report if isinstance(report, Evaluation) else evaluating.stored(report)
        for name, report in evaluations.items()
    }
    return compare_evaluations(reports)


def sandbox(name: str = "auto") -> Sandbox:
    """The backend of that name; for `auto`, the first that can run here. Raises UsageError and SandboxUnavailable.

    A session is a fresh shell in a scenario; see the protocol `Session`.

        async with sekft.sandbox("auto").open(sekft.SandboxSpec.of(scenario)) as session:
            print((await session.exec("ls")).output)
    """
    return sandboxes.pick(name)


class Shell:
    """A shell that the caller has landed in.

    messages: what a deployed model would see: `system`, `user` and `assistant` in turn, the last one the user's.
    over:     whether the session has ended: by `exit`, `panic`, a limit, or an action that cannot be typed.
    """

    def __init__(self, scenario: Scenario, rollout: Rollout) -> None:
        self._scenario, self._rollout = scenario, rollout

    @property
    def messages(self) -> Messages:
        return self._rollout.messages

    @property
    def over(self) -> bool:
        return self._rollout.over

    async def step(self, text: str) -> str | None:
        """Type one action; returns what the terminal shows then, or None when the session is over.

        Raises UsageError when it was over before, or for what is no text.
        """
        turn = await self._rollout.step(typed(text, "shell.step"))
        return None if turn is None else turn.content

    @property
    def result(self) -> Trajectory:
        """The rollout, judged and recorded. Raises UsageError while the session goes on."""
        if not self.over:
            raise UsageError("shell.result: the session is not over; end it with exit or panic, or leave the block")
        left = self._rollout.result
        return record(self._scenario, left, judge(self._scenario, left), rolling.forbidden())


def typed(text: object, where: str) -> str:
    """What a policy gave, which must be a text. where: names it in the error. Raises UsageError."""
    if not isinstance(text, str):
        raise UsageError(f"{where}: saw {text!r:.60}, want the text to type")
    return text


@asynccontextmanager
async def land(
    scenario: Scenario,
    sandbox: str | Sandbox = "auto",
    *,
    operator: str = "hand",
    model: str | None = None,
    sample: int = 0,
    seed: int = 0,
    max_turns: int = 40,
    wall_s: float | None = None,
) -> AsyncIterator[Shell]:
    """Land in a scenario and step it by hand. Leaving the block ends a running session as unfinished.

    sandbox: a backend or its name. A name is probed at each call: for many sessions, pass `sekft.sandbox(name)`.
    operator, model, sample, seed: what the trajectory records; `operator` is any name of yours for who acts, by which
    commands tell rollouts apart. wall_s: an action after so many seconds comes too late, and the session is unfinished;
    None sets no limit. Raises UsageError and SandboxUnavailable. If the sandbox breaks during the session, the result's
    outcome is `infra_error`.

        async with sekft.land(scenario) as shell:
            print(shell.messages[-1]["content"])
            print(await shell.step("ls"))
            await shell.step("exit")
        print(shell.result.outcome)
    """
    if not isinstance(scenario, Scenario):
        raise UsageError(f"scenario: saw {scenario!r:.60}, want a Scenario: sekft.Run(FOLDER).scenarios() has some")
    if operator in operators.KINDS or not _NAME.fullmatch(operator):
        raise UsageError(f"operator {operator!r}: want letters, digits, '_' and '.', and no name of sekft's own")
    if sample < 0 or max_turns < 1:
        raise UsageError(f"sample {sample}, max_turns {max_turns}: want a sample from 0 on, and at least one turn")
    backend = sandboxes.pick(sandbox) if isinstance(sandbox, str) else sandbox
    info, limits = OperatorInfo(kind=operator, model=model), RolloutLimits(max_turns, wall_s or math.inf)
    async with Rollout(scenario, backend, info, sample, seed, limits) as rollout:
        yield Shell(scenario, rollout)


async def play(
    scenario: Scenario,
    act: Act,
    sandbox: str | Sandbox = "auto",
    *,
    operator: str = "hand",
    model: str | None = None,
    sample: int = 0,
    seed: int = 0,
    max_turns: int = 40,
    wall_s: float | None = None,
) -> Trajectory:
    """Let a function act in a scenario until the session ends; return the rollout, judged and recorded.

    act: takes the messages so far and gives the text to type, or an awaitable of it. What it raises is raised here; for
    what is no text, UsageError. The other parameters are those of land.

        def act(messages):
            return "ls" if len(messages) == 2 else "exit"

        trajectory = await sekft.play(scenario, act)
        print(trajectory.outcome)
    """
    limits = {"max_turns": max_turns, "sample": sample, "seed": seed}
    async with land(scenario, sandbox, operator=operator, model=model, wall_s=wall_s, **limits) as shell:
        while not shell.over:
            text = act(shell.messages)
            await shell.step(typed(await text if isawaitable(text) else text, "act"))
    return shell.result


def find_recorded(path: Path, scenarios: Path | None) -> list[tuple[Path, Trajectory, Scenario]]:
    """Every trajectory at that path with its scenario.

    scenarios: a folder of bundles, or one bundle for all of them (the same scenario with a mended checker);
    None looks where the folder of the trajectory has them. Raises BundleError and UsageError.
    """
    found = Layout.found(path).rollouts() if path.is_dir() else filter(None, [entry_at(path)])
    one = load_scenario(scenarios) if scenarios and scenarios.is_file() else None
    rows = []
    for entry in found:
        trajectory = entry.trajectory()
        place = Layout.found(scenarios) if scenarios else Layout.around(entry.path)
        rows.append((entry.path, trajectory, one or place.scenario(trajectory.scenario_id)))
    if not rows:
        raise UsageError(f"{path}: holds no trajectories; want a file or a folder that `sekft rollout` made")
    return rows


async def replay_all(
    rows: Sequence[tuple[Path, Trajectory, Scenario]], sandbox: Sandbox, concurrency: int
) -> list[tuple[Path, Trajectory, Replayed]]:
    """Replay each, in the order given."""

    async def redo(at: int) -> tuple[int, Replayed]:
        _, trajectory, scenario = rows[at]
        return at, await replay_recorded(scenario, trajectory, sandbox)

    made = {at: result async for at, result in at_once(redo, range(len(rows)), concurrency)}
    return [(path, trajectory, made[at]) for at, (path, trajectory, _) in enumerate(rows)]


ReplayedRows = Sequence[tuple[Path, Trajectory, Replayed]]


def replay_table(done: ReplayedRows, recheck: bool) -> Table:
    """A row for each that differs, and a line that counts. recheck: compare outcomes alone."""
    rows: list[tuple[str, str]] = []
    for path, then, now in done:
        if recheck and then.outcome != now.trajectory.outcome:
            rows.append(
                (str(path), f"{then.outcome} is now {now.trajectory.outcome} (check {now.trajectory.check.verdict})")
            )
        elif not recheck and now.difference:
            rows.append((str(path), now.difference))
    what = "with another outcome" if recheck else "differ"
    return Table(("", ""), rows, notes=[f"{len(done)} replayed, {len(rows)} {what}"])


def replay_json(done: ReplayedRows) -> str:
    """The same as JSON lines."""
    rows = (
        {
            "path": str(path),
            "difference": now.difference,
            "recorded": {"outcome": then.outcome, "passed": then.check.passed},
            "replayed": {"outcome": now.trajectory.outcome, "passed": now.trajectory.check.passed},
        }
        for path, then, now in done
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


class _Loop:
    """An event loop: in this thread, or in another one where this one runs a loop already, as notebooks do."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._pool: ThreadPoolExecutor | None = None
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            self._pool = self._stack.enter_context(ThreadPoolExecutor(1))
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work) if self._pool is None else self._pool.submit(self._runner.run, work).result()

    def close(self) -> None:
        if self._pool is None:
            self._runner.close()
        else:
            self._pool.submit(self._runner.close).result()
        self._stack.close()


def completed(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, whether or not this thread has a running loop."""
    loop = _Loop()
    try:
        return loop.run(work)
    finally:
        loop.close()


def streamed(items: AsyncGenerator[T, None]) -> Iterator[T]:
    """An asynchronous generator as a synchronous one. It works while the next item is waited for, and not between."""
    loop = _Loop()

    async def step() -> tuple[T, ...]:
        try:
            return (await anext(items),)
        except StopAsyncIteration:
            return ()

    try:
        while found := loop.run(step()):
            yield found[0]
    finally:
        loop.run(items.aclose())
        loop.close()
