"""Money and secrets: what an answer cost, limits that hold whatever a service tells, and keys that appear nowhere."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sekft.errors import EndpointError, InfraError, UsageError
from sekft.models import keys, proxies
from sekft.models.endpoint import Endpoint, Service, service
from sekft.models.journal import Budget, BudgetSpent, Journal, Reply, spent
from tests.served import Answer, serving, silent

KEY = 'sk-a/b+c"d\\e&f=g<h>%x'
TOLD = "x-litellm-response-cost"
PRICE = (1000.0, 1000.0)


def client(url: str, price: tuple[float, float] | None = PRICE, file: Path | None = None, **limits: Any) -> Endpoint:
    endpoint = Endpoint(Service("m", url, KEY, price=price), first_pause_s=0.001)
    endpoint.attend(file, limits.get("max_cost_usd"), limits.get("max_tokens"), lambda text: None)
    return endpoint


async def ask(endpoint: Endpoint, seed: int = 1) -> Reply:
    return await endpoint.chat([{"role": "user", "content": "x" * 250}], max_tokens=8, temperature=0.5, seed=seed)


def completion(usage: object = None, text: str = "ls -la /srv") -> Answer:
    """An answer whose usage is told like this."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return Answer(json.dumps({"choices": [choice], "usage": usage}), raw=True)


@pytest.mark.parametrize(
    "text",
    ["nan/1", "1/nan", "-1/2", "1/-2", "inf/1", "1/1e400", "1", "1/2/3", "/", "0,5/1,5", "free", "$1/$2"],
)  # fmt: skip
def test_a_price_that_cannot_be_meant_is_refused(text: str) -> None:
    """By its variable, at the start."""
    with pytest.raises(UsageError, match="SEKFT_OP_PRICE"):
        service("operator", {"SEKFT_OP_MODEL": "m", "SEKFT_OP_PRICE": text})


@pytest.mark.parametrize("price", [(math.nan, 1.0), (1.0, -1.0), (math.inf, 0.0), ("1", "2"), (1.0,)])
def test_a_library_s_price_is_held_to_the_same(price: Any) -> None:
    """Not only the environment's."""
    with pytest.raises(UsageError, match="SEKFT_PRICE"):
        Service("m", "http://h/v1", price=price)


@pytest.mark.parametrize("told", ["0", "0.0", "-1", "nan", "inf", "1e300", "0.5 EUR", "€0.5", "null", ""])
async def test_the_price_wins_where_no_cost_is_told(told: str) -> None:
    """A zero, another currency or nonsense in the header is no cost."""
    headers = {TOLD: told.encode().decode("latin-1")}
    with serving(Answer(headers=headers)) as served:
        async with client(served.url) as endpoint:
            assert (await ask(endpoint)).usage.cost_usd == pytest.approx(0.01)


@pytest.mark.parametrize("told", ["0", "", "5 EUR"])
async def test_a_limit_is_refused_where_nothing_tells_a_cost(tmp_path: Path, told: str) -> None:
    """Of several requests in flight one is sent; its answer is kept, and later costs what the price says."""
    file = tmp_path / "calls.jsonl"
    with serving(Answer(headers={TOLD: told}, delay_s=0.05)) as served:
        async with client(served.url, None, file, max_cost_usd=1.0) as endpoint:
            asked = await asyncio.gather(*(ask(endpoint, seed) for seed in range(4)), return_exceptions=True)
            assert all(isinstance(each, UsageError) and "0/0 if it is free" in str(each) for each in asked)
        async with client(served.url, PRICE, file, max_cost_usd=1.0) as endpoint:
            assert endpoint.journal.spent.cost_usd == pytest.approx(0.01 * len(served.requests))
        async with client(served.url, (0.0, 0.0), None, max_cost_usd=1.0) as endpoint:
            await ask(endpoint)


