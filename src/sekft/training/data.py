"""What is learnt from: exported rows as tokens, each with what of it counts.

A row with `messages` teaches all that the assistant types but what its metadata call mistakes; with `prompt` and
`completion` the completion alone; with `prompt`, `chosen` and `rejected` which of the two to prefer. Other rows hold
wrong actions, too: they are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sekft.errors import BundleError, UsageError

Method = Literal["sft", "dpo"]
Messages = Sequence[Mapping[str, str]]
BATCH_ROWS = 256
JUDGED = ("label", "chosen", "rejected", "rejected_response")
"""Columns beside which what is typed may be wrong."""
WANTED: Mapping[Method, str] = {
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
class Piece:
    """One example. branches: none, or the chosen and the rejected way on from the stem, each unaware of the other."""

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
    found = [path] if path.is_file() else sorted([*path.glob("*.jsonl"), *path.glob("*.parquet")])
    if not found:
        raise UsageError(
            f"--data {path}: want a .jsonl or .parquet file, a folder of them, or an export with that form"
        )
    return found


def rows(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of one exported file. Raises BundleError naming file and line."""
    if file.suffix == ".parquet":
        from pyarrow import parquet

        for batch in parquet.ParquetFile(file).iter_batches(batch_size=BATCH_ROWS):
            yield from batch.to_pylist()
        return
    with file.open(encoding="utf-8") as lines:
        for at, line in enumerate(lines, 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise BundleError(f"{file}:{at}: {error}; want one JSON object a line") from error


def pieces(path: Path, tokenizer: Any, method: Method) -> Iterator[Piece]:
    """Every row as tokens.

    tokenizer: of transformers, with a template that marks the assistant's spans.
    Raises UsageError when a row's columns do not suit the method, BundleError when its text cannot be learnt from.
    """
    for file in files(path):
        for at, row in enumerate(rows(file)):
            yield _piece(row, tokenizer, method, f"{file}, row {at}")


def _piece(row: Mapping[str, Any], tokenizer: Any, method: Method, where: str) -> Piece:
    if taught(row) != method:
        raise UsageError(f"{where}: columns {', '.join(sorted(row))}, want {WANTED[method]} for --method {method}")
    if method == "dpo":
        return _preference(row, tokenizer, where)
    if "messages" in row:
        return Piece(_without(_mistakes(row, where), row["messages"], _rendered(row["messages"], tokenizer, where)))
    stem, last = _parted([*row["prompt"], *row["completion"]], tokenizer, where)
    return Piece(Tokens((*stem.ids, *last.ids), (*(False for _ in stem.ids), *last.learnt)))


def _mistakes(row: Mapping[str, Any], where: str) -> set[int]:
    """The messages that our metadata call mistakes (turn N is message N + 1); none by other metadata, or by none."""
    try:
        told = json.loads(row.get("metadata") or "")
    except (ValueError, TypeError):
        return set()
    found = told.get("mistakes", []) if isinstance(told, dict) else []
    if not isinstance(found, list) or not all(isinstance(turn, int) for turn in found):
        raise BundleError(f"{where}: metadata: mistakes {found!r}, want a list of turns")
    return {turn + 1 for turn in found}


def _without(wrong: set[int], messages: Messages, tokens: Tokens) -> Tokens:
    """The tokens with nothing to learn from these messages; each message of the assistant is one span to learn."""
    if not wrong:
        return tokens
    typed = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
    learnt, span, inside = [], -1, False
    for mark in tokens.learnt:
        span += mark and not inside
        inside = mark
        learnt.append(mark and typed[span] not in wrong)
    return Tokens(tokens.ids, tuple(learnt))


def taught(row: Mapping[str, Any]) -> Method | None:
    """What a row can teach, by its columns; None where that is nothing."""
    if {"prompt", "chosen", "rejected"} <= row.keys():
        return "dpo"
    whole = "messages" in row or {"prompt", "completion"} <= row.keys()
    return "sft" if whole and row.keys().isdisjoint(JUDGED) else None


def _preference(row: Mapping[str, Any], tokenizer: Any, where: str) -> Piece:
    sides = [_parted([*row["prompt"], *row[side]], tokenizer, where) for side in ("chosen", "rejected")]
    (stem, chosen), (other, rejected) = sides
    if stem.ids != other.ids:
        raise BundleError(
            f"{where}: the tokens before the two sides differ, want a side that starts with no white space"
        )
    return Piece(Tokens(stem.ids, tuple(False for _ in stem.ids)), (chosen, rejected))


def _parted(messages: Messages, tokenizer: Any, where: str) -> tuple[Tokens, Tokens]:
    """What stands before the last thing the assistant types, and that."""
    tokens = _rendered(messages, tokenizer, where)
    begins = len(tokens)
    while begins and tokens.learnt[begins - 1]:
        begins -= 1
    return tokens[:begins], tokens[begins:]


def _rendered(messages: Messages, tokenizer: Any, where: str) -> Tokens:
    """The template's tokens up to the last one that is learnt."""
    try:
        read = tokenizer.apply_chat_template(list(messages), return_dict=True, return_assistant_tokens_mask=True)
    except (TypeError, KeyError) as error:
        raise BundleError(f"{where}: {error!r}; want messages with role and content") from error
    learnt = tuple(bool(mark) for mark in read["assistant_masks"])
    if not any(learnt):
        raise BundleError(f"{where}: the assistant types nothing")
    end = len(learnt) - learnt[::-1].index(True)
    return Tokens(tuple(read["input_ids"][:end]), learnt[:end])
