"""What services say by their own words: a loopback service says each, and the endpoint is watched.

refusals.json holds a service, a status, its body and what it means: a kind of `dialects.Kind`, or the fields refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sekft.errors import EndpointError, InfraError
from sekft.models import prices
from sekft.models.dialects import Refusal, completion, refusal
from sekft.models.endpoint import REFUSED_IN_A_ROW, ContextFull, Endpoint, FormatRefused, Service
from sekft.models.journal import Reply
from sekft.models.limiter import Limiter
from tests.served import Answer, Served, serving

MODEL = "seed-oss-36b"
SENT = ("messages", "max_tokens", "temperature", "top_p", "seed")
CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "refusals.json").read_text(encoding="utf-8"))
LASTING = ("account", "key", "model", "setting")


def content(case: dict[str, Any]) -> str:
    return case["body"] if isinstance(case["body"], str) else json.dumps(case["body"])


def named(case: dict[str, Any]) -> str:
    return f"{case['service']} {case['status']} {content(case)[:60]}"


async def ask(endpoint: Endpoint, purpose: str, **settings: Any) -> Reply:
    wanted = {"max_tokens": 8, "temperature": 0.5, "top_p": 0.9, "seed": 3, **settings}
    return await endpoint.chat([{"role": "user", "content": "$ "}], request_id=purpose, **wanted)


def client(served: Served, said: list[str], **settings: Any) -> Endpoint:
    endpoint = Endpoint(Service(MODEL, served.url, "sk-secret-1234567890"), first_pause_s=0.001, **settings)
    endpoint.limiter.note = said.append
    return endpoint


def test_the_cases_are_of_many_services() -> None:
    """What is tried has breadth."""
    assert len(CASES) >= 160
    assert len({case["service"] for case in CASES}) >= 24


@pytest.mark.parametrize("case", CASES, ids=named)
def test_every_wording_is_understood(case: dict[str, Any]) -> None:
    """The kind, or the fields that are refused, follow from status, codes and words."""
    said = refusal(case["status"], content(case).encode(), SENT, MODEL)
    assert (list(said.fields) if said.kind == "field" else said.kind) == case["want"]
    assert said.words or case["status"] == 413


def by_kind() -> Iterator[dict[str, Any]]:
    """Two of each kind, whatever their services."""
    seen: dict[str, int] = {}
    for case in CASES:
        kind = "field" if isinstance(case["want"], list) else case["want"]
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= 4 and "in 36" not in content(case):
            yield case


@pytest.mark.parametrize("inside", [False, True], ids=["status", "inside a 200"])
@pytest.mark.parametrize("case", list(by_kind()), ids=named)
async def test_each_kind_has_its_consequence(case: dict[str, Any], inside: bool) -> None:
    """Passing things are tried again, lasting ones stop with the service's words, the rest is one conversation's."""
    want, body = case["want"], content(case)
    if inside and (not isinstance(case["body"], dict) or not isinstance(case["body"].get("error"), dict)):
        pytest.skip("this one is no JSON error that could stand inside a 200")
    if inside:
        body = json.dumps({"error": {**case["body"]["error"], "status": case["status"]}, "user_id": "u"})
    wrong = Answer(body, raw=True) if inside else Answer(body, status=case["status"])
    said: list[str] = []
    with serving(Answer("ls"), wrong, Answer("ls"), Answer("ls")) as served:
        async with client(served, said) as endpoint:
            await ask(endpoint, "first")
            if want in LASTING:
                with pytest.raises(EndpointError) as caught:
                    await ask(endpoint, "second")
                assert want != "account" or refusal(case["status"], body.encode(), SENT, MODEL).words[:40] in str(
                    caught.value
                )
                return
            if want == "context":
                with pytest.raises(ContextFull):
                    await ask(endpoint, "second")
            else:
                reply = await ask(endpoint, "second")
                assert bool(reply.refused) == (want in ("filter", "refused"))
                assert reply.cut == (want == "output")
                assert (reply.text == "ls") == (isinstance(want, list) or want in ("busy", "broken"))
            assert (await ask(endpoint, "third")).text == "ls"
    assert len(served.requests) == 3 + (isinstance(want, list) or want in ("busy", "broken"))
    if isinstance(want, list):
        assert all(name in served.requests[1] and name not in served.requests[2] for name in want)
        assert len(said) == len(want)


def test_what_a_service_echoes_tells_nothing() -> None:
    """A validator that quotes the conversation does not make its words the service's."""
    body = {"detail": [{"loc": ["body", "messages", 3], "msg": "bad", "input": "insufficient balance, context length"}]}
    assert refusal(422, json.dumps(body).encode(), SENT, MODEL).kind == "refused"


