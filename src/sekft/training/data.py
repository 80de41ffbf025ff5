"""Training examples: exported rows as tokens, each with a mask of what the loss is on.

A row with `messages` teaches all that the assistant types but what its metadata call mistakes; with `prompt` and
`completion` the completion alone; with `prompt`, `chosen` and `rejected` which of the two to prefer. Other rows hold
wrong actions, too: they are refused. So is a row with a message that would teach what nobody typed (conversation.py).

Examples lie in packs, in a row without padding, none seeing another; which of them make a step hangs on the seed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from sekft.errors import BundleError, UsageError
from sekft.folder import json_lines
from sekft.seeds import stream
from sekft.training.conversation import refuse_unlearnable, template_tokens

Method = Literal["sft", "dpo"]
Messages = Sequence[Mapping[str, str]]
BATCH_ROWS = 256
JUDGED = ("label", "chosen", "rejected", "rejected_response")
"""Columns beside which what is typed may be wrong."""
COLUMNS: Mapping[Method, str] = {
    "sft": f"messages, or prompt and completion (with none of {', '.join(JUDGED)})",
    "dpo": "prompt, chosen and rejected",
}


@dataclass(frozen=True, slots=True)
class Tokens:
    """ids, and for each whether it is learnt: what the assistant types, and the token that ends it."""

    ids: tuple[int, ...]
    learnt: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, part: slice) -> Tokens:
        return Tokens(self.ids[part], self.learnt[part])


@dataclass(frozen=True, slots=True)
class Example:
    """One row. branches: none, or its chosen and its rejected continuation of the stem, each unaware of the other."""

    stem: Tokens
    branches: tuple[Tokens, ...] = ()

    def __len__(self) -> int:
        return len(self.stem) + sum(map(len, self.branches))

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence that a model sees in it."""
        return len(self.stem) + max(map(len, self.branches), default=0)


def part(path: Path, method: Method | None) -> Path:
    """Of a whole export the rows to train on, of SFT where no method is named; anything else as it is."""
    train = path / (method or "sft") / "train"
    return train if train.is_dir() else path


def files(path: Path) -> list[Path]:
    """The file, or the JSONL and Parquet files that lie in the folder, sorted. Raises UsageError when there is none."""
    paths = [path] if path.is_file() else sorted([*path.glob("*.jsonl"), *path.glob("*.parquet")])
    if not paths:
        raise UsageError(
            f"--data {path}: want a .jsonl or .parquet file, a folder of them, or an export with that form"
        )
    return paths


def digest(paths: Iterable[Path]) -> str:
    """Of the files' bytes, in order."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def rows(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of one file, without their null columns, which rows of several kinds in one table have.

    Raises BundleError naming file and line.
    """
    for number, row in _parquet(file) if file.suffix == ".parquet" else json_lines(file):
        if not isinstance(row, dict):
            raise BundleError(f"{file}, row {number}: saw a {type(row).__name__}, want one JSON object a line")
        yield {name: value for name, value in row.items() if value is not None}


def _parquet(file: Path) -> Iterator[tuple[int, object]]:
    from pyarrow import ArrowException, parquet

    try:
        batches = parquet.ParquetFile(file).iter_batches(batch_size=BATCH_ROWS)
        yield from enumerate((row for batch in batches for row in batch.to_pylist()), 1)
    except ArrowException as error:
        raise BundleError(f"{file}: not a whole Parquet file: {error}") from error


def method_of_row(row: Mapping[str, Any]) -> Method | None:
    """What a row can teach, by its columns; None where that is nothing."""
    if {"prompt", "chosen", "rejected"} <= row.keys():
        return "dpo"
    whole = "messages" in row or {"prompt", "completion"} <= row.keys()
    return "sft" if whole and row.keys().isdisjoint(JUDGED) else None


def method_of(data: Path) -> Method:
    """What the first row can teach. Raises UsageError when that is nothing, or there is no row."""
    for file in files(data):
        for row in rows(file):
            if method := method_of_row(row):
                return method
            raise UsageError(f"{file}: columns {', '.join(sorted(row))}, want {'; or '.join(COLUMNS.values())}")
    raise UsageError(f"--data {data}: no rows")


def examples(path: Path, tokenizer: Any, method: Method) -> Iterator[Example]:
    """Every row as tokens.

    tokenizer: of transformers, with a template that marks the assistant's spans.
    Raises UsageError when a row's columns do not suit the method, BundleError when its text cannot be learnt from.
    """
    for file in files(path):
        markup = template_tokens(tokenizer)
        for number, row in enumerate(rows(file), 1):
            where = f"{file}, row {number}"
            if method_of_row(row) != method:
                columns = ", ".join(sorted(row))
                raise UsageError(f"{where}: columns {columns}, want {COLUMNS[method]} for --method {method}")
            refuse_unlearnable(row, markup, where)
            yield (_preference if method == "dpo" else _demonstration)(row, tokenizer, where)


def _demonstration(row: Mapping[str, Any], tokenizer: Any, where: str) -> Example:
    if "messages" in row:
        tokens = _tokens(row["messages"], tokenizer, where)
        return Example(_without(_mistakes(row, where), row["messages"], tokens))
    stem, completion = _divided(_tokens([*row["prompt"], *row["completion"]], tokenizer, where))
    return Example(Tokens(stem.ids + completion.ids, (False,) * len(stem) + completion.learnt))


