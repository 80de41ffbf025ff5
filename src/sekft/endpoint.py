"""The model service: an OpenAI-compatible endpoint, named by the environment.

The teacher is named by SEKFT_MODEL, SEKFT_URL and SEKFT_KEY, the operator by SEKFT_OP_MODEL,
SEKFT_OP_URL and SEKFT_OP_KEY, whose URL and key fall back to the teacher's. A key is sent to its
URL and shown nowhere else: services echo it in their own error texts, so those are scrubbed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit, urlunsplit

from sekft.errors import EndpointError, InfraError, SekftError, UsageError
from sekft.trajectory import Usage

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletion

DEFAULT_URL = "http://localhost:4000/v1"
NO_KEY = "none-needed"
TRIES = 4
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
TIMEOUT_S = 300.0
CONTEXT_FULL = ("context_length_exceeded", "context window", "context length", "context size", "exceed_context")

Role = Literal["teacher", "operator"]
Message = Mapping[str, str]


class ContextFull(SekftError):
    """The conversation no longer fits the model's context: the rollout ran out of tokens."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where a model is served.

    variables: the prefix of the environment variables that named it, for messages.
    """

    model: str
    url: str = DEFAULT_URL
    key: str = field(default=NO_KEY, repr=False)
    variables: str = "SEKFT"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{self.variables}_URL: saw {self.shown_url!r}, want http://HOST:PORT/v1 or https://…")

    @property
    def shown_url(self) -> str:
        """The URL without a user or password in it."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))

    def scrubbed(self, text: str) -> str:
        """A service's own words, short, on one line and without the key."""
        return " ".join(text.replace(self.key, "[key]").split())[:300]


@dataclass(frozen=True, slots=True)
class Reply:
    """cut: the answer stopped at max_tokens."""

    text: str
    usage: Usage
    cut: bool = False


def service(role: Role, env: Mapping[str, str] | None = None) -> Service:
    """The service that the environment names for that role. Raises UsageError when it names no model."""
    env = os.environ if env is None else env
    prefix = "SEKFT" if role == "teacher" else "SEKFT_OP"
    model = env.get(f"{prefix}_MODEL", "")
    if not model:
        raise UsageError(f"no model for the {role}: set {prefix}_MODEL (and {prefix}_URL, default {DEFAULT_URL})")
    return Service(
        model=model,
        url=env.get(f"{prefix}_URL") or env.get("SEKFT_URL") or DEFAULT_URL,
        key=env.get(f"{prefix}_KEY") or env.get("SEKFT_KEY") or NO_KEY,
        variables=prefix,
    )


class Endpoint:
    """A client for one service; `async with` it, or await close().

    timeout_s:     for one request, first byte to last.
    first_pause_s: before the second try; doubles with each further one.
    """

    def __init__(self, service: Service, timeout_s: float = TIMEOUT_S, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self.service = service
        self._timeout_s = timeout_s
        self._first_pause_s = first_pause_s
        self._client: openai.AsyncOpenAI | None = None

    async def __aenter__(self) -> Endpoint:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def chat(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float, seed: int | None = None
    ) -> Reply:
        """One completion.

        seed: 31 bits at most; some services refuse more.
        Raises EndpointError where the service is down or refuses for good, InfraError where it kept
        failing or timing out, ContextFull where the conversation has become too long.
        """
        request: dict[str, Any] = {"messages": list(messages), "max_tokens": max_tokens, "temperature": temperature}
        if seed is not None:
            request["seed"] = seed
        completion, requests = await self._ask(request)
        return self._reply(completion, requests)

    async def _ask(self, request: dict[str, Any]) -> tuple[ChatCompletion, int]:
        import openai  # takes 0.8 s: only where a model is asked

        if self._client is None:
            self._client = openai.AsyncOpenAI(
                api_key=self.service.key, base_url=self.service.url, timeout=self._timeout_s, max_retries=0
            )
        for attempt in range(1, TRIES + 1):
            try:
                completion = await self._client.chat.completions.create(model=self.service.model, **request)
                return cast("ChatCompletion", completion), attempt
            except openai.APIError as error:
                if attempt == TRIES or not _passing(error):
                    raise self._explained(error) from None
                await asyncio.sleep(self._pause_s(error, attempt))
            except ValueError:
                raise self._not_ours() from None
        raise InfraError(f"{self.service.shown_url}: no answer")

    def _pause_s(self, error: openai.APIError, attempt: int) -> float:
        response = getattr(error, "response", None)
        asked = response.headers.get("retry-after", "") if response is not None else ""
        pause_s = float(asked) if asked.isdigit() else self._first_pause_s * 2.0 ** (attempt - 1)
        return min(pause_s, LONGEST_PAUSE_S)

    def _explained(self, error: openai.APIError) -> SekftError:
        """What the user should know of a failed request; built from our own words where a key might be echoed."""
        import openai

        where, names = self.service.shown_url, self.service.variables
        if isinstance(error, openai.APITimeoutError):
            return InfraError(f"{where}: no answer within {self._timeout_s:g} s, {TRIES} times")
        if isinstance(error, openai.APIConnectionError):
            return EndpointError(f"nothing answers at {where}: is it running? ({names}_URL says where)")
        if not isinstance(error, openai.APIStatusError):
            return self._not_ours()
        said = self.service.scrubbed(_said(error))
        if error.status_code in (401, 403):
            return EndpointError(f"{where} wants another key (status {error.status_code}): set {names}_KEY")
        if error.status_code == 404:
            return EndpointError(f"{where} has no model {self.service.model!r}: set {names}_MODEL (it said: {said})")
        if error.status_code in (400, 413, 422, 500) and any(mark in said.lower() for mark in CONTEXT_FULL):
            return ContextFull(f"{self.service.model}: {said}")
        kind = InfraError if _passing(error) else EndpointError
        return kind(f"{where} answered with status {error.status_code}: {said}")

    def _not_ours(self) -> EndpointError:
        return EndpointError(
            f"{self.service.shown_url} answers, but not as an OpenAI-compatible service "
            f"({self.service.variables}_URL usually ends in /v1)"
        )

    def _reply(self, completion: ChatCompletion, requests: int) -> Reply:
        # A page served with status 200 arrives as text; a proxy's half answer as an object without choices.
        choices = getattr(completion, "choices", None)
        if not choices:
            raise self._not_ours()
        counted = completion.usage
        usage = Usage(
            requests=requests,
            prompt_tokens=counted.prompt_tokens if counted else 0,
            completion_tokens=counted.completion_tokens if counted else 0,
        )
        return Reply(text=choices[0].message.content or "", usage=usage, cut=choices[0].finish_reason == "length")


def _passing(error: openai.APIError) -> bool:
    """Whether the same request may succeed a little later."""
    import openai

    if isinstance(error, openai.APIStatusError):
        full = any(mark in _said(error).lower() for mark in CONTEXT_FULL)
        return error.status_code in (408, 409, 425, 429) or (error.status_code >= 500 and not full)
    return isinstance(error, openai.APIConnectionError)


def _said(error: openai.APIStatusError) -> str:
    """The service's own words: the message of its error object, or its whole answer."""
    message = error.body.get("message") if isinstance(error.body, dict) else None
    return message if isinstance(message, str) else error.response.text or error.message
