"""The verbs of `import sekft`: each stage as a function, synchronous and asynchronous, with no folder needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sekft import sandboxes
from sekft.evaluation.compare import Comparison
from sekft.evaluation.compare import compare as compare_evaluations
from sekft.evaluation.evaluate import Evaluation
from sekft.protocols import Reporter, Sandbox
from sekft.rejection import Admitted, Rejected
from sekft.rollouts.record import Replayed
from sekft.rollouts.record import replay as replay_recorded
from sekft.runs import evaluate as evaluating
from sekft.runs import generate as generating
from sekft.runs import roll as rolling
from sekft.runs.evaluate import EvalConfig
from sekft.runs.generate import GenerateConfig
from sekft.runs.roll import RolloutConfig
from sekft.scenario import Scenario
from sekft.trajectory import Trajectory

T = TypeVar("T")


class Silent:
    """A reporter that says nothing."""

    def begin(self, label: str, total: int, done: int) -> None:
        """Nothing is shown."""

    def step(self, detail: str = "") -> None:
        """Nothing is shown."""

    def note(self, text: str) -> None:
        """Nothing is shown."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


SILENT: Reporter = Silent()


def agenerate(config: GenerateConfig | None = None, /, **options: Any) -> AsyncGenerator[Scenario, None]:
    """Author scenarios; yield each once the gate has admitted it.

    options: the fields of GenerateConfig, which win over `config`. Closing the iterator stops the work.
    Raises UsageError, SandboxUnavailable, AuthorExhausted and InfraError.

        async for scenario in sekft.agenerate(n=2):
            print(scenario.id)
    """
    return generating.stream(GenerateConfig.of(config, **options), SILENT)


def generate(config: GenerateConfig | None = None, /, **options: Any) -> Iterator[Scenario]:
    """Author scenarios; yield each once the gate has admitted it. See agenerate.

    The work stops when the loop is left, and goes on only while the next scenario is waited for.

        for scenario in sekft.generate(n=2, seed=7, where=["ending=blocked"]):
            print(scenario.expected.kind)
    """
    return streamed(agenerate(config, **options))


def arollout(
    scenarios: Iterable[Scenario], config: RolloutConfig | None = None, /, **options: Any
) -> AsyncGenerator[Trajectory, None]:
    """Let an operator act in every scenario, `samples` times; yield each trajectory, judged and recorded.

    Trajectories come in the order in which they end. One that an infra error broke comes, too: its outcome is
    `infra_error`. options: the fields of
    RolloutConfig, which win over `config`. Raises UsageError, SandboxUnavailable and EndpointError.

        async for trajectory in sekft.arollout(scenarios, samples=1):
            print(trajectory.outcome)
    """
    return rolling.stream(RolloutConfig.of(config, **options), scenarios, SILENT)


def rollout(
    scenarios: Iterable[Scenario], config: RolloutConfig | None = None, /, **options: Any
) -> Iterator[Trajectory]:
    """Let an operator act in every scenario, `samples` times; yield each trajectory. See arollout.

    The work stops when the loop is left, and goes on only while the next trajectory is waited for.

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
    return completed(evaluating.evaluated(EvalConfig.of(config, **options), list(scenarios), SILENT))


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
    """The backend of that name, or the first that can run here. Raises UsageError and SandboxUnavailable.

    A session is a fresh shell in a scenario; see the protocol `Session`.

        async with sekft.sandbox("auto").open(sekft.SandboxSpec.of(scenario)) as session:
            print((await session.exec("ls")).output)
    """
    return sandboxes.pick(name)


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
