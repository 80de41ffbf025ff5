"""One client for every OpenAI-compatible service: it retries, limits its pace, counts, and pays for nothing twice.

The teacher is named by SEKFT_MODEL, SEKFT_URL and SEKFT_KEY, the operator by SEKFT_OP_MODEL, SEKFT_OP_URL and
SEKFT_OP_KEY, whose URL and key fall back to the teacher's. SEKFT_PRICE and SEKFT_OP_PRICE tell what a million tokens
cost where the service does not.

The openai client sends; its retries are off (docs/decisions/retries-of-our-own.md says why). A key is sent to its URL
and shown nowhere else: services echo it in what they say, so it is scrubbed from that (keys.py).
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from sekft.errors import EndpointError, InfraError, SekftError, UsageError
from sekft.models import dialects, keys, prices, proxies
from sekft.models.journal import Budget, Journal, Reply, key_of
from sekft.models.limiter import Limiter
from sekft.trajectory import Usage

if TYPE_CHECKING:
    import openai

DEFAULT_URL = "http://localhost:4000/v1"
QUOTED_CHARACTERS = 300

Role = Literal["teacher", "operator"]
PREFIXES: dict[Role, str] = {"teacher": "SEKFT", "operator": "SEKFT_OP"}
TRIES = 4
FIRST_PAUSE_S = 0.5
PATIENCE_S, PATIENCE_A_TOKEN_S = 600.0, 0.25
"""For one answer: a desktop machine with 32 B reads a long prompt in minutes and writes four tokens a second."""
CONNECT_S = 30.0
TOTAL_S, TOTAL_TIMEOUTS = 1800.0, 2.5
LAST_ANSWERS_S = 1.0
LONGEST_BODY = 4 << 20
"""Bytes of an answer that are read: four times the characters of the longest that is not a fault."""
REFUSED_IN_A_ROW = 20
"""Conversations: then it is not they that are refused."""
NOBODY_THERE = (502, 503, 504, 521, 522, 523)
"""Statuses of a gateway whose service is away, whatever it was asked."""
NOBODY = "nothing answers at {}: is it running? ({}_URL says where{})"
Message = Mapping[str, str]
Format = Mapping[str, object]
Relay = Callable[[Mapping[str, Any]], Awaitable[Reply]]
"""Asks elsewhere, given the arguments of chat()."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where a model is served.

    variables: the prefix of the environment variables that named it, for messages.
    price:     US dollars for a million prompt tokens and a million completion tokens; None where unknown.
    """

    model: str
    url: str = DEFAULT_URL
    key: str = field(default=keys.NONE, repr=False)
    variables: str = "SEKFT"
    price: prices.Price | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", self.url.strip())
        object.__setattr__(self, "key", keys.checked(f"{self.variables}_KEY", self.key) or keys.NONE)
        if self.price is not None:
            prices.checked(f"{self.variables}_PRICE", self.price, self.price)
        wrong = f"{self.variables}_URL: saw {self.shown_url!r}, want http://HOST:PORT/v1 or https://…"
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(wrong)
        if parts.path.rstrip("/").endswith("/completions"):
            raise UsageError(f"{wrong} without /chat/completions, which every request adds")

    @property
    def role(self) -> Role:
        return "operator" if self.variables == PREFIXES["operator"] else "teacher"

    @property
    def shown_url(self) -> str:
        """The URL without a user or password in it."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return "no URL"
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))

    @property
    def lacks_version(self) -> bool:
        """Whether the URL ends in no /v1 or its like."""
        return not re.search(r"/(?:v\d|openai|api)", urlsplit(self.url).path)

    def scrubbed(self, text: str) -> str:
        """A service's words without any key that we know, and without characters that UTF-8 cannot hold."""
        whole = text.encode("utf-8", "replace").decode()
        return keys.scrubbed(whole, (self.key, *keys.in_url(self.url), *keys.of(os.environ)))

    def quoted(self, text: str) -> str:
        """A service's own words for a message: short and on one line."""
        return " ".join(self.scrubbed(text).split())[:QUOTED_CHARACTERS]

    def cost_usd(self, usage: Usage) -> float | None:
        return prices.cost_usd(self.price, usage)

    def priced(self, role: str, usage: Usage) -> Usage:
        """With what it cost by the price, where the service told nothing, or zero, to this role."""
        if usage.cost_usd or role != self.role:
            return usage
        return usage.model_copy(update={"cost_usd": self.cost_usd(usage) or 0.0})


