"""The endpoint against a real server that answers, fails, refuses or is not there."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import pytest

from sekft.errors import EndpointError, InfraError, UsageError
from sekft.models.endpoint import DEFAULT_URL, ContextFull, Endpoint, Service, service
from sekft.models.journal import Reply
from tests.served import Answer, Served, serving, silent

KEY = "sk-secret-1234567890"


async def ask(url: str, timeout_s: float = 10) -> Reply:
    async with Endpoint(Service("m", url, KEY), timeout_s=timeout_s, first_pause_s=0.01) as endpoint:
        return await endpoint.chat([{"role": "user", "content": "$ "}], max_tokens=8, temperature=0.5, seed=3)


async def refused(served: Served) -> str:
    """What is said when that server refuses for good."""
    with pytest.raises(EndpointError) as caught:
        await ask(served.url)
    return str(caught.value)


async def test_a_reply_carries_text_usage_and_whether_it_was_cut() -> None:
    """The text, the tokens counted by the service and the finish reason arrive."""
    with serving(Answer("ls -la", finish="length")) as served:
        reply = await ask(served.url)
    assert (reply.text, reply.cut) == ("ls -la", True)
    assert (reply.usage.requests, reply.usage.prompt_tokens, reply.usage.completion_tokens) == (1, 7, 3)


async def test_settings_reach_the_service() -> None:
    """Model, token limit, temperature, seed and key are sent as set."""
    with serving() as served:
        await ask(served.url)
    (request,) = served.requests
    assert (request["model"], request["max_tokens"], request["temperature"], request["seed"]) == ("m", 8, 0.5, 3)
    assert served.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_passing_failure_is_tried_again(status: int) -> None:
    """One failure that may pass costs a retry, not the rollout."""
    with serving(Answer("busy", status=status), Answer("ls")) as served:
        reply = await ask(served.url)
    assert (reply.text, reply.usage.requests, len(served.requests)) == ("ls", 2, 2)


async def test_retry_after_is_honoured() -> None:
    """A service that says when to come back is asked again no sooner."""
    with serving(Answer("slow down", status=429, headers={"Retry-After": "1"}), Answer("ls")) as served:
        started = time.monotonic()
        await ask(served.url)
    assert time.monotonic() - started >= 1.0


async def test_a_service_that_keeps_failing_is_an_infra_error() -> None:
    """After the last try the failure is the infrastructure's, with the status and the service's words."""
    with (
        serving(Answer('{"error": "out of memory"}', status=500)) as served,
        pytest.raises(InfraError, match=r"500.*out of memory"),
    ):
        await ask(served.url)
    assert len(served.requests) == 4


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_named_by_its_variable_and_never_shown(status: int) -> None:
    """The message says which variable to set; the key stays secret even when the service echoes it."""
    with serving(Answer(json.dumps({"error": {"message": f"bad key {KEY}"}}), status=status)) as served:
        said = await refused(served)
    assert "wants another key" in said
    assert "SEKFT_KEY" in said
    assert KEY not in said
    assert len(served.requests) == 1


async def test_an_echoed_key_is_scrubbed_from_other_refusals() -> None:
    """A refusal that quotes the request back does not leak the key into a log."""
    with serving(Answer(json.dumps({"error": {"message": f"what is {KEY}?"}}), status=422)) as served:
        said = await refused(served)
    assert KEY not in said
    assert "[key]" in said


async def test_an_unknown_model_is_named() -> None:
    """Status 404 names the model and the variable that chose it."""
    with serving(Answer('{"error": {"message": "no such model"}}', status=404)) as served:
        said = await refused(served)
    assert "'m'" in said
    assert "SEKFT_MODEL" in said


async def test_a_service_that_is_down_is_asked_about() -> None:
    """A refused connection asks whether the service is running, and where it was looked for."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(EndpointError, match="is it running") as caught:
        await ask(url)
    assert url in str(caught.value)


