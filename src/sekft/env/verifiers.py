"""Scenarios as an environment of verifiers: `vf-eval sekft-shell`, and what prime-rl trains on. Wants verifiers 0.4.

The terminal is the user of the conversation. The model's answer is typed as it is, with no tools and no scaffold. The
policy sees what `env.land` shows; the bundle stays with the environment, which finds it by the id in the task.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import verifiers.v1 as vf
from openai import AsyncOpenAI, Timeout
from verifiers.v1.clients import ModelContext
from verifiers.v1.dialects.chat import message_to_wire
from verifiers.v1.runtimes import ProgramResult, Runtime, SubprocessConfig

from sekft.env.episode import EpisodeResult, land
from sekft.env.reward import Reward, Shaped, right
from sekft.env.source import scenarios
from sekft.scenario import Scenario

ANSWER_S, CONNECT_S = 1800.0, 60.0
"""The interception is near, but serves many: on a busy machine the library's own 5 s to connect are too few."""
JUDGED = "sekft"
"""Where a trace keeps what was judged."""
__all__ = ["ShellEnv", "ShellHarness", "ShellTaskset"]


class ShellData(vf.TaskData):
    """What travels with a trace: the scenario's id and cell. The bundle does not."""

    axes: dict[str, str]


class ShellTasksetConfig(vf.TasksetConfig):
    scenarios: str = ""
    """A run folder, an export, or a Parquet file of scenarios."""
    split: str | None = None
    """train or heldout; both by default."""
    where: list[str] = []
    """Terms as for `sekft generate --where`: axis=value, or axis!=value."""


class ShellTask(vf.Task[ShellData]):
    @property
    def key(self) -> str:
        """The scenario's id, which is the hash of its content."""
        return str(self.data.id)

    @vf.reward
    async def reward(self, trace: vf.Trace) -> float:
        return float(trace.info[JUDGED]["reward"])

    @vf.metric
    async def marks(self, trace: vf.Trace) -> dict[str, float]:
        """Whether the end is right, the marks that this scenario has, the actions, and the outcome as a name with 1."""
        return dict(trace.info[JUDGED]["metrics"])


class ShellTaskset(vf.Taskset[ShellTask, ShellTasksetConfig]):
    """A task for each scenario of `--env.taskset.scenarios`."""

    @cached_property
    def bundles(self) -> dict[str, Scenario]:
        """By id. Raises UsageError and BundleError."""
        config = self.config
        return {each.id: each for each in scenarios(config.scenarios, config.split, config.where)}

    def load(self) -> Iterator[ShellTask]:
        for scenario in self.bundles.values():
            data = ShellData(
                id=scenario.id,
                name=f"{scenario.cell.get('ending', scenario.expected.kind)}-{scenario.id}",
                system_prompt=scenario.orientation,
                axes=dict(scenario.cell),
            )
            yield ShellTask(data, self.config.task)


class ShellHarnessConfig(vf.HarnessConfig):
    pass


class ShellHarness(vf.Harness[ShellHarnessConfig]):
    """One chat completion a turn, in this process: there is nothing to install and no program to start."""

    APPENDS_SYSTEM_PROMPT = True
    SUPPORTS_RESUME = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: ModelContext,
        trace: vf.Trace,
        runtime: Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
    ) -> ProgramResult:
        """Ask once, through the interception that records the turn."""
        system, prompt = self.resolve_prompt(data)
        said = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else map(message_to_wire, prompt or [])
        messages: list[Any] = [*([{"role": "system", "content": system}] if system else []), *said]
        waited = Timeout(ANSWER_S, connect=CONNECT_S)
        async with AsyncOpenAI(base_url=endpoint, api_key=secret, max_retries=0, timeout=waited) as client:
            await client.chat.completions.create(model=ctx.model, messages=messages)
        return ProgramResult(0, "", "")


class ShellEnvConfig(vf.EnvConfig):
    agent: vf.AgentConfig = vf.AgentConfig(runtime=SubprocessConfig(), network_notice=False)
    """Who is in the shell. The runtime is this machine's: sekft's own sandbox confines what is typed."""
    sandbox: str = "auto"
    """sekft's backend: auto, bubblewrap or docker."""
    max_actions: int = 40
    """Actions, after which the session is unfinished."""
    shaped: bool = False
    """Also reward the marks on the way (sekft.env.Shaped); by default a right end alone is rewarded."""


class ShellEnv(vf.Env[ShellEnvConfig]):
    """An episode: land, let the model type until the session ends, record the reward and the marks."""

    taskset: ShellTaskset

    async def run(self, task: ShellTask, agents: vf.Agents) -> None:
        """Raises InfraError where the sandbox broke: then the episode is an error, not a zero."""
        scenario = self.taskset.bundles[str(task.data.id)]
        reward: Reward = Shaped() if self.config.shaped else right
        landing = land(scenario, self.config.sandbox, reward=reward, max_turns=self.config.max_actions)
        async with agents.agent.interaction(task) as interaction:
            async with landing as shell:
                segment = await interaction.turn(shell.messages[-1]["content"])
                while not segment.terminated:
                    step = await shell.step(segment.last_reply)
                    if step.done:
                        break
                    segment = await interaction.turn(step.screen)
            interaction.trace.info[JUDGED] = _judged(shell.result)


def _judged(result: EpisodeResult) -> dict[str, Any]:
    """What the task's reward and metrics are read from, once the session has ended."""
    metrics = {**result.metrics, f"outcome_{result.outcome}": 1.0}
    return {"reward": result.reward, "metrics": metrics, "trajectory": result.trajectory.id}
