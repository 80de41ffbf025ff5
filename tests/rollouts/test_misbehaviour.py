"""Every way in which a service misbehaves ends in a reply or in a failure that is tried again later."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from sekft.errors import EndpointError, InfraError
from sekft.models.endpoint import Endpoint, FormatRefused, Service
from sekft.models.journal import Reply
from sekft.models.limiter import Limiter
from tests.served import Answer, Served, serving

KEY = "sk-secret-1234567890"
FAULTS = {
    "429": Answer("slow down", status=429),
    "500": Answer("oops", status=500),
    "503": Answer("away", status=503),
    "529": Answer("overloaded", status=529),
    "dropped": Answer(sent=None),
    "truncated": Answer(sent=0.5),
    "half a JSON": Answer('{"choices": [{"mess', raw=True),
    "a page": Answer("<html>502</html>", raw=True, headers={"Content-Type": "text/html"}),
    "a foreign schema": Answer('{"result": "ls"}', raw=True),
    "no choices": Answer('{"choices": []}', raw=True),
    "no content": Answer("", tokens=0),
    "a hang": Answer(delay_s=30.0),
}


def client(served: Served, timeout_s: float = 2.0, total_s: float = 60.0, limiter: Limiter | None = None) -> Endpoint:
    return Endpoint(Service("m", served.url, KEY), timeout_s, first_pause_s=0.001, total_s=total_s, limiter=limiter)


async def ask(endpoint: Endpoint, request_id: str | None = None, **settings: object) -> Reply:
    form = {"type": "json_object"} if settings.get("formed") else None
    return await endpoint.chat(
        [{"role": "user", "content": "$ "}],
        max_tokens=8,
        temperature=0.5,
        seed=3,
        response_format=form,
        request_id=request_id,
    )


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_one_fault_costs_a_retry_and_no_more(fault: Answer) -> None:
    """Whatever went wrong once, even with the first request of all, the next try's answer is the reply."""
    with serving(fault, Answer("ls")) as served:
        async with client(served) as endpoint:
            assert (await ask(endpoint)).text == "ls"
    assert len(served.requests) == 2


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_fault_that_stays_is_the_infrastructures(fault: Answer) -> None:
    """Of a service that has answered before, no fault stops the run: the call alone is given up, to be done again."""
    with serving(Answer("ls"), fault) as served:
        async with client(served, total_s=0.3) as endpoint:
            await ask(endpoint, "first")
            with pytest.raises(InfraError):
                await ask(endpoint, "second")


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("words", ["content policy", "colourless green ideas"])
async def test_one_refused_conversation_does_not_stop_the_run(status: int, words: str) -> None:
    """A service that answers others refuses one for good: that is a reply, which says so and is not asked for again."""
    refusal = Answer(json.dumps({"error": {"message": words}}), status=status)
    with serving(Answer("ls"), refusal, Answer("ls")) as served:
        async with client(served) as endpoint:
            await ask(endpoint, "first")
            reply = await ask(endpoint, "second")
            assert (reply.text, reply.refused) == ("", words)
            assert (await ask(endpoint, "third")).text == "ls"
    assert len(served.requests) == 3


async def test_a_models_refusal_is_a_reply() -> None:
    """What a model says instead of an answer is its answer."""
    with serving(Answer("", fields={"content": None, "refusal": "I cannot help with that."})) as served:
        async with client(served) as endpoint:
            assert (await ask(endpoint)).text == "I cannot help with that."


async def test_thoughts_stay_apart_from_the_text() -> None:
    """Reasoning that a service tells apart is not part of what is typed."""
    with serving(Answer("ls", fields={"reasoning_content": "Let me look."})) as served:
        async with client(served) as endpoint:
            reply = await ask(endpoint)
    assert (reply.text, reply.thoughts) == ("ls", "Let me look.")


async def test_an_echoed_key_is_scrubbed_from_an_answer() -> None:
    """A model that is told the key by its proxy cannot pass it on."""
    with serving(Answer(f"echo {KEY}")) as served:
        async with client(served) as endpoint:
            assert (await ask(endpoint)).text == "echo [key]"


async def test_a_spent_quota_stops_at_once() -> None:
    """No pause brings money back: a spent quota, which some services tell with 429, is not asked again."""
    body = '{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}'
    with serving(Answer(body, status=429)) as served:
        async with client(served) as endpoint:
            with pytest.raises(EndpointError, match="quota"):
                await ask(endpoint)
    assert len(served.requests) == 1


@pytest.mark.parametrize(
    ("said", "lacks", "has"),
    [
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_tokens", True),
        ("'temperature' does not support 0.5 with this model", "temperature", False),
        ("Unrecognized request argument supplied: seed", "seed", False),
    ],
)
async def test_a_field_that_a_service_does_not_know_is_left_out_from_then_on(said: str, lacks: str, has: bool) -> None:
    """Hosted models differ in the fields they take; one refusal teaches the client."""
    with serving(Answer(f'{{"error": {{"message": "{said}"}}}}', status=400), Answer("ls")) as served:
        async with client(served) as endpoint:
            assert (await ask(endpoint, "first")).text == "ls"
            await ask(endpoint, "second")
    assert [lacks in request for request in served.requests] == [True, False, False]
    assert ("max_completion_tokens" in served.requests[1]) == has


async def test_a_refused_format_is_told_apart() -> None:
    """Who asked for a structured answer learns that a plainer format is wanted."""
    with serving(Answer('{"error": {"message": "response_format is not supported"}}', status=400)) as served:
        async with client(served) as endpoint:
            with pytest.raises(FormatRefused):
                await ask(endpoint, formed=True)


@pytest.mark.parametrize(("header", "value"), [("Retry-After-Ms", "300"), ("Retry-After", "0.3")])
async def test_a_service_says_when_to_come_back(header: str, value: str) -> None:
    """Retry-After is honoured in milliseconds and in parts of a second."""
    with serving(Answer("busy", status=429, headers={header: value}), Answer("ls")) as served:
        async with client(served) as endpoint:
            began = time.monotonic()
            await ask(endpoint)
    assert time.monotonic() - began >= 0.3


async def test_being_told_to_wait_uses_no_try_up() -> None:
    """A full service may say so more often than a broken one may fail."""
    with serving(*[Answer("busy", status=429)] * 7, Answer("ls")) as served:
        async with client(served) as endpoint:
            assert (await ask(endpoint)).usage.requests == 8


async def test_an_outage_is_waited_for_and_burns_no_calls() -> None:
    """While nothing works, one request at a time tries; afterwards every call still gets its reply."""
    said: list[str] = []
    with serving(Answer("ls"), *[Answer("down", status=500)] * 15, Answer("ls")) as served:
        async with client(served, limiter=Limiter("there", rest_s=0.02)) as endpoint:
            endpoint.limiter.note = said.append
            await ask(endpoint, "first")
            replies = await asyncio.gather(*(ask(endpoint, f"later {at}") for at in range(12)))
    assert [reply.text for reply in replies] == ["ls"] * 12
    assert "keeps failing" in said[0]
    assert "status 500: down" in said[0]
    assert "going on" in said[-1]


async def test_an_outage_that_lasts_stops_the_run() -> None:
    """A service that never comes back is given up with what it said."""
    with serving(Answer("ls"), Answer("down", status=500)) as served:
        async with client(served, limiter=Limiter("there", rest_s=0.01, outage_s=0.02)) as endpoint:
            await ask(endpoint, "first")
            with pytest.raises(EndpointError, match=r"there has failed.*down"):
                await asyncio.gather(*(ask(endpoint, f"later {at}") for at in range(12)))