async def test_a_silent_service_times_out() -> None:
    """A service that accepts and never answers is an infra error after the time-out, not a hang."""
    with silent() as url, pytest.raises(InfraError, match="within"):
        await ask(url, timeout_s=0.1)


@pytest.mark.parametrize("page", ["<html>it works</html>", "{}", '{"choices": []}', "[]"])
async def test_another_kind_of_server_is_recognised(page: str) -> None:
    """A web page or a foreign JSON with status 200 is not taken for a completion."""
    with serving(Answer(page, raw=True)) as served:
        assert "OpenAI-compatible" in await refused(served)


async def test_a_page_served_as_html_is_recognised() -> None:
    """A page with its own content type is refused in the same words."""
    with serving(Answer("<html></html>", raw=True, headers={"Content-Type": "text/html"})) as served:
        assert "OpenAI-compatible" in await refused(served)


@pytest.mark.parametrize("status", [400, 500])
async def test_a_full_context_is_told_apart(status: int) -> None:
    """A conversation that no longer fits is neither a broken service nor a refusal, and is not retried."""
    body = '{"error": {"message": "This model\'s maximum context length is 8192 tokens"}}'
    with serving(Answer(body, status=status)) as served, pytest.raises(ContextFull):
        await ask(served.url)
    assert len(served.requests) == 1


async def test_cancelling_a_request_leaves_nothing_open() -> None:
    """A cancelled rollout cancels its request; closing afterwards is idempotent."""
    with silent() as url:
        endpoint = Endpoint(Service("m", url))
        asking = asyncio.create_task(endpoint.chat([], max_tokens=1, temperature=0))
        await asyncio.sleep(0.2)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await endpoint.close()
        await endpoint.close()


def test_the_operator_falls_back_to_the_teachers_url_and_key() -> None:
    """Only the operator's model must be named; its URL and key default to the teacher's."""
    env = {"SEKFT_OP_MODEL": "student", "SEKFT_URL": "http://localhost:9/v1", "SEKFT_KEY": "k"}
    named = service("operator", env)
    assert (named.model, named.url, named.key) == ("student", "http://localhost:9/v1", "k")


def test_the_operators_own_url_and_key_come_first() -> None:
    """SEKFT_OP_URL and SEKFT_OP_KEY win over the teacher's."""
    env = {"SEKFT_OP_MODEL": "s", "SEKFT_OP_URL": "http://a/v1", "SEKFT_OP_KEY": "o", "SEKFT_URL": "http://b/v1"}
    named = service("operator", env)
    assert (named.url, named.key) == ("http://a/v1", "o")


def test_the_default_url_is_a_local_proxy() -> None:
    """Without a URL, the teacher is looked for where a LiteLLM proxy listens."""
    assert service("teacher", {"SEKFT_MODEL": "big"}).url == DEFAULT_URL == "http://localhost:4000/v1"


@pytest.mark.parametrize(("role", "variable"), [("teacher", "SEKFT_MODEL"), ("operator", "SEKFT_OP_MODEL")])
def test_a_missing_model_names_its_variable(role: str, variable: str) -> None:
    """Each role says which variable names its model."""
    with pytest.raises(UsageError, match=variable):
        service("teacher" if role == "teacher" else "operator", {})


@pytest.mark.parametrize("url", ["localhost:4000", "ftp://host/v1", "http://"])
def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    """A URL without scheme or host names the variable to mend."""
    with pytest.raises(UsageError, match="SEKFT_URL"):
        service("teacher", {"SEKFT_MODEL": "m", "SEKFT_URL": url})


def test_secrets_are_not_in_what_is_printed() -> None:
    """Neither the key nor a password in the URL shows in the service's repr or shown URL."""
    named = Service("m", "http://user:hunter2@host/v1?token=x", KEY)
    assert KEY not in repr(named)
    assert named.shown_url == "http://host/v1"
