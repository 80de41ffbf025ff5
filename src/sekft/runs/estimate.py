"""What models would cost, told before anything is asked: rough, by characters, and by what this folder cost so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sekft import authors, taxonomy
from sekft.folder import HIDDEN, Layout
from sekft.folder.entries import entries
from sekft.models.journal import JOURNAL, spent
from sekft.protocols import Author, ModelClient
from sekft.report import Table
from sekft.runs.generate import ATTEMPTS, GenerateConfig
from sekft.runs.rollout import STUDENT, RolloutConfig, acting
from sekft.scenario import Scenario
from sekft.trajectory import Usage

CHARACTERS_A_TOKEN = 3
"""Between the 2.5 of a small tokenizer on invented names and the 4 of a large one on prose."""
LANDING_CHARACTERS, LOGIN_CHARACTERS = 1250, 120
"""The first prompt (scaffold, orientation, login text), and its login text alone."""
TURN_CHARACTERS, LONG_TURN_CHARACTERS = 210, 560
"""A command with its output, which every later prompt repeats. These are means over bench/estimate.py's rollouts."""
ACTION_TOKENS = 16
TURNS = 11
"""Of a rollout whose scenario is not known yet."""
MORE_TURNS = 2
"""What a model looks at beyond the reference."""
REPAIRED = 1.2
"""Of a draw's first exchange, what a draw takes with its repairs."""


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
            done = sum(1 for _ in entries(layout.scenarios))
            left = max(0, drawing.n - done)
            usual, basis = _draw(author, author.usual, drawing), "the author's usual exchange"
            most = _times(usual, left * ATTEMPTS * (1 + drawing.repairs))
            if done and (before := spent(layout.root / HIDDEN / JOURNAL).get("teacher")):
                usual, basis = _times(before, 1 / done), f"the mean of {done} scenarios in this folder"
            what = f"{left} scenarios by {author.endpoint.model}"
            costs.append(_priced(what, basis, author.endpoint, _times(usual, left), most))
    if rolling is not None and rolling.operator_name != STUDENT:
        operator = acting(rolling)
        if operator.endpoint is not None:
            to_roll: Sequence[Scenario | None] = scenarios or [None] * (drawing.n if drawing else 0)
            answer_tokens = operator.answer_tokens or ACTION_TOKENS
            scaffold = getattr(operator, "scaffold", "")
            costs.append(_rollouts(operator.endpoint, to_roll, rolling, answer_tokens, layout, len(scaffold)))
    return costs


def _draw(author: Author, usual: Usage, drawing: GenerateConfig) -> Usage:
    """One scenario: the author's own first question, where it has one before it asks, and what is usual."""
    axes = taxonomy.load()
    cell = axes.cell(drawing.seed, 0, taxonomy.parse_where(axes, drawing.where))
    question = sum(len(message["content"]) for message in author.begin(cell, drawing.seed).exchange)
    tokens = question // CHARACTERS_A_TOKEN or usual.prompt_tokens
    return _times(usual.model_copy(update={"prompt_tokens": tokens}), REPAIRED)


def _rollouts(
    client: ModelClient,
    scenarios: Sequence[Scenario | None],
    config: RolloutConfig,
    answer_tokens: int,
    layout: Layout,
    scaffold: int,
) -> CostEstimate:
    """For every scenario and sample that this folder lacks."""
    done = [entry.trajectory() for entry in layout.rollouts() if entry.stem.startswith("model-")]
    left = max(0, len(scenarios) * config.samples - len(done))
    most = _rollout(config.max_turns, answer_tokens, LANDING_CHARACTERS, LONG_TURN_CHARACTERS)
    if done:
        used = sum((made.usage for made in done), Usage())
        likely, basis = _times(used, left / len(done)), f"the mean of {len(done)} rollouts in this folder"
    else:
        answer = min(answer_tokens, ACTION_TOKENS)
        usages = []
        for scenario in scenarios:
            turns = len(scenario.reference) + MORE_TURNS if scenario else TURNS
            landing = scaffold + len(scenario.orientation) + LOGIN_CHARACTERS if scenario else LANDING_CHARACTERS
            usages.append(_rollout(min(config.max_turns, turns), answer, landing))
        likely = _times(sum(usages, Usage()), left / max(1, len(scenarios)))
        basis = f"the references' lengths and {CHARACTERS_A_TOKEN} characters a token"
    return _priced(f"{left} rollouts of {client.model}", basis, client, likely, _times(most, left))


def _rollout(turns: int, answer_tokens: int, landing: int, turn: int = TURN_CHARACTERS) -> Usage:
    """Each prompt holds all before it; that is most of what a rollout costs."""
    prompts = turns * landing + turn * turns * (turns - 1) // 2
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
