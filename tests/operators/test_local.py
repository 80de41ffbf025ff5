"""Many conversations at once, each with its cache kept, against one conversation alone and no cache."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sekft.cli.running import Lines
from sekft.errors import UsageError
from sekft.operators.student import Generator, Line, LocalAnswer, Message, Sampling
from sekft.training.config import TrainConfig
from sekft.training.train import train
from tests.training import tiny
from tests.training.tiny import shared

torch = pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")
OUTPUTS = ("a.txt b.txt\n$ ", "", "no such file\n$ " * 9, "usage: chit open\n" * 4 + "$ ", "x\n$ ")
GREEDY = Sampling(max_tokens=24)


@pytest.fixture
async def generator() -> AsyncIterator[Generator]:
    local = Generator(shared(), rows=3, dtype="float32")
    yield local
    await local.close()


@cache
def plain() -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = shared()
    return AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def alone(messages: list[Message], sampling: Sampling = GREEDY) -> str:
    """What transformers itself generates, greedily, from the whole conversation."""
    tokenizer, model = plain()
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    whole = model.generate(**prompt, do_sample=False, max_new_tokens=sampling.max_tokens)[0]
    answer = [int(token) for token in whole[prompt["input_ids"].shape[1] :] if int(token) not in (0, 2)]
    return str(tokenizer.decode(answer, clean_up_tokenization_spaces=False))


async def talk(
    generator: Generator, name: str, sampling: Sampling, seed: int = 0
) -> list[tuple[list[Message], LocalAnswer]]:
    """A conversation of a turn for each output; the prompts and what was answered."""
    messages: list[Message] = [{"role": "system", "content": f"A shell on {name}."}]
    turns = []
    for number, output in enumerate(OUTPUTS):
        messages = [*messages, {"role": "user", "content": f"{output}{name * number}"}]
        answer = await generator.ask(name, messages, sampling, seed + number)
        turns.append((messages, answer))
        messages = [*messages, {"role": "assistant", "content": answer.text}]
    return turns


async def test_batched_and_cached_says_what_plain_generation_says(generator: Generator) -> None:
    """Seven conversations over three rows: every answer is, token for token, that of model.generate on it alone."""
    talks = await asyncio.gather(*(talk(generator, name, GREEDY) for name in "abcdefg"))
    turns = [turn for turns in talks for turn in turns]
    assert len({answer.text for _, answer in turns}) > len(OUTPUTS)
    for messages, answer in turns:
        assert answer.text == alone(messages)


async def test_a_turn_computes_only_what_is_new(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the second turn on, no token that the row holds is computed again."""
    computed: list[int] = []
    forward = generator._forward

    def counted(lines: Sequence[Line]) -> Any:
        computed.append(sum(len(line.ids) for line in lines))
        return forward(lines)

    monkeypatch.setattr(generator, "_forward", counted)
    turns = await talk(generator, "a", GREEDY)
    whole = len(generator.tokens(turns[-1][0]))
    assert sum(computed) <= whole + sum(answer.tokens for _, answer in turns)


async def test_what_is_drawn_hangs_on_the_seed_alone(generator: Generator) -> None:
    """The same seed draws the same in company and alone; another draws something else."""
    sampling = Sampling(temperature=1.0, top_p=0.9, max_tokens=12)

    async def answers(seed: int) -> list[str]:
        return [answer.text for _, answer in await talk(generator, "a", sampling, seed)]

    alone, company = await answers(5), asyncio.gather(*(talk(generator, name, sampling) for name in "bcde"))
    assert await answers(5) == alone != await answers(6)
    await company


async def test_a_turn_that_does_not_end_says_so(generator: Generator) -> None:
    """An answer stops at max_tokens, and one that the context cannot hold is refused without an error."""
    short = (await talk(generator, "a", Sampling(max_tokens=3)))[0][1]
    assert (short.stopped, short.tokens) == ("length", 3)
    full = await generator.ask("b", [{"role": "user", "content": "x" * 3000}], GREEDY)
    assert (full.stopped, full.text) == ("context", "")
    almost = await generator.ask("c", [{"role": "user", "content": "x" * 2010}], Sampling(max_tokens=200))
    assert almost.stopped == "context"


async def test_a_model_that_breaks_is_told_to_all_who_wait(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the model reaches every turn under way, and the next question is answered."""
    await talk(generator, "a", GREEDY)

    def broken(*_: Any) -> None:
        raise ValueError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(generator, "_forward", broken)
        errors = await asyncio.gather(*(talk(generator, name, GREEDY) for name in "abcd"), return_exceptions=True)
        assert all("out of memory" in str(error) for error in errors)
    assert len(await talk(generator, "a", GREEDY)) == len(OUTPUTS)


async def test_closing_ends_who_waits(generator: Generator) -> None:
    """Closed in the middle of a turn, the turn ends with an error, and closing twice is harmless."""
    waiting = asyncio.create_task(talk(generator, "a", Sampling(max_tokens=2000)))
    await asyncio.sleep(0.3)
    await generator.close()
    await generator.close()
    with pytest.raises((RuntimeError, asyncio.CancelledError)):
        await waiting


@pytest.mark.parametrize(
    ("kind", "says"),
    [("mistral", "has sliding_window 4096; want"), ("gemma2", "sliding_attention, attn_logit_softcapping 50; want")],
)
def test_other_attention_is_refused_before_any_work(tmp_path: Path, kind: str, says: str) -> None:
    """What ours would leave out is named, to act and to train alike; nothing is loaded or written."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    data = tiny.sessions(tmp_path / "data")
    for use in (
        lambda: Generator(tmp_path),
        lambda: train(TrainConfig(base=str(tmp_path)), data, tmp_path / "out", Lines()),
    ):
        with pytest.raises(UsageError, match=says):
            use()
    assert not (tmp_path / "out").exists()


def test_a_window_that_no_layer_uses_is_none(tmp_path: Path) -> None:
    """Qwen2 names a window, and by default every layer sees everything."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2", "sliding_window": 4096}))
    assert Generator(tmp_path).folder == tmp_path


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """What is no model's folder is named before anything is loaded."""
    with pytest.raises(UsageError, match=r"config\.json"):
        Generator(tmp_path)
