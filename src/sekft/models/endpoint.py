"""One client for every OpenAI-compatible service: it retries, paces, counts, and pays for nothing twice.

A key is sent to its URL and shown nowhere else: services echo it in what they say, so that is scrubbed.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from sekft.errors import EndpointError, InfraError, SekftError, UsageError
from sekft.models.journal import Budget, Journal, key_of
from sekft.models.journal import Reply as Reply
from sekft.models.limiter import Pace
from sekft.models.service import DEFAULT_URL as DEFAULT_URL
from sekft.models.service import Service as Service
from sekft.models.service import service as service
from sekft.trajectory import Usage

if TYPE_CHECKING:
    import openai

TRIES = 4
FIRST_PAUSE_S = 0.5
TIMEOUT_S = 300.0
TOTAL_S = 1800.0
LAST_ANSWERS_S = 5.0
OPTIONAL = ("seed", "temperature", "top_p", "response_format")
UNSUPPORTED = ("unsupported", "not support", "unrecognized", "unexpected", "unknown", "only the default")
COST_HEADER = "x-litellm-response-cost"
CONTEXT_FULL = ("context_length_exceeded", "context window", "context length", "context size", "exceed_context")

Message = Mapping[str, str]
Format = Mapping[str, object]


class ContextFull(SekftError):
    """The conversation no longer fits the model's context: the rollout ran out of tokens."""


class FormatRefused(SekftError):
    """The service does not know this response_format: ask in a plainer one."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What one request brought when it was no reply.

    error:    for the caller, where no further try is made.
    passing:  the same request may succeed later.
    rejected: the service is full, not broken: such tries are not counted.
    asked_s:  when to come back, by the service's own word.
    """

    error: SekftError
    passing: bool = True
    rejected: bool = False
    asked_s: float | None = None


