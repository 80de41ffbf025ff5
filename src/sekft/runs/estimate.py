"""What models would cost, told before anything is asked: rough, by characters, and by what this folder cost so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sekft import authors
from sekft.folder import Layout, documents
from sekft.protocols import ModelClient
from sekft.report import Table
from sekft.runs.generate import ATTEMPTS, GenerateConfig
from sekft.runs.rollout import STUDENT, RolloutConfig, acting
from sekft.scenario import Scenario
from sekft.trajectory import Usage, load_trajectory

CHARACTERS_A_TOKEN = 4
LANDING_CHARACTERS = 2600
"""Scaffold, orientation and login text: the first prompt."""
TURN_CHARACTERS = 560
"""A command with its output, which every later prompt repeats."""
ACTION_TOKENS = 30
TURNS = 12
"""Of a rollout whose scenario is not known yet."""
MORE_TURNS = 4
"""What a model looks at beyond the reference."""


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """basis: where the figures come from. cost_usd, most_usd: None where no price is known."""

    what: str
    basis: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    most_usd: float | None


def cost_table(estimates: Sequence[CostEstimate]) -> Table:
    """The estimates for a person."""
    rows = [
        (
            each.what,
            each.calls,
            each.prompt_tokens,
            each.completion_tokens,
            "no price" if each.cost_usd is None else f"${each.cost_usd:.2f}",
            "no price" if each.most_usd is None else f"${each.most_usd:.2f}",
            each.basis,
        )
        for each in estimates
    ]
    columns = ("what", "calls", "prompt tokens", "answer tokens", "about", "at most", "from")
    return Table(columns, rows) if rows else Table((), (), notes=["no model would be asked"])


def estimates(
    drawing: GenerateConfig | None, rolling: RolloutConfig | None, scenarios: Sequence[Scenario], layout: Layout
) -> list[CostEstimate]:
    """For each model that these stages would ask. scenarios: empty where they are yet to be drawn.

    Raises UsageError for an unknown author or operator, or a model that is not named.
    """
    costs: list[CostEstimate] = []
    if drawing is not None:
        author = authors.make(drawing.author_name, drawing)
        if author.endpoint is not None and author.usual is not None:
            left = max(0, drawing.n - len(documents(layout.scenarios)))
            likely, most = _times(author.usual, left), _times(author.usual, left * ATTEMPTS)
            what = f"{left} scenarios by {author.endpoint.model}"
            costs.append(_priced(what, "the author's usual exchange", author.endpoint, likely, most))
    if rolling is not None and rolling.operator_name != STUDENT:
        operator = acting(rolling)
        if operator.endpoint is not None:
            to_roll: Sequence[Scenario | None] = scenarios or [None] * (drawing.n if drawing else 0)
            answer_tokens = operator.answer_tokens or ACTION_TOKENS
            costs.append(_rollouts(operator.endpoint, to_roll, rolling, answer_tokens, layout))
    return costs


def _rollouts(
    client: ModelClient, scenarios: Sequence[Scenario | None], config: RolloutConfig, answer_tokens: int, layout: Layout
) -> CostEstimate:
    """For every scenario and sample that this folder lacks."""
    done = [load_trajectory(path) for path in layout.rollouts() if path.name.startswith("model-")]
    left = max(0, len(scenarios) * config.samples - len(done))
    most = _rollout(config.max_turns, answer_tokens)
    if done:
        spent = sum((made.usage for made in done), Usage())
        likely, basis = _times(spent, left / len(done)), f"the mean of {len(done)} rollouts in this folder"
    else:
        answer = min(answer_tokens, ACTION_TOKENS)
        turns = [len(scenario.reference) + MORE_TURNS if scenario else TURNS for scenario in scenarios]
        usages = [_rollout(min(config.max_turns, most_turns), answer) for most_turns in turns]
        likely = _times(sum(usages, Usage()), left / max(1, len(scenarios)))
        basis = "the references' lengths and four characters a token"
    return _priced(f"{left} rollouts of {client.model}", basis, client, likely, _times(most, left))


def _rollout(turns: int, answer_tokens: int) -> Usage:
    """Each prompt holds all before it; that is most of what a rollout costs."""
    prompts = turns * LANDING_CHARACTERS + TURN_CHARACTERS * turns * (turns - 1) // 2
    return Usage(requests=turns, prompt_tokens=prompts // CHARACTERS_A_TOKEN, completion_tokens=turns * answer_tokens)


def _times(usage: Usage, factor: float) -> Usage:
    return Usage(
        requests=round(usage.requests * factor),
        prompt_tokens=round(usage.prompt_tokens * factor),
        completion_tokens=round(usage.completion_tokens * factor),
        cost_usd=usage.cost_usd * factor,
    )


def _priced(what: str, basis: str, client: ModelClient, likely: Usage, most: Usage) -> CostEstimate:
    def cost(usage: Usage) -> float | None:
        by_price = client.cost_usd(usage)
        return usage.cost_usd or None if by_price is None else by_price

    return CostEstimate(
        what, basis, likely.requests, likely.prompt_tokens, likely.completion_tokens, cost(likely), cost(most)
    )