def service(role: Role, env: Mapping[str, str] | None = None) -> Service:
    """The service that the environment names for that role. Raises UsageError when it names no model."""
    env = os.environ if env is None else env
    prefix = PREFIXES[role]
    model = env.get(f"{prefix}_MODEL", "").strip()
    if not model:
        raise UsageError(f"no model for the {role}: set {prefix}_MODEL (and {prefix}_URL, default {DEFAULT_URL})")
    return Service(
        model=model,
        url=env.get(f"{prefix}_URL") or env.get("SEKFT_URL") or DEFAULT_URL,
        key=keys.checked(f"{prefix}_KEY", env.get(f"{prefix}_KEY", ""))
        or keys.checked("SEKFT_KEY", env.get("SEKFT_KEY", "")),
        variables=prefix,
        price=prices.price(f"{prefix}_PRICE", env.get(f"{prefix}_PRICE", "")),
    )


def named_services(env: Mapping[str, str]) -> dict[str, str]:
    """What the environment tells of services, for a process that asks through another one: no key, and no password."""
    told: dict[str, str] = {}
    for role, prefix in PREFIXES.items():
        if env.get(f"{prefix}_MODEL", "").strip():
            named = service(role, env)
            told |= {f"{prefix}_MODEL": named.model, f"{prefix}_URL": named.shown_url}
    return told


class ContextFull(SekftError):
    """The conversation no longer fits the model's context: the rollout ran out of tokens."""


class FormatRefused(SekftError):
    """The service does not know this response_format: ask in a plainer one."""


@dataclass(frozen=True, slots=True)
class _FailedCall:
    """Why one request brought no reply.

    error:         is raised where no further try is made.
    retry:         the same request may succeed later.
    full:          the service is full, not broken: such tries are not counted.
    retry_after_s: when to come back, by the service's own word.
    down:          nothing answers there, whatever is asked.
    adapted:       the service is well: it is asked at once in another form.
    """

    error: SekftError
    retry: bool = False
    full: bool = False
    retry_after_s: float | None = None
    down: bool = False
    adapted: bool = False