class Endpoint:
    """A client for one service; `async with` it, or await close().

    timeout_s:     for one request, first byte to last.
    total_s:       for one call: its requests and the pauses between them, but not its waiting for a free slot.
    first_pause_s: before the second try; doubles with each further one.
    """

    def __init__(
        self,
        service: Service,
        timeout_s: float = TIMEOUT_S,
        first_pause_s: float = FIRST_PAUSE_S,
        total_s: float = TOTAL_S,
        pace: Pace | None = None,
    ) -> None:
        self.service = service
        self.pace = pace or Pace(service.shown_url)
        self.journal, self.budget = Journal(), Budget()
        self._timeout_s, self._first_pause_s, self._total_s = timeout_s, first_pause_s, total_s
        self._client: openai.AsyncOpenAI | None = None
        self._under_way: set[asyncio.Task[Reply | _Said]] = set()
        self._renamed: dict[str, str | None] = {}

    async def __aenter__(self) -> Endpoint:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def attend(self, journal: Journal, budget: Budget, note: Callable[[str], None]) -> None:
        """Answer from, and write to, this journal, spend no more than this, and tell of pauses there."""
        self.journal, self.budget, self.pace.note = journal, budget, note

    async def close(self) -> None:
        """Requests whose caller has gone get a little time: their answers are paid for, so the journal keeps them."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=LAST_ANSWERS_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self.journal.close()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        top_p: float | None = None,
        seed: int | None = None,
        response_format: Format | None = None,
        request_id: str | None = None,
        named: bool = False,
    ) -> Reply:
        """One completion, from the journal where it was paid for before.

        seed:       31 bits at most; some services refuse more.
        request_id: what the call is for; calls alike in all else are apart by it. It is not sent.
        named:      request_id and seed alone say which call it is: after an interruption its messages may differ,
                    as those of a prompt that tells what was made before.
        Raises EndpointError where the service is down or refuses for good, InfraError where it kept
        failing or timing out, ContextFull where the conversation has become too long, FormatRefused,
        and BudgetSpent before anything is sent.
        """
        request: dict[str, Any] = {"messages": list(messages), "max_tokens": max_tokens, "temperature": temperature}
        asked = {"top_p": top_p, "seed": seed, "response_format": response_format}
        request |= {name: value for name, value in asked.items() if value is not None}
        key = key_of(self.service.model, request, request_id, named)
        if (known := self.journal.find(key)) is not None:
            return known
        failures = requests = 0
        spent_s = 0.0
        while True:
            requests += 1
            said, took_s = await self._try(self._adapted(request), requests, key, request_id)
            if isinstance(said, Reply):
                return said
            failures += not said.rejected and not self.pace.resting
            wait_s = self.pace.pause_s(requests, self._first_pause_s, said.asked_s)
            spent_s += took_s + wait_s
            if not said.passing or failures >= TRIES or spent_s > self._total_s:
                raise said.error
            await asyncio.sleep(wait_s)

    async def _try(
        self, request: dict[str, Any], requests: int, key: str, request_id: str | None
    ) -> tuple[Reply | _Said, float]:
        """One request, and the seconds that it took. It goes on to its answer even where the caller is cancelled."""
        async with self.pace.slot() as began:
            self.budget.check(self.journal.spent)
            task = asyncio.create_task(self._bought(request, requests, key, request_id))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            said = await asyncio.shield(task)
        if isinstance(said, Reply):
            self.pace.fine()
        elif said.rejected:
            self.pace.rejected(began)
        elif said.passing:
            self.pace.failed(began, self.service.quoted(str(said.error).removeprefix(f"{self.service.shown_url} ")))
        return said, time.monotonic() - began

    async def _bought(self, request: dict[str, Any], requests: int, key: str, request_id: str | None) -> Reply | _Said:
        said = await self._sent(request, requests)
        if isinstance(said, Reply):
            self.journal.add(key, self.service.role, request_id, said)
        return said

    async def _sent(self, request: dict[str, Any], requests: int) -> Reply | _Said:
        import openai  # takes 0.8 s: only where a model is asked

        if self._client is None:
            self._client = openai.AsyncOpenAI(
                api_key=self.service.key, base_url=self.service.url, timeout=self._timeout_s, max_retries=0
            )
        try:
            async with asyncio.timeout(self._timeout_s):
                # In extra_body: typed fields are walked message by message, which takes a sixth of a call's CPU.
                raw = await self._client.chat.completions.with_raw_response.create(
                    model=self.service.model, messages=[], extra_body=request
                )
            return self._reply(raw.parse(), raw.headers, requests)
        except (openai.APITimeoutError, TimeoutError):
            return _Said(InfraError(f"{self.service.shown_url}: no answer within {self._timeout_s:g} s"))
        except openai.APIStatusError as error:
            return self._refused(error, request)
        except openai.APIConnectionError as error:
            return _Said(self._lost(error))
        except (openai.APIError, ValueError):  # a truncated or foreign body
            return _Said(self._not_ours())

    def _adapted(self, request: dict[str, Any]) -> dict[str, Any]:
        """The request with those fields renamed or left out that this service refused before."""
        named = {self._renamed.get(name, name): value for name, value in request.items()}
        return {name: value for name, value in named.items() if name is not None}

    def _refused(self, error: openai.APIStatusError, request: Mapping[str, Any]) -> _Said:
        """What the user should know of a status; built from our own words where a key might be echoed."""
        where, names, status = self.service.shown_url, self.service.variables, error.status_code
        said = self.service.quoted(_message(error))
        low = said.lower()
        if status in (401, 403):
            return _Said(EndpointError(f"{where} wants another key (status {status}): set {names}_KEY"), passing=False)
        if status == 404:
            text = f"{where} has no model {self.service.model!r}: set {names}_MODEL (it said: {said})"
            return _Said(EndpointError(text), passing=False)
        if status in (400, 413, 422, 500) and any(mark in low for mark in CONTEXT_FULL):
            return _Said(ContextFull(f"{self.service.model}: {said}"), passing=False)
        text = f"{where} answered with status {status}: {said}"
        if "response_format" in request and "response_format" in low:  # llama_cpp.server says so with status 500
            return _Said(FormatRefused(text), passing=False)
        if status in (408, 409, 425, 429) or status >= 500:
            if "insufficient_quota" in error.response.text:
                return _Said(EndpointError(text), passing=False)
            asked_s = _asked_s(error.response.headers)
            full = status == 429 or (status == 503 and asked_s is not None)
            return _Said(InfraError(text), rejected=full, asked_s=asked_s)
        if status in (400, 422) and self._adapts(low, request):
            return _Said(InfraError(text), rejected=True, asked_s=0.0)
        if "response_format" in request and status in (400, 422):
            return _Said(FormatRefused(text), passing=False)
        # One that has answered before refuses this conversation, as a filter does: that rollout is lost, not the run.
        asked = f"{text} (asked with {names}_MODEL and {names}_KEY)"
        return _Said(InfraError(text) if self.pace.answered else EndpointError(asked), passing=False)

    def _adapts(self, said: str, request: Mapping[str, Any]) -> bool:
        """Whether the service refuses a field that can be renamed or left out from now on."""
        if "max_completion_tokens" in said and "max_tokens" in request:
            self._renamed["max_tokens"] = "max_completion_tokens"
            return True
        if "response_format" in request or not any(mark in said for mark in UNSUPPORTED):
            return False
        refused = [name for name in OPTIONAL if name in request and name in said]
        self._renamed.update(dict.fromkeys(refused))
        return bool(refused)

    def _lost(self, error: openai.APIConnectionError) -> SekftError:
        where = self.service.shown_url
        if type(error.__cause__).__name__ == "ConnectError" and not self.pace.answered:
            return EndpointError(
                f"nothing answers at {where}: is it running? ({self.service.variables}_URL says where)"
            )
        return InfraError(f"{where}: the connection broke: {self.service.quoted(str(error.__cause__ or error))}")

    def _not_ours(self) -> SekftError:
        """A page or half an answer: of a service that never answered, another kind of server."""
        where = self.service.shown_url
        if self.pace.answered:
            return InfraError(f"{where} sent what is no whole completion")
        return EndpointError(
            f"{where} answers, but not as an OpenAI-compatible service "
            f"({self.service.variables}_URL usually ends in /v1)"
        )

    def _reply(self, completion: object, headers: Mapping[str, str], requests: int) -> Reply | _Said:
        # A page served with status 200 arrives as text; a proxy's half answer as an object without choices.
        message = getattr(next(iter(getattr(completion, "choices", None) or ()), None), "message", None)
        if message is None:
            return _Said(self._not_ours())
        choice, counted = completion.choices[0], completion.usage  # type: ignore[attr-defined]
        asked, answered = (counted.prompt_tokens, counted.completion_tokens) if counted else (0, 0)
        text = message.content or getattr(message, "refusal", None) or ""
        thoughts = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None) or ""
        if not (text or thoughts or answered):
            return _Said(InfraError(f"{self.service.shown_url} sent an answer without content or tokens"))
        told = _number(headers.get(COST_HEADER, ""))
        if told is None and self.service.price is None and self.budget.max_cost_usd is not None:
            variable = f"{self.service.variables}_PRICE"
            raise UsageError(f"--max-cost: {self.service.model} tells no cost: set {variable}, as 0.5/1.5")
        cost_usd = self.service.cost_usd(asked, answered) if told is None else told
        usage = Usage(requests=requests, prompt_tokens=asked, completion_tokens=answered, cost_usd=cost_usd)
        scrubbed = self.service.scrubbed
        return Reply(scrubbed(str(text)), usage, choice.finish_reason == "length", scrubbed(str(thoughts)))


def _asked_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After in milliseconds, in seconds or as a date; None where the service asks for nothing."""
    if (milliseconds := _number(headers.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    asked = headers.get("retry-after", "")
    if not asked or (seconds := _number(asked)) is not None:
        return seconds if asked else None
    try:
        return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _number(text: str) -> float | None:
    """A finite number that is not negative; None for anything else that a header holds."""
    try:
        return value if 0 <= (value := float(text)) < math.inf else None
    except ValueError:
        return None


def _message(error: openai.APIStatusError) -> str:
    """The service's own words: the message of its error object, or its whole answer."""
    message = error.body.get("message") if isinstance(error.body, dict) else None
    return message if isinstance(message, str) else error.response.text or error.message