@pytest.mark.parametrize(
    "usage",
    [
        None, {}, [], "7", {"prompt_tokens": None, "completion_tokens": None}, {"prompt_tokens": "7"},
        {"prompt_tokens": -5, "completion_tokens": -5}, {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": True, "completion_tokens": 1e30}, {"prompt_tokens": math.nan, "completion_tokens": math.inf},
    ],
)  # fmt: skip
async def test_what_is_not_counted_is_reckoned(usage: object) -> None:
    """Bad usage costs what its characters suggest, so that both limits hold."""
    with serving(completion(usage)) as served:
        async with client(served.url, max_cost_usd=0.15) as endpoint:
            used = (await ask(endpoint)).usage
            assert used.prompt_tokens == 105
            assert used.completion_tokens >= 1
            assert used.cost_usd > 0.1
            await ask(endpoint, 2)
            with pytest.raises(BudgetSpent):
                await ask(endpoint, 3)
    assert len(served.requests) == 2


@pytest.mark.parametrize("headers", [{TOLD: "0.5"}, {TOLD: "0"}, {TOLD: "0.5 EUR"}, {}])
@pytest.mark.parametrize("limits", [{"max_cost_usd": 0.9}, {"max_tokens": 300}], ids=["cost", "tokens"])
async def test_the_limit_holds_with_many_in_flight(headers: dict[str, str], limits: dict[str, Any]) -> None:
    """Sixteen at once pass a limit by one request at most."""
    answer = completion({"prompt_tokens": 100, "completion_tokens": 100})
    answer.headers, answer.delay_s = headers, 0.03
    with serving(answer) as served:
        async with client(served.url, **limits) as endpoint:
            await asyncio.gather(*(ask(endpoint, seed) for seed in range(16)), return_exceptions=True)
            used = endpoint.journal.spent
    assert used.cost_usd - used.cost_usd / used.requests < limits.get("max_cost_usd", math.inf)
    assert used.tokens - used.tokens / used.requests < limits.get("max_tokens", math.inf)
    assert used.requests == len(served.requests) >= 2


async def test_a_free_model_is_asked_at_once() -> None:
    """A price of 0/0 says that nothing is spent, and no request waits for another."""
    budget = Budget(max_cost_usd=1.0)
    with serving(Answer(delay_s=2.0)) as served:
        async with client(served.url, (0.0, 0.0)) as endpoint:
            await ask(endpoint)
            endpoint.budget = budget
            budget.paid((await ask(endpoint, 2)).usage)
            asked = [asyncio.ensure_future(ask(endpoint, seed)) for seed in range(3, 11)]
            while len(served.requests) < 10:
                assert not any(each.done() for each in asked)
                await asyncio.sleep(0.01)
            await asyncio.gather(*asked)


ENTRY = {
    "role": "operator", "purpose": None, "usage": {"requests": 1, "cost_usd": 0.5}, "cut": False, "thoughts": "",
}  # fmt: skip


def entry(key: str, text: str = 'say {"key"}') -> bytes:
    return json.dumps({"key": key, **ENTRY, "text": text}).encode()


@pytest.mark.parametrize(
    "spoilt",
    [
        b"\0" * 50 + b"\n",
        b"\0" * 50,
        b"\0\0\n\0\0\n",
        entry("c")[:40],
        entry("c")[:40] + b"\n",
        b"[]\n5\nnull\n{}\n",
        b"\xff\xfe\n",
        entry("c").replace(b"0.5", b"NaN") + b"\n",
        b"[" * 9999 + b"\n",
    ],
)  # fmt: skip
def test_a_journal_that_a_crash_left_is_read(tmp_path: Path, spoilt: bytes) -> None:
    """NUL bytes, torn and foreign lines cost their own answers alone, wherever they stand."""
    for place in range(3):
        lines = [entry("a") + b"\n", entry("b") + b"\n"]
        lines.insert(place, spoilt)
        file = tmp_path / f"{place}.jsonl"
        file.write_bytes(b"".join(lines))
        totals = spent(file)
        journal = Journal(file)
        found = [reply.text for key in "ab" if (reply := journal.find(key))]
        assert found == ['say {"key"}'] * 2
        assert journal.spent.cost_usd == totals["operator"].cost_usd == 1.0
        journal.add("d", "operator", None, Reply("id", journal.spent))
        journal.close()
        again = Journal(file)
        assert again.find("d")
        again.close()


@pytest.mark.parametrize("around", ["{}\n", "\r\n{}\r\n", " {} ", "\ufeff{}", "{}\u200b", "\t{}\0"])
async def test_what_was_copied_along_with_a_key_is_no_part_of_it(around: str) -> None:
    """Blanks, line ends and a byte order mark."""
    with serving() as served:
        named = {"SEKFT_MODEL": "m\n", "SEKFT_URL": f" {served.url}\n", "SEKFT_KEY": around.format("sk-0123456789")}
        async with Endpoint(service("teacher", named)) as endpoint:
            await ask(endpoint)
    assert served.keys == ["Bearer sk-0123456789"]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("sk-01234 56789", "a blank"),
        ("sk-01234\n56789", "a blank or line end at 9"),
        ("sk-0123456ä", "no ASCII character at 11"),
        ("sk-012\x0156789", "a control character"),
        ("Bearer sk-0123456789", "the word Bearer"),
        ('"sk-0123456789"', "in quotes"),
        ("sk-0123456789…", "no ASCII"),
    ],
)
def test_a_key_that_can_be_none_is_refused_unseen(key: str, says: str) -> None:
    """At the start, naming the variable and the place, and showing nothing of it."""
    for named in ({"SEKFT_OP_KEY": key}, {"SEKFT_KEY": key}):
        with pytest.raises(UsageError, match=says) as caught:
            service("operator", {"SEKFT_OP_MODEL": "m", **named})
        assert next(iter(named)) in str(caught.value)
        assert "01234" not in str(caught.value)


