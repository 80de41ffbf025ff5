"""The answers that models gave and what they cost: the journal of a run folder, and the budget that stops it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sekft.errors import SekftError, StoreError
from sekft.scenario import canonical
from sekft.trajectory import Usage

JOURNAL = "calls.jsonl"


class BudgetSpent(SekftError):
    """The user's limit is reached; every answer that was paid for is kept."""


@dataclass(frozen=True, slots=True)
class Reply:
    """cut: the answer stopped at max_tokens. thoughts: reasoning that the service sent apart from the text.

    refused: why the service withheld an answer to this conversation, in its words.
    """

    text: str
    usage: Usage
    cut: bool = False
    thoughts: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run folder may cost over all commands that fill it; None sets no limit.

    Requests in flight when it is reached are finished, paid and kept.
    """

    max_cost_usd: float | None = None
    max_tokens: int | None = None

    def check(self, spent: Usage) -> None:
        """Raises BudgetSpent when nothing is left."""
        advice = f"in {spent.requests} requests are spent; what was done is kept: the same command with a higher"
        if self.max_cost_usd is not None and spent.cost_usd >= self.max_cost_usd:
            raise BudgetSpent(f"${spent.cost_usd:.4f} {advice} --max-cost goes on")
        if self.max_tokens is not None and spent.tokens >= self.max_tokens:
            raise BudgetSpent(f"{spent.tokens} tokens {advice} --max-total-tokens goes on")


class Journal:
    """The answers that were paid for: one JSON line a call, appended as it ends, found by a hash of the request.

    file: None counts what is spent and remembers no answer.
    answered: the roles whose service has answered before.
    A last line that a kill cut short is dropped when the file is next opened.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.spent = Usage()
        self.answered: set[str] = set()
        self._places: dict[str, tuple[int, int]] = {}
        self._handle: int | None = None
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._end = self._read(file)

    def _read(self, file: Path) -> int:
        end = 0
        with file.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    os.truncate(file, end)
                    break
                entry = json.loads(line)
                self._places[entry["key"]] = (end, len(line))
                self.spent += Usage(**entry["usage"])
                self.answered |= set() if entry.get("refused") else {entry["role"]}
                end += len(line)
        return end

    def find(self, key: str) -> Reply | None:
        """The answer to the same request, with what it cost then."""
        if key not in self._places or self._handle is None:
            return None
        offset, length = self._places[key]
        entry = json.loads(os.pread(self._handle, length, offset))
        return Reply(entry["text"], Usage(**entry["usage"]), entry["cut"], entry["thoughts"], entry.get("refused", ""))

    def add(self, key: str, role: str, purpose: str | None, reply: Reply) -> None:
        """Raises StoreError when it cannot be written."""
        self.spent += reply.usage
        if self._handle is None:
            return
        entry: dict[str, object] = {"key": key, "role": role, "purpose": purpose, "usage": reply.usage.model_dump()}
        entry |= {"cut": reply.cut, "thoughts": reply.thoughts, "text": reply.text}
        entry |= {"refused": reply.refused} if reply.refused else {}
        line = json.dumps(entry, ensure_ascii=True).encode() + b"\n"
        try:
            if os.pwrite(self._handle, line, self._end) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            why = f"{JOURNAL}: {error.strerror}: the answer is lost, what was done before is kept"
            raise StoreError(why) from error
        self._places[key] = (self._end, len(line))
        self._end += len(line)

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def spent(file: Path) -> dict[str, Usage]:
    """What each role has spent by this journal, which another process may be writing; empty where there is none."""
    usages: dict[str, Usage] = {}
    for line in file.read_bytes().splitlines(keepends=True) if file.exists() else ():
        if line.endswith(b"\n"):
            entry = json.loads(line)
            usages[entry["role"]] = usages.get(entry["role"], Usage()) + Usage(**entry["usage"])
    return usages


def key_of(model: str, request: Mapping[str, object], purpose: str | None, named: bool = False) -> str:
    """Two calls with the same key are one call: model, messages, settings, seed and purpose are equal.

    named: messages and settings may differ.
    """
    body = {"model": model, "purpose": purpose, **({"seed": request.get("seed")} if named else request)}
    return hashlib.sha256(canonical(body)).hexdigest()[:32]