def _without(mistakes: Collection[int], messages: Messages, tokens: Tokens) -> Tokens:
    """The tokens with nothing to learn from these messages; each message of the assistant is one span of the mask."""
    if not mistakes:
        return tokens
    typed = (number for number, message in enumerate(messages) if message["role"] == "assistant")
    learnt: list[bool] = []
    for mark, span in groupby(tokens.learnt):
        learnt += [mark and next(typed) not in mistakes] * len(list(span))
    return Tokens(tokens.ids, tuple(learnt))


def _mistakes(row: Mapping[str, Any], where: str) -> Collection[int]:
    """The messages that our metadata call mistakes (turn N is message N + 1); none by other metadata, or by none."""
    metadata = row.get("metadata")
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            return ()
    turns = metadata.get("mistakes") if isinstance(metadata, dict) else None
    typed = {at - 1 for at, message in enumerate(row["messages"]) if message["role"] == "assistant"}
    if not isinstance(turns, list | None) or not all(type(turn) is int and turn in typed for turn in turns or ()):
        raise BundleError(f"{where}: metadata: mistakes {turns!r}, want a list of turns that the assistant types")
    return {turn + 1 for turn in turns or ()}


def _preference(row: Mapping[str, Any], tokenizer: Any, where: str) -> Example:
    (stem, chosen), (other, rejected) = (
        _divided(_tokens([*row["prompt"], *row[side]], tokenizer, where)) for side in ("chosen", "rejected")
    )
    if stem.ids != other.ids:
        raise BundleError(
            f"{where}: the tokens before the two sides differ, want a side that starts with no white space"
        )
    return Example(Tokens(stem.ids, (False,) * len(stem)), (chosen, rejected))


def _divided(tokens: Tokens) -> tuple[Tokens, Tokens]:
    """What stands before the last thing that the assistant types, and that."""
    begins = len(tokens)
    while begins and tokens.learnt[begins - 1]:
        begins -= 1
    return tokens[:begins], tokens[begins:]


def _tokens(messages: Messages, tokenizer: Any, where: str) -> Tokens:
    """The template's tokens up to the last one that is learnt."""
    from jinja2 import TemplateError

    plain = [{"role": message["role"], "content": message["content"]} for message in messages]
    try:
        rendered = tokenizer.apply_chat_template(plain, return_dict=True, return_assistant_tokens_mask=True)
    except TemplateError as error:
        raise BundleError(f"{where}: the base's chat template refuses these messages: {error}") from error
    learnt = tuple(bool(mark) for mark in rendered["assistant_masks"])
    if not any(learnt):
        raise BundleError(f"{where}: the assistant types nothing")
    end = len(learnt) - learnt[::-1].index(True)
    return Tokens(tuple(rendered["input_ids"][:end]), learnt[:end])


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens start to end of a pack: each sees those before it in the span, and all of the stem."""

    start: int
    end: int
    stem: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Pack:
    """What a model is given at once.

    sources:   indexes whose output predicts a learnt token; targets: those tokens.
    sequences: for each target, which sequence of the pack it belongs to, counted over examples and their branches.
    """

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    spans: tuple[Span, ...]
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    sequences: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


def pack(examples: Sequence[Example]) -> Pack:
    """The examples, one after the other: an example's stem once, then its branches."""
    ids: list[int] = []
    positions: list[int] = []
    spans: list[Span] = []
    learnt: list[tuple[int, int, int]] = []
    sequence = 0
    for example in examples:
        stem: Span | None = None
        for tokens in (example.stem, *example.branches):
            start, before = len(ids), stem.end - stem.start if stem else 0
            ids += tokens.ids
            positions += range(before, before + len(tokens))
            spans.append(Span(start, len(ids), (stem.start, stem.end) if stem else None))
            last = stem.end - 1 if stem else None
            sources = (last, *range(start, len(ids) - 1))
            learnt += [
                (source, token, sequence)
                for source, token, counts in zip(sources, tokens.ids, tokens.learnt, strict=True)
                if counts and source is not None
            ]
            sequence += stem is not None or not example.branches
            stem = stem or spans[-1]
    predicting, targets, sequences = zip(*learnt, strict=True)
    return Pack(tuple(ids), tuple(positions), tuple(spans), predicting, targets, sequences)


def packed(examples: Sequence[Example], pack_tokens: int) -> Iterator[Pack]:
    """The examples of one step in as few packs as fit in order: what a device takes at once."""
    held: list[Example] = []
    for example in examples:
        if held and sum(map(len, held)) + len(example) > pack_tokens:
            yield pack(held)
            held = []
        held.append(example)
    if held:
        yield pack(held)


def steps(
    examples: Sequence[Example], seed: int, epochs: int, step_tokens: int, most_tokens: int | None
) -> list[list[int]]:
    """Which examples each step learns from, as indexes: every epoch in an order of its own.

    step_tokens: how many tokens make a step; a longer example makes one alone.
    most_tokens: end with the step that reaches so many, or None.
    """
    plan: list[list[int]] = []
    held = total = 0
    order: list[int] = []
    for epoch in range(epochs):
        indexes = list(range(len(examples)))
        stream(seed, "training", "order", epoch).shuffle(indexes)
        order += indexes
    for index in order:
        size = len(examples[index])
        if not plan or held + size > step_tokens:
            if most_tokens is not None and total >= most_tokens:
                break
            plan.append([])
            held = 0
        plan[-1].append(index)
        held += size
        total += size
    return plan
