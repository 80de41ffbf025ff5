"""Packs: what is laid where, and that a model finds in them exactly what it finds in each example alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sekft.errors import BundleError, UsageError
from sekft.training.base_model import tokenizer_of
from sekft.training.data import Example, Tokens, examples, method_of, pack, packed, steps
from tests.training import tiny

torch = pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Any:
    return tokenizer_of(base)


def learnt(tokens: Tokens, tokenizer: Any) -> str:
    return str(tokenizer.decode([token for token, counts in zip(tokens.ids, tokens.learnt, strict=True) if counts]))


def test_sessions_teach_what_is_typed_and_its_end(tokenizer: Any, tmp_path: Path) -> None:
    """Of messages, each action and its end token are learnt, and nothing else."""
    file = tiny.written(tmp_path / "rows.jsonl", [{"messages": tiny.conversation("ls -l", "exit")}])
    (example,) = examples(file, tokenizer, "sft")
    assert learnt(example.stem, tokenizer) == "ls -l<|im_end|>exit<|im_end|>"


def test_mistakes_are_read_and_not_learnt(tokenizer: Any, tmp_path: Path) -> None:
    """What the metadata call a mistake stays in the session, and nothing of it is learnt."""
    messages = tiny.conversation("sl", "ls", "exit")
    row = {"messages": messages, "metadata": '{"mistakes": [1]}'}
    plain, marked = examples(tiny.written(tmp_path / "rows.jsonl", [{"messages": messages}, row]), tokenizer, "sft")
    assert learnt(marked.stem, tokenizer) == "ls<|im_end|>exit<|im_end|>"
    assert marked.stem.ids == plain.stem.ids


@pytest.mark.parametrize("metadata", ["", "by hand", "[1]", "{}", {"note": [1]}, None])
def test_metadata_of_others_are_let_be(tokenizer: Any, tmp_path: Path, metadata: Any) -> None:
    """All that is typed is learnt where the metadata are not ours, or name no mistake."""
    row = {"messages": tiny.conversation("ls", "exit"), "metadata": metadata}
    (example,) = examples(tiny.written(tmp_path / "rows.jsonl", [row]), tokenizer, "sft")
    assert learnt(example.stem, tokenizer) == "ls<|im_end|>exit<|im_end|>"


@pytest.mark.parametrize("mistakes", ["1", '["one"]', '{"1": 1}'])
def test_mistakes_that_are_no_turns_are_refused(tokenizer: Any, tmp_path: Path, mistakes: str) -> None:
    """The row is named."""
    row = {"messages": tiny.conversation("ls", "exit"), "metadata": f'{{"mistakes": {mistakes}}}'}
    with pytest.raises(BundleError, match="row 1: metadata: mistakes"):
        list(examples(tiny.written(tmp_path / "rows.jsonl", [row]), tokenizer, "sft"))


def test_completions_teach_the_last_action_alone(tokenizer: Any, tmp_path: Path) -> None:
    """Of prompt and completion, earlier actions are read and not learnt."""
    messages = tiny.conversation("ls -l", "exit")
    file = tiny.written(tmp_path / "rows.jsonl", [{"prompt": messages[:-1], "completion": messages[-1:]}])
    (example,) = examples(file, tokenizer, "sft")
    assert learnt(example.stem, tokenizer) == "exit<|im_end|>"


def test_parquet_and_jsonl_are_the_same(tokenizer: Any, tmp_path: Path) -> None:
    """Both forms of the same rows give the same tokens."""
    from pyarrow import Table, parquet

    rows = [{"messages": tiny.conversation("ls -l", "exit")}, {"messages": tiny.conversation("panic")}]
    lines = tiny.written(tmp_path / "rows.jsonl", rows)
    parquet.write_table(Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert list(examples(lines, tokenizer, "sft")) == list(examples(tmp_path / "rows.parquet", tokenizer, "sft"))


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_columns_that_do_not_suit_are_refused(tokenizer: Any, tmp_path: Path, method: Any) -> None:
    """Rows of the other method are named with what they hold and what is wanted."""
    file = tiny.pairs(tmp_path) if method == "sft" else tiny.sessions(tmp_path)
    with pytest.raises(UsageError, match=f"--method {method}"):
        list(examples(file, tokenizer, method))


@pytest.mark.parametrize("column", ["label", "rejected_response", "rejected"])
def test_rows_that_hold_wrong_actions_are_refused(tokenizer: Any, tmp_path: Path, column: str) -> None:
    """Labelled sessions and ms-swift's pairs are no SFT rows, whether the method is named or found by the columns."""
    file = tiny.written(tmp_path / "rows.jsonl", [{"messages": tiny.conversation("rm -r ."), column: True}])
    for read in (lambda: list(examples(file, tokenizer, "sft")), lambda: method_of(file)):
        with pytest.raises(UsageError, match=rf"columns ({column}, messages|messages, {column}), want messages, or"):
            read()


