"""The answers that models gave and what they cost: the journal of a run folder, and the budget that stops it."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import math
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sekft.errors import SekftError, StoreError
from sekft.folder.places import documents, is_remote, put
from sekft.folder.shards import writer_name
from sekft.scenario import canonical
from sekft.trajectory import Usage

JOURNAL, PARTS = "calls.jsonl", "calls*.jsonl"
"""Far away the answers of each command and minute have a file of their own: nothing can be appended there."""
PUT_EVERY_S = 60.0


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


@dataclass(slots=True)
class Budget:
    """What a run folder may cost over all commands that fill it; None sets no limit.

    Near the limit requests are sent one by one: the last one may pass it, and is finished, paid and kept.
    """

    max_cost_usd: float | None = None
    max_tokens: int | None = None
    _under_way: list[Usage] = field(default_factory=list)
    _dearest: Usage | None = None
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def check(self, spent: Usage) -> None:
        """Raises BudgetSpent when nothing is left."""
        spent_in = f"in {spent.requests} requests are spent; finished work is kept"
        advice = f"{spent_in}. To resume, run the same command with a higher"
        if self.max_cost_usd is not None and spent.cost_usd >= self.max_cost_usd:
            raise BudgetSpent(f"${spent.cost_usd:.4f} {advice} --max-cost")
        if self.max_tokens is not None and spent.tokens >= self.max_tokens:
            raise BudgetSpent(f"{spent.tokens} tokens {advice} --max-total-tokens")

    @asynccontextmanager
    async def room(self, most: Usage, spent: Callable[[], Usage]) -> AsyncIterator[None]:
        """Wait until one more request keeps within the limit, or none else is under way.

        most:  what it may use; of an unknown price (inf) it is taken to cost what the dearest before it did.
        spent: tells what the folder has spent.
        Raises BudgetSpent when nothing is left.
        """
        self.check(spent())
        while self._under_way and self._exceeded(most, spent()):
            await self._ended.wait()
            self.check(spent())
        self._under_way.append(most)
        try:
            yield
        finally:
            self._under_way.remove(most)
            self._ended.set()
            self._ended = asyncio.Event()

    def paid(self, usage: Usage) -> None:
        """Remember what an answer cost."""
        before = self._dearest
        if before is None or (usage.cost_usd, usage.tokens) > (before.cost_usd, before.tokens):
            self._dearest = usage

    def _exceeded(self, most: Usage, spent: Usage) -> bool:
        planned, dearest = [*self._under_way, most], self._dearest
        if dearest is None:  # what this service tells is not known before its first answer
            return self.max_cost_usd is not None or self.max_tokens is not None
        if self.max_cost_usd is not None:
            unknown = dearest.cost_usd or math.inf
            costs = (unknown if each.cost_usd == math.inf else max(each.cost_usd, dearest.cost_usd) for each in planned)
            if spent.cost_usd + sum(costs) > self.max_cost_usd:
                return True
        if self.max_tokens is None:
            return False
        return spent.tokens + sum(max(each.tokens, dearest.tokens) for each in planned) > self.max_tokens


class Journal:
    """The answers that were paid for: one JSON line a call, appended as it ends, found by a hash of the request.

    file:     None counts what is spent and remembers no answer.
    priced:   what an entry of this role and usage cost; by default what the entry says.
    answered: the roles whose service has answered before.
    unread:   lines that hold no whole entry, as a crash leaves them (NUL bytes, one entry begun within another).
    A last line that a kill cut short is dropped when the file is next opened. Far away an answer is safe within a
    minute; see PARTS.
    """

    def __init__(
        self, file: Path | None = None, priced: Callable[[str, Usage], Usage] = lambda role, usage: usage
    ) -> None:
        self.spent, self.unread = Usage(), 0
        self.answered: set[str] = set()
        self._places: dict[str, tuple[int, int]] = {}
        self._handle: int | None = None
        self._priced = priced
        self._far: Path | None = None
        if file is not None and is_remote(file):
            with tempfile.NamedTemporaryFile() as near:
                for part in documents(file.parent, PARTS):
                    near.write(part.read_bytes())
                near.flush()
                self._open(Path(near.name))
            self._far = file.with_name(f"calls-{writer_name()}")
            self._put_s, self._put_to, self._parts = time.monotonic(), self._end, 0
        elif file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._open(file)

    def _open(self, file: Path) -> None:
        self._handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._end = self._read(file)

    def _read(self, file: Path) -> int:
        end = 0
        with file.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    os.truncate(file, end)
                    break
                if (entry := _entry(line)) is None:
                    self.unread += 1
                else:
                    self._places[entry.key] = (end, len(line))
                    self.spent += self._priced(entry.role, entry.reply.usage)
                    self.answered |= set() if entry.reply.refused else {entry.role}
                end += len(line)
        return end

    def find(self, key: str) -> Reply | None:
        """The answer to the same request, with what it cost then."""
        if key not in self._places or self._handle is None:
            return None
        offset, length = self._places[key]
        entry = _entry(os.pread(self._handle, length, offset))
        return replace(entry.reply, usage=self._priced(entry.role, entry.reply.usage)) if entry else None

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
        if self._far and time.monotonic() - self._put_s >= PUT_EVERY_S:
            self._put()

    def _put(self) -> None:
        """What is new, as a file of its own where the folder lies. Raises StoreError."""
        if self._far and self._handle is not None and self._end > self._put_to:
            lines = os.pread(self._handle, self._end - self._put_to, self._put_to)
            put(self._far.with_name(f"{self._far.name}-{self._parts:05}.jsonl"), lines)
            self._put_s, self._put_to, self._parts = time.monotonic(), self._end, self._parts + 1

    def close(self) -> None:
        """Raises StoreError."""
        self._put()
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    role: str
    reply: Reply


def _entry(line: bytes) -> _Entry | None:
    """The whole entry that a line ends with: within an answer a quote is escaped, so this can begin nothing else."""
    try:
        body = json.loads(line[max(0, line.rfind(b'{"key"')) :])
        usage = Usage(**body["usage"])
        reply = Reply(str(body["text"]), usage, bool(body["cut"]), str(body["thoughts"]), str(body.get("refused", "")))
        sound = isinstance(body["key"], str) and usage.tokens >= 0 and 0 <= usage.cost_usd < math.inf
        return _Entry(body["key"], str(body["role"]), reply) if sound else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def spent(file: Path) -> dict[str, Usage]:
    """What each role has spent by this journal, which another process may be writing; empty where there is none."""
    usages: dict[str, Usage] = {}
    files = documents(file.parent, PARTS) if is_remote(file) else [file] if file.exists() else []
    for entry in (entry for each in files for entry in _entries(each)):
        usages[entry.role] = usages.get(entry.role, Usage()) + entry.reply.usage
    return usages


def _entries(file: Path) -> Iterator[_Entry]:
    with file.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n") and (entry := _entry(line)) is not None:
                yield entry


def key_of(model: str, request: Mapping[str, object], purpose: str | None, named: bool = False) -> str:
    """Two calls with the same key are one call: model, messages, settings, seed and purpose are equal.

    named: messages and settings may differ.
    """
    body = {"model": model, "purpose": purpose, **({"seed": request.get("seed")} if named else request)}
    return hashlib.sha256(canonical(body)).hexdigest()[:32]