def test_a_models_name_is_no_field() -> None:
    """A model called after a field is refused as a model."""
    said = refusal(400, b'{"error": {"message": "The model seed does not exist"}}', SENT, "seed")
    assert said.kind == "model"


USAGE = {"prompt_tokens": 7, "completion_tokens": 3}


def answered(message: Any, finish: str = "stop", **more: Any) -> bytes:
    body = {"choices": [{"index": 0, "finish_reason": finish, "message": message}], "usage": USAGE, **more}
    return json.dumps(body).encode()


TEXT = {"type": "text", "text": "ls -la"}
FORMS = {
    "parts": ({"content": [TEXT]}, "ls -la", ""),
    "a part": ({"content": TEXT}, "ls -la", ""),
    "several": ({"content": [{"type": "text", "text": "ls "}, {"type": "output_text", "text": "-la"}]}, "ls -la", ""),
    "value": ({"content": [{"type": "text", "text": {"value": "ls -la"}}]}, "ls -la", ""),
    "Mistral": ({"content": [{"type": "thinking", "thinking": [{"text": "hm"}]}, TEXT]}, "ls -la", "hm"),
    "Anthropic": ({"content": [{"type": "thinking", "thinking": "hm", "signature": "x"}, TEXT]}, "ls -la", "hm"),
    "vLLM": ({"content": "ls -la", "reasoning": "hm"}, "ls -la", "hm"),
    "DeepSeek": ({"content": "ls -la", "reasoning_content": "hm"}, "ls -la", "hm"),
    "Ollama": ({"content": "ls -la", "thinking": "hm"}, "ls -la", "hm"),
    "OpenRouter": ({"content": "ls -la", "reasoning_details": [{"type": "reasoning", "text": "hm"}]}, "ls -la", "hm"),
    "LiteLLM": ({"content": "ls -la", "thinking_blocks": [{"type": "thinking", "thinking": "hm"}]}, "ls -la", "hm"),
    "a refusal": ({"content": None, "refusal": "No."}, "No.", ""),
    "null calls": ({"content": "ls -la", "tool_calls": None, "function_call": None}, "ls -la", ""),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_an_answer_is_read(form: tuple[dict[str, Any], str, str]) -> None:
    """Text and thoughts are told apart, wherever a service puts them."""
    message, text, thoughts = form
    said = completion(answered({"role": "assistant", **message}), SENT, MODEL)
    assert not isinstance(said, Refusal)
    assert said is not None
    assert (said.text, said.thoughts, said.cut, said.withheld) == (text, thoughts, False, "")
    assert said.usage == USAGE


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "tool_calls": [{"id": "1", "function": {"name": "bash", "arguments": "{}"}}]},
        {"content": "ls", "tool_calls": [{"id": "1", "function": {"name": "bash", "arguments": "{}"}}]},
        {"content": "", "function_call": {"name": "bash", "arguments": "{}"}},
        {"content": [{"type": "tool_use", "name": "bash", "input": {"command": "ls"}}]},
    ],
)
def test_a_call_of_a_tool_is_seen(message: dict[str, Any]) -> None:
    """A call that the service took out of the text stands in it again, so that it is a fault and no silence."""
    said = completion(answered(message), SENT, MODEL)
    assert said is not None
    assert not isinstance(said, Refusal)
    assert "<tool_call>" in said.text


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": None}, {"completion_tokens": "x"}, {"prompt_tokens": -1}, []]
)
def test_usage_may_say_nothing(usage: object) -> None:
    """Counts that are null, missing or nonsense are zero; the answer is kept."""
    said = completion(answered({"content": "ls"}, usage=usage), SENT, MODEL)
    assert said is not None
    assert not isinstance(said, Refusal)
    assert said.text == "ls"
    assert prices.used(said.usage, [], "").tokens == 0


@pytest.mark.parametrize(
    "finish", ["content_filter", "SAFETY", "content_filter: PROHIBITED_CONTENT", "sensitive", "refusal"]
)
async def test_a_withheld_answer_is_known_and_paid_once(finish: str, tmp_path: Path) -> None:
    """A filter's silence is a reply that says so: no outage, and a resume does not ask again."""
    with serving(Answer("", finish=finish, fields={"content": None})) as served:
        for _ in range(2):
            async with client(served, []) as endpoint:
                endpoint.attend(tmp_path / "calls.jsonl", None, None, lambda text: None)
                reply = await ask(endpoint, "one")
                assert finish.lower() in reply.refused
                assert endpoint.journal.spent.prompt_tokens == 7
    assert len(served.requests) == 1