def test_a_silent_session_is_refused(tokenizer: Any, tmp_path: Path) -> None:
    """A row in which the assistant types nothing is no lesson, and the row is named."""
    file = tiny.written(tmp_path / "rows.jsonl", [{"messages": tiny.conversation()}])
    with pytest.raises(BundleError, match="row 1"):
        list(examples(file, tokenizer, "sft"))


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_a_pack_changes_no_probability(base: Path, tokenizer: Any, tmp_path: Path, method: Any) -> None:
    """Every learnt token of a pack has the log-probability that the model gives it in its sequence alone."""
    from transformers import AutoModelForCausalLM

    from sekft.training.student import Student

    file = tiny.sessions(tmp_path) if method == "sft" else tiny.pairs(tmp_path)
    read = list(examples(file, tokenizer, method))
    student = Student(base, None, 0, seed=0, half=False)
    model = AutoModelForCausalLM.from_pretrained(base, attn_implementation="eager")
    expected = []
    for example in read:
        for branch in example.branches or [Tokens((), ())]:
            ids = torch.tensor([[*example.stem.ids, *branch.ids]])
            with torch.no_grad():
                all_logprobs = model(ids).logits[0].log_softmax(-1)
            marks = [*example.stem.learnt, *branch.learnt]
            expected += [all_logprobs[at - 1, ids[0, at]] for at, counts in enumerate(marks) if counts]
    with torch.no_grad():
        seen = student.logprobs(pack(read))
    assert len(seen) > 40
    torch.testing.assert_close(seen, torch.stack(expected), atol=1e-4, rtol=1e-4)


def test_long_spans_are_causal_across_blocks(base: Path, tokenizer: Any) -> None:
    """A sequence of several attention blocks gives what the eager model gives."""
    from transformers import AutoModelForCausalLM

    from sekft.models.libraries import BLOCK
    from sekft.training.student import Student

    ids = tuple(tokenizer.encode("abcdefg " * BLOCK))[: 2 * BLOCK + 17]
    student = Student(base, None, 0, seed=0, half=False)
    with torch.no_grad():
        seen = student.logprobs(pack([Example(Tokens(ids, (True,) * len(ids)))]))
        logits = AutoModelForCausalLM.from_pretrained(base, attn_implementation="eager")(torch.tensor([ids])).logits[0]
    expected = logits.log_softmax(-1)[:-1].gather(1, torch.tensor(ids)[1:, None])[:, 0]
    torch.testing.assert_close(seen, expected, atol=1e-4, rtol=1e-4)


def example_of(size: int) -> Example:
    return Example(Tokens((5,) * size, (True,) * size))


def test_each_epoch_takes_every_example_once() -> None:
    """Each epoch takes them in another order, and no step is over its size unless one example alone is."""
    sized = [example_of(size) for size in (30, 70, 20, 200, 50, 60)]
    plan = steps(sized, seed=3, epochs=2, step_tokens=100, most_tokens=None)
    order = [at for step in plan for at in step]
    assert sorted(order) == sorted([*range(6), *range(6)])
    assert all(sum(len(sized[at]) for at in step) <= 100 or len(step) == 1 for step in plan)
    assert plan == steps(sized, seed=3, epochs=2, step_tokens=100, most_tokens=None)
    assert plan != steps(sized, seed=4, epochs=2, step_tokens=100, most_tokens=None)


def test_a_budget_of_tokens_ends_the_plan() -> None:
    """No step begins once the budget is reached."""
    plan = steps([example_of(10)] * 50, seed=3, epochs=1, step_tokens=20, most_tokens=100)
    assert sum(map(len, plan)) == 10


def test_packs_hold_no_more_than_a_device_takes() -> None:
    """The examples of a step are laid into packs of at most that many tokens, none lost."""
    packs = list(packed([example_of(40)] * 5, pack_tokens=90))
    assert [len(pack) for pack in packs] == [80, 80, 40]
