"""The `model` operator: a served model that sees what a student would see, and a disposable scaffold.

The scaffold (scaffolds/default.md) is put before the orientation and is never recorded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import resources

from sekft.actions import Parsed, parse_action
from sekft.endpoint import ContextFull, Endpoint, service
from sekft.protocols import Action, OperatorSettings
from sekft.scenario import Scenario
from sekft.seeds import derive
from sekft.trajectory import OperatorInfo, Turn, Usage

MAX_TOKENS = 256
TEMPERATURE = 0.7
ASKS = 3
SEED_BITS = 31
ECHO_CHARACTERS = 20


def make(settings: OperatorSettings) -> ModelOperator:
    """The operator that the environment names (SEKFT_OP_MODEL …). Raises UsageError when it names none."""
    return ModelOperator(
        Endpoint(service("operator")),
        temperature=TEMPERATURE if settings.temperature is None else settings.temperature,
        max_tokens=settings.max_tokens or MAX_TOKENS,
    )


class ModelOperator:
    """Rolls the model of one endpoint.

    max_tokens: for one answer, thoughts included.
    scaffold:   the text put before the orientation; None takes the one that sekft ships.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        max_tokens: int = MAX_TOKENS,
        temperature: float = TEMPERATURE,
        scaffold: str | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.max_tokens = max_tokens
        self.temperature = temperature
        self.scaffold = default_scaffold() if scaffold is None else scaffold
        self.info = OperatorInfo(
            kind="model",
            model=endpoint.service.model,
            settings={
                "max_tokens": str(max_tokens),
                "temperature": f"{temperature:g}",
                "scaffold_sha256": hashlib.sha256(self.scaffold.encode()).hexdigest()[:16],
            },
        )

    async def close(self) -> None:
        await self.endpoint.close()

    def policy(self, scenario: Scenario, sample: int, seed: int) -> ModelPolicy:
        """A policy that knows nothing of the scenario but the turns that it is shown."""
        return ModelPolicy(self, derive(seed, "model", scenario.id, sample))


class ModelPolicy:
    """One rollout's conversation: the scaffold and orientation, then env turns and own actions."""

    def __init__(self, operator: ModelOperator, seed: int) -> None:
        self._operator = operator
        self._seed = seed

    async def act(self, turns: Sequence[Turn]) -> Action:
        """The next command. An answer that holds none is asked for again, at most twice, then it is a fault."""
        usage, parsed = Usage(), Parsed(fault="empty")
        asks = ASKS if self._operator.temperature > 0 else 1
        for ask in range(asks):
            try:
                parsed, used = await self._ask(turns, ask)
            except ContextFull:
                return Action("", usage, fault="context full")
            usage = usage + used
            if parsed.fault is None:
                break
        return Action(parsed.text, usage, parsed.fault)

    async def _ask(self, turns: Sequence[Turn], ask: int) -> tuple[Parsed, Usage]:
        operator = self._operator
        reply = await operator.endpoint.chat(
            conversation(operator.scaffold, turns),
            max_tokens=operator.max_tokens,
            temperature=operator.temperature,
            seed=derive(self._seed, len(turns), ask) % (1 << SEED_BITS),
        )
        prompt = turns[-1].content.rpartition("\n")[2]
        parsed = parse_action(reply.text, prompt=prompt, cut=reply.cut)
        if echoes(parsed.text, operator.scaffold):
            parsed = Parsed(fault="repeats the scaffold")
        return parsed, reply.usage


def default_scaffold() -> str:
    return (resources.files("sekft") / "operators" / "scaffolds" / "default.md").read_text(encoding="utf-8")


def conversation(scaffold: str, turns: Sequence[Turn]) -> list[dict[str, str]]:
    """The deploy form with the scaffold before the orientation."""
    system = f"{scaffold.strip()}\n\n{turns[0].orientation or ''}".strip()
    roles = {"env": "user", "action": "assistant"}
    return [{"role": "system", "content": system}] + [
        {"role": roles[turn.role], "content": turn.content} for turn in turns
    ]


def echoes(action: str, scaffold: str) -> bool:
    """Whether an action holds a line of the scaffold, long enough to be no accident."""
    lines = (line.strip() for line in scaffold.splitlines())
    return any(len(line) >= ECHO_CHARACTERS and line in action for line in lines)
