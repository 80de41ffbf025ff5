"""Nothing that was paid for is paid for twice, and no more is spent than allowed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sekft.errors import UsageError
from sekft.models.endpoint import Endpoint, Service, service
from sekft.models.journal import Budget, BudgetSpent, Journal, Reply
from tests.served import Answer, Served, serving

PRICE = (1.0, 10.0)
NO_LIMIT = Budget()


def client(served: Served, journal: Journal, budget: Budget = NO_LIMIT, priced: bool = True) -> Endpoint:
    endpoint = Endpoint(Service("m", served.url, price=PRICE if priced else None), first_pause_s=0.001)
    endpoint.journal, endpoint.budget = journal, budget
    return endpoint


async def ask(endpoint: Endpoint, content: str = "$ ", seed: int = 1, request_id: str | None = None) -> Reply:
    return await endpoint.chat(
        [{"role": "user", "content": content}], max_tokens=8, temperature=0.5, seed=seed, request_id=request_id
    )


async def test_the_same_call_is_paid_for_once(tmp_path: Path) -> None:
    """A later process that asks the same is answered from the journal, with what it cost then."""
    with serving(Answer("ls"), Answer("pwd")) as served:
        async with client(served, Journal(tmp_path / "calls.jsonl")) as endpoint:
            first = await ask(endpoint)
        async with client(served, Journal(tmp_path / "calls.jsonl")) as endpoint:
            assert await ask(endpoint) == first
    assert len(served.requests) == 1


@pytest.mark.parametrize("other", [{"content": "else"}, {"seed": 2}, {"request_id": "b"}], ids=str)
async def test_another_call_is_another(tmp_path: Path, other: dict[str, str]) -> None:
    """Content, seed and purpose each tell calls apart."""
    with serving() as served:
        async with client(served, Journal(tmp_path / "calls.jsonl")) as endpoint:
            await ask(endpoint)
            await ask(endpoint, **other)  # type: ignore[arg-type]
    assert len(served.requests) == 2


async def test_a_line_cut_short_by_a_kill_costs_that_answer_alone(tmp_path: Path) -> None:
    """What a killed process left half-written is dropped, the rest is known, and writing goes on."""
    file = tmp_path / "calls.jsonl"
    with serving() as served:
        async with client(served, Journal(file)) as endpoint:
            await ask(endpoint)
            await ask(endpoint, "second")
        file.write_bytes(file.read_bytes()[:-20])
        for _ in range(2):
            async with client(served, Journal(file)) as endpoint:
                await ask(endpoint)
                await ask(endpoint, "second")
    assert len(served.requests) == 3


async def test_an_answer_on_its_way_is_kept_when_its_caller_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted run still writes down what was sent for and paid."""
    monkeypatch.setattr("sekft.models.endpoint.LAST_ANSWERS_S", 30.0)
    with serving(Answer("ls", delay_s=0.3)) as served:
        endpoint = client(served, Journal(tmp_path / "calls.jsonl"))
        asking = asyncio.create_task(ask(endpoint))
        await asyncio.wait_for(asyncio.to_thread(served.asked.wait), 10)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await endpoint.close()
        async with client(served, Journal(tmp_path / "calls.jsonl")) as again:
            assert (await ask(again)).text == "ls"
    assert len(served.requests) == 1


@pytest.mark.parametrize(
    ("headers", "cost_usd"), [({}, (7 * 1.0 + 3 * 10.0) / 1e6), ({"x-litellm-response-cost": "0.25"}, 0.25)]
)
async def test_a_proxys_own_figure_comes_before_the_price(headers: dict[str, str], cost_usd: float) -> None:
    """The cost is what the proxy says, else tokens times the price."""
    with serving(Answer(headers=headers)) as served:
        async with client(served, Journal()) as endpoint:
            assert (await ask(endpoint)).usage.cost_usd == pytest.approx(cost_usd)


@pytest.mark.parametrize("budget", [Budget(max_cost_usd=0.6), Budget(max_tokens=25)], ids=["cost", "tokens"])
async def test_the_budget_holds_over_processes(tmp_path: Path, budget: Budget) -> None:
    """What earlier processes spent in this folder counts; a journaled answer needs no budget."""
    file = tmp_path / "calls.jsonl"
    with serving(Answer(headers={"x-litellm-response-cost": "0.25"})) as served:
        async with client(served, Journal(file), budget) as endpoint:
            await ask(endpoint, "1")
            await ask(endpoint, "2")
        async with client(served, Journal(file), budget) as endpoint:
            await ask(endpoint, "3")
            with pytest.raises(BudgetSpent, match="To resume, run the same command with a higher --max-"):
                await ask(endpoint, "4")
            await ask(endpoint, "3")
    assert len(served.requests) == 3


async def test_a_cost_limit_without_a_known_cost_is_refused() -> None:
    """A limit that could not be held says so, with the variable that would help."""
    with serving() as served:
        async with client(served, Journal(), Budget(max_cost_usd=1), priced=False) as endpoint:
            with pytest.raises(UsageError, match="SEKFT_PRICE"):
                await ask(endpoint)


def test_the_environment_names_the_price() -> None:
    """Dollars for a million prompt and completion tokens; anything else is refused."""
    assert service("operator", {"SEKFT_OP_MODEL": "m", "SEKFT_OP_PRICE": "0.5/1.5"}).price == (0.5, 1.5)
    with pytest.raises(UsageError, match="SEKFT_PRICE"):
        service("teacher", {"SEKFT_MODEL": "m", "SEKFT_PRICE": "cheap"})
