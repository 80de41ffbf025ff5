"""What --dry-run tells beside what runs really take: `python -m bench.estimate RUN [SCENARIOS]`.

RUN: a folder with an explorer's rollouts (`sekft run --operator explorer`). A service on loopback types what the
explorer typed, and a right bundle or wording for each question of SCENARIOS (5) draws. It counts tokens with SmolLM2's
tokenizer, and beside it four characters a token, as a large tokenizer has them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.pipeline import Quiet
from sekft.folder import ROLLOUTS, Layout, documents, load_scenarios
from sekft.models.texts import TokenCounter
from sekft.protocols import Reporter
from sekft.runs.estimate import CostEstimate, estimates
from sekft.runs.generate import GenerateConfig, generate
from sekft.runs.resources import token_counter
from sekft.runs.rollout import RolloutConfig, roll
from sekft.trajectory import load_trajectory
from tests import teacher as forms
from tests.served import Answer
from tests.teacher import Body, Teacher, teaching


class Counting(Teacher):
    """Answers as a plan says, else as a right teacher; counts what is asked and answered."""

    def __init__(self, count: TokenCounter, plans: Mapping[str, list[str]]) -> None:
        super().__init__([forms.clean] * 10_000)
        self._count, self._plans = count, plans
        self.calls = self.asked = self.answered = self.characters = 0

    def answer(self, request: Body) -> Answer:
        texts = [message["content"] for message in request["messages"]]
        plan = self._plans.get(texts[1]) if len(texts) > 1 else None
        typed = sum(message["role"] == "assistant" for message in request["messages"])
        text = plan[typed] if plan else super().answer(request).body
        self.calls += 1
        self.asked += sum(map(self._count, texts))
        self.answered += self._count(text)
        self.characters += sum(map(len, texts))
        return Answer(text)


def told(what: str, estimate: CostEstimate, served: Counting) -> None:
    real = f"{served.calls} calls, {served.asked} + {served.answered} tokens ({served.characters // 4} at 4 characters)"
    print(f"{what}: told {estimate.calls} calls, {estimate.prompt_tokens} + {estimate.completion_tokens}; took {real}")


def main(run: Path, drawn: int = 5) -> None:
    count, quiet, layout, scenarios = token_counter("smollm2"), Quiet(), Layout.found(run), load_scenarios(run)
    made = [
        load_trajectory(path) for path in documents(layout.trajectories, ROLLOUTS) if path.name == "explorer-0.json"
    ]
    plans = {each.turns[0].content: each.actions for each in made}

    def measured(
        what: str,
        drawing: GenerateConfig | None,
        rolling: RolloutConfig | None,
        work: Callable[[Layout, Reporter], object],
    ) -> None:
        with tempfile.TemporaryDirectory() as folder, teaching(served := Counting(count, plans)):
            out = Layout.of_run(Path(folder))
            os.environ |= {"SEKFT_MODEL": "m", "SEKFT_OP_MODEL": "m", "SEKFT_URL": served.url}
            (estimate,) = estimates(drawing, rolling, scenarios if rolling else (), out)
            work(out, quiet)
            told(what, estimate, served)

    rolling = RolloutConfig(operator="model", samples=1)
    measured("rollouts", None, rolling, lambda out, to: asyncio.run(roll(rolling, scenarios, out, to)))
    for author in ("teacher", "hybrid"):
        drawing = GenerateConfig(n=drawn, author=author, seed=3)
        measured(author, drawing, None, lambda out, to, config=drawing: asyncio.run(generate(config, out, to)))  # type: ignore[misc]


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
