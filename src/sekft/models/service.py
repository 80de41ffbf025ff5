"""Where a model is served and what it costs, named by the environment.

The teacher is named by SEKFT_MODEL, SEKFT_URL and SEKFT_KEY, the operator by SEKFT_OP_MODEL,
SEKFT_OP_URL and SEKFT_OP_KEY, whose URL and key fall back to the teacher's. SEKFT_PRICE and
SEKFT_OP_PRICE tell what a million tokens cost where the service does not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from sekft.errors import UsageError
from sekft.trajectory import Usage

DEFAULT_URL = "http://localhost:4000/v1"
NO_KEY = "none-needed"
SHORTEST_KEY = 8
"""Shorter keys are placeholders that ordinary text may hold."""
QUOTED_CHARACTERS = 300

Role = Literal["teacher", "operator"]
PREFIXES: dict[Role, str] = {"teacher": "SEKFT", "operator": "SEKFT_OP"}


@dataclass(frozen=True, slots=True)
class Service:
    """Where a model is served.

    variables: the prefix of the environment variables that named it, for messages.
    price:     US dollars for a million prompt tokens and a million completion tokens; None where unknown.
    """

    model: str
    url: str = DEFAULT_URL
    key: str = field(default=NO_KEY, repr=False)
    variables: str = "SEKFT"
    price: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{self.variables}_URL: saw {self.shown_url!r}, want http://HOST:PORT/v1 or https://…")

    @property
    def role(self) -> Role:
        return "operator" if self.variables == PREFIXES["operator"] else "teacher"

    @property
    def shown_url(self) -> str:
        """The URL without a user or password in it."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))

    def scrubbed(self, text: str) -> str:
        """A service's words without the key, and without characters that UTF-8 cannot hold."""
        whole = text.encode("utf-8", "replace").decode()
        return whole.replace(self.key, "[key]") if len(self.key) >= SHORTEST_KEY and self.key != NO_KEY else whole

    def quoted(self, text: str) -> str:
        """A service's own words for a message: short and on one line."""
        return " ".join(self.scrubbed(text).split())[:QUOTED_CHARACTERS]

    def cost_usd(self, usage: Usage) -> float | None:
        """What these tokens cost by the price; None where it is unknown."""
        if self.price is None:
            return None
        return round((usage.prompt_tokens * self.price[0] + usage.completion_tokens * self.price[1]) / 1e6, 9)


def service(role: Role, env: Mapping[str, str] | None = None) -> Service:
    """The service that the environment names for that role. Raises UsageError when it names no model."""
    env = os.environ if env is None else env
    prefix = PREFIXES[role]
    model = env.get(f"{prefix}_MODEL", "")
    if not model:
        raise UsageError(f"no model for the {role}: set {prefix}_MODEL (and {prefix}_URL, default {DEFAULT_URL})")
    return Service(
        model=model,
        url=env.get(f"{prefix}_URL") or env.get("SEKFT_URL") or DEFAULT_URL,
        key=env.get(f"{prefix}_KEY") or env.get("SEKFT_KEY") or NO_KEY,
        variables=prefix,
        price=_price(f"{prefix}_PRICE", env.get(f"{prefix}_PRICE", "")),
    )


def _price(variable: str, text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        asking, answering = (float(part) for part in text.split("/"))
    except ValueError:
        raise UsageError(
            f"{variable}: saw {text!r}, want PROMPT/COMPLETION in $ per million tokens, as 0.5/1.5"
        ) from None
    return asking, answering