def spellings(key: str) -> list[str]:
    """How services and libraries write a key that they say back."""
    raw, in_json = key.encode(), json.dumps(key)
    plain = [key, in_json, json.dumps(in_json), in_json.replace("/", "\\/"), repr(key), repr(raw), raw.hex().upper()]
    in_urls = [quote(key), quote(key, safe=""), quote(quote(key, safe=""), safe="").lower()]
    in_pages = [html.escape(key), html.escape(html.escape(key)), "".join(f"&#{code};" for code in raw)]
    codes = ["".join(f"\\u{code:04x}" for code in raw), "".join(f"\\x{code:02X}" for code in raw)]
    pairs = [base64.b64encode(before + raw + b":x") for before in (b"", b":", b"me:", b"Bearer ", b"user:")]
    texts = [each.decode() for each in (*pairs, *(base64.urlsafe_b64encode(before + raw) for before in (b"", b"u:")))]
    return [*plain, *in_urls, *in_pages, *codes, *texts, *(json.dumps(text).replace("/", "\\/") for text in texts)]


@pytest.mark.parametrize("said", spellings(KEY))
def test_a_key_is_taken_out_of_whatever_form_it_is_in(said: str) -> None:
    """As text, JSON, URL, HTML, code, hex and base64 at any place within a header."""
    shown = keys.scrubbed(f"bad key {said} here", [KEY])
    assert keys.SHOWN in shown
    assert len(shown) - len("bad key  here") < 25


def test_what_hides_keys_is_quick_and_leaves_other_texts() -> None:
    """Texts of a hundred thousand backslashes or signs take no second, and nothing else is touched."""
    for text in ("\\" * 100_000, "%25" * 30_000, "&amp;" * 30_000, "ls -la /srv\n" * 9_000):
        assert keys.scrubbed(text, [KEY, "sk-0123456789abcdef"]) == text
    assert keys.scrubbed("none-needed short", ["none-needed", "short"]) == "none-needed short"


@pytest.mark.parametrize("status", [200, 400, 401, 404, 422, 429, 500])
async def test_no_refusal_and_no_journal_holds_a_key(tmp_path: Path, status: int) -> None:
    """A service that says the key, or the password of its URL, in every form at once."""
    said = " ".join([*spellings(KEY), *spellings("hunter2hunter2")])
    body = said if status == 200 else json.dumps({"error": {"message": said}})
    told: list[str] = []
    with serving(Answer(body, status=status, fields={"reasoning": said})) as served:
        url = served.url.replace("//", "//me:hunter2hunter2@")
        endpoint = Endpoint(Service("m", url, KEY), first_pause_s=0.001, total_s=0.05)
        endpoint.attend(tmp_path / "calls.jsonl", None, None, told.append)
        try:
            told.append(repr(await ask(endpoint)))
        except (EndpointError, InfraError) as error:
            told.append(str(error))
        await endpoint.close()
    everything = "".join(told) + (tmp_path / "calls.jsonl").read_text()
    for secret in (KEY, "hunter2hunter2"):
        assert not [form for form in spellings(secret) if form in everything]
        assert keys.scrubbed(everything, [secret]) == everything


async def test_a_request_that_is_sent_again_is_told() -> None:
    """With the option that gives it more time; a silent service costs a note for 1, 2, 4, 8 …, not for each."""
    notes: list[str] = []
    with silent() as url:
        endpoint = Endpoint(Service("m", url), timeout_s=0.05, first_pause_s=0.001)
        endpoint.limiter.note = notes.append
        with pytest.raises((EndpointError, InfraError), match=r"no answer within 0\.05 s \(--timeout"):
            await ask(endpoint)
        await endpoint.close()
    assert [note.count("again") for note in notes] == [1, 1, 1]
    assert "may charge both" in notes[0]


@pytest.mark.parametrize(("path", "hinted"), [("", True), ("/", True), ("/v1", False), ("/api/v2/", False)])
async def test_a_url_without_v1_is_asked_about(path: str, hinted: bool) -> None:
    """Where nothing is found below the URL."""
    with serving(Answer("404 page not found", status=404)) as served:
        url = served.url.removesuffix("/v1") + path
        async with Endpoint(Service("m", url)) as endpoint:
            with pytest.raises(EndpointError) as caught:
                await ask(endpoint)
    assert ("ends in /v1" in str(caught.value)) == hinted


def test_a_url_of_the_request_itself_is_refused() -> None:
    """The base is wanted, which requests extend."""
    with pytest.raises(UsageError, match="without /chat/completions"):
        Service("m", "http://h:1/v1/chat/completions")


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1", "socksio"),
        ("all_proxy", "socks5h://127.0.0.1:1", "socksio"),
        ("HTTPS_PROXY", "ftp://127.0.0.1:1", "HTTPS_PROXY may be wrong"),
        ("SSL_CERT_FILE", "/nowhere.pem", "SSL_CERT_FILE"),
    ],
)
async def test_a_client_that_cannot_be_made_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    """And what to install or to unset."""
    monkeypatch.setenv(variable, value)
    async with Endpoint(Service("m", "https://127.0.0.1:9/v1")) as endpoint:
        with pytest.raises(EndpointError, match=says):
            await ask(endpoint)


def test_a_proxy_in_between_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing answers at a local URL, since the proxy was asked."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert "no_proxy=localhost" in proxies.between("http://localhost:4000/v1")
    monkeypatch.setenv("no_proxy", "localhost")
    assert proxies.between("http://localhost:4000/v1") == ""
