"""What an answer cost: the tokens and dollars that a service tells, held against the user's price.

Services tell nothing, null, a zero for a model whose price they do not know, or another currency. What is not told is
reckoned, so that a limit holds: tokens by characters, dollars by the price.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from sekft.errors import UsageError
from sekft.models.texts import A_MESSAGE, CHARACTERS_A_TOKEN
from sekft.trajectory import Usage

COST_HEADER = "x-litellm-response-cost"
MOST_USD, MOST_TOKENS = 1e4, 10**9
"""Of one answer; more is no figure of this world."""
Price = tuple[float, float]


def price(variable: str, text: str) -> Price | None:
    """PROMPT/COMPLETION in dollars for a million tokens; None where the text is empty. Raises UsageError."""
    if not text.strip():
        return None
    try:
        asking, answering = (float(part) for part in text.split("/"))
    except ValueError:
        asking = answering = math.nan
    return checked(variable, (asking, answering), text)


def checked(variable: str, pair: Price, seen: object) -> Price:
    """Raises UsageError unless both are finite and not negative."""
    if not all(isinstance(each, int | float) and 0 <= each < math.inf for each in pair) or len(pair) != 2:
        raise UsageError(f"{variable}: saw {seen!r}, want PROMPT/COMPLETION in $ per million tokens, as 0.5/1.5")
    return pair


def cost_usd(price: Price | None, usage: Usage) -> float | None:
    """What these tokens cost by the price; None where it is unknown."""
    if price is None:
        return None
    return round((usage.prompt_tokens * price[0] + usage.completion_tokens * price[1]) / 1e6, 9)


def told_usd(headers: Mapping[str, str]) -> float:
    """The service's own figure in dollars; 0 where it tells none that can be meant."""
    told = number(headers.get(COST_HEADER, "")) or 0.0
    return told if told < MOST_USD else 0.0


def used(told: object, asked: object, answered: str) -> Usage:
    """The tokens that a service tells, and where it does not, about as many as the texts have.

    told: its `usage`. asked: the messages.
    """
    usage = told if isinstance(told, Mapping) else {}
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")) or reckoned(asked),
        completion_tokens=_count(usage.get("completion_tokens")) or round(len(answered) / CHARACTERS_A_TOKEN),
    )


def reckoned(messages: object) -> int:
    """Tokens of a conversation, by its characters."""
    texts = [message.get("content") or "" for message in messages] if isinstance(messages, list) else []
    return sum(round(len(text) / CHARACTERS_A_TOKEN) + A_MESSAGE for text in texts)


def number(text: str) -> float | None:
    """A finite number that is not negative; None for anything else that a header holds."""
    try:
        return value if 0 <= (value := float(text)) < math.inf else None
    except ValueError:
        return None


def _count(value: object) -> int:
    """A count of tokens; 0 where the value is none."""
    return int(value) if type(value) in (int, float) and 0 < value < MOST_TOKENS else 0  # type: ignore[operator, call-overload]