@pytest.mark.parametrize("finish", ["length", "max_tokens", "MAX_TOKENS", "model_length"])
async def test_a_cut_answer_may_hold_thoughts_alone(finish: str) -> None:
    """Who thought until the limit gave an answer that is cut."""
    with serving(Answer("", finish=finish, fields={"content": None, "reasoning_content": "hm"})) as served:
        async with client(served, []) as endpoint:
            reply = await ask(endpoint, "one")
    assert (reply.text, reply.thoughts, reply.cut) == ("", "hm", True)


BROKEN = {
    "OpenRouter": answered({"content": "ls -"}, "error", error=None),
    "in its choice": json.dumps(
        {"choices": [{"message": {"content": "ls -"}, "error": {"code": 502, "message": "Upstream died"}}]}
    ).encode(),
    "beside its choices": answered({"content": "ls -"}, error={"code": 503, "message": "Upstream died"}),
    "after a half": b'{"choices": [{"message": {"content": "l{"error": {"message": "Upstream died", "code": 500}}',
    "an event": b'data: {"error": {"message": "Upstream died", "code": 500}}\n\ndata: [DONE]\n',
    "DeepSeek": answered({"content": "ls -"}, "insufficient_system_resource"),
    "a message alone": b'{"object": "error", "message": "Upstream died", "code": 50001}',
    "rate": b'{"error": {"code": 429, "message": "Provider returned error: rate limited upstream"}, "user_id": "u"}',
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_an_error_inside_a_200_is_an_error(body: bytes) -> None:
    """Nothing of half an answer is typed: what broke is asked for again."""
    with serving(Answer(body.decode(), raw=True), Answer("ls")) as served:
        async with client(served, []) as endpoint:
            assert (await ask(endpoint, "one")).text == "ls"
    assert len(served.requests) == 2


async def test_an_account_inside_a_200_stops_with_its_words() -> None:
    """Money that is gone stops the run wherever it is told."""
    body = '{"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}'
    with serving(Answer("ls"), Answer(body, raw=True)) as served:
        async with client(served, []) as endpoint:
            await ask(endpoint, "one")
            with pytest.raises(EndpointError, match="insufficient balance"):
                await ask(endpoint, "two")


async def test_a_format_that_is_refused_is_told_once() -> None:
    """The asker makes it plainer; other fields go first."""
    body = '{"error": {"message": "seed and response_format are not supported"}}'
    said: list[str] = []
    form = {"type": "json_schema"}
    with serving(Answer(body, status=400)) as served:
        async with client(served, said) as endpoint:
            for _ in range(2):
                with pytest.raises(FormatRefused):
                    await ask(endpoint, "one", response_format=form)
    assert ["seed" in request for request in served.requests] == [True, False, False]
    assert len(said) == 2


async def test_having_answered_survives_a_resume(tmp_path: Path) -> None:
    """A service that answered yesterday refuses a conversation, not the run, with its first word of today."""
    with serving(Answer("ls"), Answer('{"error": "colourless green ideas"}', status=400)) as served:
        for purpose in ("one", "two"):
            async with client(served, []) as endpoint:
                endpoint.attend(tmp_path / "calls.jsonl", None, None, lambda text: None)
                reply = await ask(endpoint, purpose)
    assert reply.refused == "colourless green ideas"


async def test_a_service_that_refuses_everything_stops_the_run() -> None:
    """Twenty conversations in a row are not refused for what they say."""
    with serving(Answer("ls"), Answer('{"error": "colourless green ideas"}', status=400)) as served:
        async with client(served, []) as endpoint:
            await ask(endpoint, "first")
            for number in range(1, REFUSED_IN_A_ROW):
                assert (await ask(endpoint, str(number))).refused
            with pytest.raises(EndpointError, match=r"in a row.*colourless"):
                await ask(endpoint, "last")
    assert len(served.requests) == 1 + REFUSED_IN_A_ROW


async def test_one_conversations_bad_luck_is_no_outage() -> None:
    """What breaks on one conversation for ever rests for no other."""
    said: list[str] = []
    with serving(Answer("ls"), *[Answer("boom", status=500)] * 16, Answer("ls")) as served:
        async with client(served, said, limiter=Limiter("there", rest_s=5.0)) as endpoint:
            await ask(endpoint, "first")
            for _ in range(4):
                with pytest.raises(InfraError):
                    await ask(endpoint, "unlucky")
            assert (await ask(endpoint, "other")).text == "ls"
    assert not said