class Endpoint:
    """A client for one service; `async with` it, or await close().

    timeout_s:     for one request, first byte to last; None: by the tokens that its answer may have.
    first_pause_s: before the second try; doubles with each further one.
    total_s:       for one call: its requests and the pauses between them, but not its waiting for a free slot;
                   None: half an hour, or what two time-outs and a half take.
    relay:         who asks in its place, where another process has the key, the journal and the budget.
    """

    def __init__(
        self,
        service: Service,
        timeout_s: float | None = None,
        first_pause_s: float = FIRST_PAUSE_S,
        total_s: float | None = None,
        limiter: Limiter | None = None,
    ) -> None:
        self.service, self.model = service, service.model
        self.limiter = limiter or Limiter(service.shown_url)
        self.journal, self.budget = Journal(), Budget()
        self._timeout_s, self._first_pause_s, self._total_s = timeout_s, first_pause_s, total_s
        self._client: openai.AsyncOpenAI | None = None
        self._under_way: set[asyncio.Task[Reply | _FailedCall]] = set()
        self._renamed: dict[str, str | None] = {}
        self._plainer: set[str] = set()
        self.relay: Relay | None = None
        self._refused = 0
        self._timeouts = 0

    async def __aenter__(self) -> Endpoint:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def cost_usd(self, usage: Usage) -> float | None:
        return self.service.cost_usd(usage)

    def attend(
        self, journal: Path | None, max_cost_usd: float | None, max_tokens: int | None, note: Callable[[str], None]
    ) -> None:
        self.journal, self.budget = Journal(journal, self.service.priced), Budget(max_cost_usd, max_tokens)
        self.limiter.note = note
        if lost := self.journal.unread:
            note(f"{journal}: {lost} lines hold no whole answer (a crash's trace): they are left out, and asked again")

    @property
    def standing(self) -> str:
        """For a person: how many requests wait for an answer, and what has been spent."""
        spent = self.journal.spent
        paid = f"${spent.cost_usd:.2f}" if spent.cost_usd else f"{spent.tokens:,} tokens"
        return f"{len(self._under_way)} waiting, {paid}"

    async def check(self) -> None:
        """Ask for one word: a wrong URL, key or model shows before there is work to lose. Raises as chat() does."""
        await self.chat([{"role": "user", "content": "Say ok."}], max_tokens=16, temperature=0.0)

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
        request_id: what the call is for, which tells apart calls that are alike in all else. It is not sent.
        named:      request_id and seed alone identify the call: after an interruption its messages may differ,
                    as a prompt does that lists what was made before.
        Raises EndpointError where the service is down or refuses for good, InfraError where it kept
        failing or timing out, ContextFull where the conversation has become too long, FormatRefused,
        and BudgetSpent before anything is sent.
        """
        request: dict[str, Any] = {"messages": list(messages), "max_tokens": max_tokens, "temperature": temperature}
        optional = {"top_p": top_p, "seed": seed, "response_format": response_format}
        if self.relay is not None:
            return await self.relay({**request, **optional, "request_id": request_id, "named": named})
        request |= {name: value for name, value in optional.items() if value is not None}
        key = key_of(self.service.model, request, request_id, named)
        if (known := self.journal.find(key)) is not None:
            return known
        conversation = request_id or hashlib.sha256(repr(messages[:2]).encode("utf-8", "replace")).hexdigest()
        most = Usage(prompt_tokens=prices.reckoned(list(messages)), completion_tokens=max_tokens)
        most = most.model_copy(update={"cost_usd": math.inf if (cost := self.cost_usd(most)) is None else cost})
        timeout_s = self._timeout_s or PATIENCE_S + PATIENCE_A_TOKEN_S * max_tokens
        total_s = self._total_s or max(TOTAL_S, TOTAL_TIMEOUTS * timeout_s)
        failures = requests = 0
        spent_s = 0.0
        while True:
            requests += 1
            async with self.budget.room(most, lambda: self.journal.spent), self.limiter.slot() as began:
                self.budget.check(self.journal.spent)
                # A task of its own: what is sent for is paid for, so it runs to its answer if the caller is cancelled.
                task = asyncio.create_task(self._answer(request, requests, key, request_id, timeout_s))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
                outcome = await asyncio.shield(task)
            if isinstance(outcome, Reply):
                self.limiter.succeeded()
                self._refuse_unknown_cost(outcome.usage)
                return outcome
            if outcome.adapted:
                continue
            if outcome.full:
                self.limiter.rejected(began)
            elif outcome.retry:
                words = str(outcome.error).removeprefix(self.service.shown_url).lstrip(": ")
                self.limiter.failed(began, self.service.quoted(words), None if outcome.down else conversation)
            failures += not outcome.full and not self.limiter.resting
            pause_s = self.limiter.pause_s(requests, self._first_pause_s, outcome.retry_after_s)
            spent_s += time.monotonic() - began + pause_s
            if not outcome.retry or failures >= TRIES or spent_s > total_s:
                raise outcome.error
            await asyncio.sleep(pause_s)

    async def _answer(
        self, request: Mapping[str, Any], requests: int, key: str, request_id: str | None, timeout_s: float
    ) -> Reply | _FailedCall:
        """Send one request; a reply is in the journal before it is returned."""
        import openai  # takes 0.8 s: only where a model is asked

        client = self._client = self._client or self._made()
        # Fields that this service refused before are renamed or left out.
        names = {name: self._renamed.get(name, name) for name in request}
        body = {new: request[name] for name, new in names.items() if new is not None}
        try:
            async with asyncio.timeout(timeout_s):
                # In extra_body: typed fields are walked message by message, which takes a sixth of a call's CPU.
                raw = await client.chat.completions.with_raw_response.create(
                    model=self.service.model, messages=[], extra_body=body
                )
            outcome = self._reply(raw.content, raw.headers, body, requests)
        except (openai.APITimeoutError, TimeoutError) as error:
            if type(error.__cause__).__name__ == "ConnectTimeout":
                return self._unusable(f"no connection within {CONNECT_S:g} s", NOBODY)
            return self._timed_out(timeout_s)
        except openai.APIStatusError as error:
            headers = error.response.headers
            said = dialects.refusal(
                error.status_code, error.response.content, body, self.model, _retry_after_s(headers)
            )
            outcome = self._declined(said, error.status_code, body, requests)
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            broke = f"the connection broke: {self.service.quoted(str(cause))}"
            down = type(cause).__name__ == "ConnectError"
            return self._unusable(broke, NOBODY if down else None, down)
        if isinstance(outcome, Reply):
            self.budget.paid(outcome.usage)
            self.journal.add(key, self.service.role, request_id, outcome)
            self._refused = self._refused + 1 if outcome.refused else 0
            if self._refused >= REFUSED_IN_A_ROW:
                why = f"{self.service.shown_url} refused {self._refused} conversations in a row"
                return _FailedCall(EndpointError(f"{why}, the last so: {self.service.quoted(outcome.refused)}"))
        return outcome

    def _made(self) -> openai.AsyncOpenAI:
        """The client. Raises EndpointError where the environment (a proxy, certificates) does not let it be made."""
        import openai

        try:
            return openai.AsyncOpenAI(
                api_key=self.service.key,
                base_url=self.service.url,
                timeout=openai.Timeout(None, connect=CONNECT_S),
                max_retries=0,
            )
        except Exception as error:  # whatever its libraries make of the environment
            raise EndpointError(
                f"{self.service.shown_url}: {self.service.quoted(proxies.unmade(error, os.environ))}"
            ) from error

    def _timed_out(self, timeout_s: float) -> _FailedCall:
        """Told at the first, second, fourth, eighth … that another is sent in its place."""
        self._timeouts += 1
        text = f"no answer within {timeout_s:g} s (--timeout sets it)"
        if self._timeouts & (self._timeouts - 1) == 0:
            sent = (
                f"{self._timeouts} requests have been sent again" if self._timeouts > 1 else "the request is sent again"
            )
            self.limiter.note(f"{self.service.shown_url}: {text}: {sent}; the service may charge both")
        return self._unusable(text, None)

    def _refuse_unknown_cost(self, usage: Usage) -> None:
        """Raises UsageError where --max-cost could not be held; the answer itself is kept."""
        if self.budget.max_cost_usd is not None and not usage.cost_usd and self.service.price is None:
            variable = f"{self.service.variables}_PRICE"
            why = f"--max-cost: {self.service.model} tells no cost: set {variable}, as 0.5/1.5, or 0/0 if it is free"
            raise UsageError(f"{why}; what it answered is kept")

    def _declined(
        self, said: dialects.Refusal, status: int, body: Mapping[str, Any], requests: int
    ) -> Reply | _FailedCall:
        """What becomes of a refusal; in our own words where a key might be echoed."""
        where, names, usage = self.service.shown_url, self.service.variables, Usage(requests=requests)
        words = self.service.quoted(said.words)
        text = f"{where} answered with status {status}: {words}"
        match said.kind:
            case "context":
                return _FailedCall(ContextFull(f"{self.service.model}: {words}"))
            case "output":
                return Reply("", usage, cut=True)
            case "answer":
                wrote = self.service.scrubbed(said.generated)
                return Reply(f"<tool_call>{wrote}</tool_call>" if wrote else "", usage)
            case "filter":
                return Reply("", usage, refused=words)
            case "field":
                return self._adapted(said.fields, words, text, body)
            case "busy" | "broken":
                full, down = said.kind == "busy", status in NOBODY_THERE
                return _FailedCall(InfraError(text), True, full, said.retry_after_s, down)
            case "key":
                also = f" (it said: {words})" if status == 403 else ""
                key = f"{where} wants another key (status {status}): set {names}_KEY{also}"
                return _FailedCall(EndpointError(key))
            case "model":
                unknown = f"{where} has no model {self.service.model!r}: set {names}_MODEL (it said: {words})"
                if self.service.lacks_version:
                    unknown = f"{unknown}; or set {names}_URL, which usually ends in /v1"
                return _FailedCall(EndpointError(unknown))
            case "account":
                return _FailedCall(
                    EndpointError(f"{text} (a matter of the account; run the same command later to resume)")
                )
            case "setting":
                return _FailedCall(EndpointError(f"{text} (lower --max-tokens or --answer-tokens)"))
        if "response_format" in body:
            return self._adapted(("response_format",), words, text, body)
        # A service that answered before refuses this conversation: it alone is lost, not the run.
        if self.limiter.answered or self.service.role in self.journal.answered:
            return Reply("", usage, refused=words)
        return _FailedCall(EndpointError(f"{text} (asked with {names}_MODEL and {names}_KEY)"))

    def _adapted(self, fields: Sequence[str], words: str, text: str, body: Mapping[str, Any]) -> _FailedCall:
        """Leave a field out from now on, or rename it, and tell so once; a format is for its asker to make plainer."""
        note, said = self.limiter.note, f"from now on; {self.service.shown_url} said: {words}"
        if "response_format" in fields:
            form = str(body["response_format"].get("type"))
            if form not in self._plainer:
                note(f"`response_format` {form} is refused: asking in a plainer form {said}")
            self._plainer.add(form)
            return _FailedCall(FormatRefused(text))
        for name in fields:
            if name not in self._renamed:
                new = self._renamed[name] = "max_completion_tokens" if name == "max_tokens" else None
                note(f"`{name}` is refused: it is {f'sent as `{new}`' if new else 'left out'} {said}")
        return _FailedCall(InfraError(text), adapted=True)

    def _unusable(self, text: str, never: str | None, down: bool = False) -> _FailedCall:
        """No answer, or one that is none. never: what that means of a service that never answered before."""
        where = self.service.shown_url
        if never is None or self.limiter.answered:
            return _FailedCall(InfraError(f"{where}: {text}"), retry=True, down=down)
        between = proxies.between(self.service.url)
        return _FailedCall(EndpointError(never.format(where, self.service.variables, between)), retry=True)

    def _reply(
        self, content: bytes, headers: Mapping[str, str], body: Mapping[str, Any], requests: int
    ) -> Reply | _FailedCall:
        said = dialects.completion(content, body, self.model) if len(content) <= LONGEST_BODY else None
        if said is None:  # a page, or half an answer
            foreign = "{} answers, but not as an OpenAI-compatible service ({}_URL usually ends in /v1)"
            return self._unusable("what it sent is no whole completion", foreign)
        if isinstance(said, dialects.Refusal):
            return self._declined(said, 200, body, requests)
        usage = prices.used(said.usage, body["messages"], said.text + said.thoughts)
        if said.is_empty and not usage.completion_tokens:
            return self._unusable("an answer without content or tokens", None)
        usage = usage.model_copy(update={"requests": requests, "cost_usd": prices.told_usd(headers)})
        usage = self.service.priced(self.service.role, usage)
        scrubbed = self.service.scrubbed
        return Reply(scrubbed(said.text), usage, said.cut, scrubbed(said.thoughts), said.withheld)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After in milliseconds, in seconds or as a date; None where the service says nothing of it."""
    for name, units in (("retry-after-ms", 1000), ("retry-after", 1)):
        if (value := prices.number(headers.get(name, ""))) is not None:
            return value / units
    try:
        return max(0.0, (parsedate_to_datetime(headers.get("retry-after", "")) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
