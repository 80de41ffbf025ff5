"""The frames between harness and runner, and the stream that carries them; runner/runner.h is the other end."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from weakref import WeakKeyDictionary

from sekft.errors import InfraError, ResourcesExhausted
from sekft.protocols import Limits
from sekft.sandboxes.fixtures import Bind, Tree
from sekft.scenario.bounds import WRITABLE_ROOTS
from sekft.trajectory import PathState, State

FRAME_BYTES = 64 << 20
"""The longest that the runner reads: runner.h, FRAME_LIMIT."""
_HEAD = struct.Struct("<BI")
_EXIT = struct.Struct("<iBBIIQ32s")
_NODE = struct.Struct("<c?Iq")
_LENGTH = struct.Struct("<I")
_LIKE_AN_ESCAPE = re.compile(rb"\\(?=x[0-9a-f]{2})")
OMITTED_PATHS = "(paths beyond the limit of a state)"
SLICE_S = 0.0005
_LANES: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
Entries = dict[bytes, PathState]
"""By what the runner sends of a path beside its name."""
_TYPES = {"f": "file", "d": "directory", "l": "symlink", "o": "other"}


class Channel(Protocol):
    """The way to a runner that is PID 1 of a fresh sandbox."""

    async def ask(self, frame: bytes, expected: str, timeout_s: float) -> bytes:
        """Send a frame, return the payload of the answer of the expected type. Raises InfraError otherwise.

        A ResourcesExhausted is one that the session may have caused: no answer in time, a frame too long, or a runner
        that gave up.
        """
        ...

    async def close(self) -> None:
        """End the runner, and so everything in the sandbox. Idempotent."""
        ...


class StreamEnded(InfraError):
    """The runner, and with it the sandbox, is gone."""


class FrameReader(Protocol):
    async def readexactly(self, n: int, /) -> bytes: ...


class FrameStream:
    """One request and its answer at a time over a stream; a backend adds close() and has a Channel.

    name: the backend's, for messages.
    """

    def __init__(self, name: str, reader: FrameReader, writer: asyncio.StreamWriter) -> None:
        self._name, self._incoming, self._writer = name, reader, writer
        self._waiting = self._late = False
        self._head: tuple[int, int] | None = None

    async def ask(self, frame: bytes, expected: str, timeout_s: float) -> bytes:
        if self._waiting and not self._late:
            raise InfraError(f"{self._name}: an earlier request was cut off, so its answer is not known")
        if len(frame) - _HEAD.size > FRAME_BYTES:
            raise ResourcesExhausted(f"{self._name}: a frame of {len(frame)} bytes, want at most {FRAME_BYTES}")
        self._waiting = True
        try:
            async with asyncio.timeout(timeout_s):
                if self._late:
                    await self._answer()  # to what was asked before; nobody waits for it any more
                self._late = False
                self._writer.write(frame)
                await self._writer.drain()
                kind, payload = await self._answer()
        except TimeoutError as error:
            self._late = True
            raise ResourcesExhausted(f"{self._name}: no answer from the runner within {timeout_s:g} s") from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise StreamEnded(f"{self._name}: the sandbox ended unexpectedly") from error
        self._waiting = False
        if kind == "F":
            raise ResourcesExhausted(f"{self._name}: runner: {payload.decode(errors='replace')}")
        if kind == "K":
            raise ResourcesExhausted(f"{self._name}: processes of the session kept the harness waiting", killed=True)
        if kind != expected:
            raise InfraError(f"{self._name}: runner: a frame {kind!r}, want {expected!r}")
        return payload

    async def _answer(self) -> tuple[str, bytes]:
        """The next frame; what was cut off while it waited goes on where it was."""
        if self._head is None:
            self._head = _HEAD.unpack(await self._incoming.readexactly(_HEAD.size))
        kind, length = self._head
        payload = await self._incoming.readexactly(length)
        self._head = None
        return chr(kind), payload


def frame(kind: str, payload: bytes = b"") -> bytes:
    return _HEAD.pack(ord(kind), len(payload)) + payload


def string(value: bytes | str) -> bytes:
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return struct.pack("<I", len(data)) + data


def setup(limits: Limits, hostname: str, tree: bytes, hidden: Sequence[str]) -> bytes:
    """SETUP: limits, the host's name, the writable roots, a packed tree, then what only the provider reaches."""
    parts = [
        struct.pack(
            "<QQIII",
            limits.memory_bytes,
            limits.file_bytes,
            limits.processes,
            limits.open_files,
            max(30, int(3 * limits.command_s)),
        ),
        string(hostname),
        struct.pack("<QI", limits.writable_bytes, limits.writable_inodes),
        struct.pack("<I", len(WRITABLE_ROOTS)),
        *(string(root) for root in WRITABLE_ROOTS),
        tree,
        struct.pack("<I", len(hidden)),
        *(string(path) for path in sorted(hidden)),
    ]
    return frame("S", b"".join(parts))


def packed(tree: Tree) -> bytes:
    """Every path to make, every path to bind."""
    nodes = (
        _NODE.pack(node.kind[0].encode(), node.owner == "root", node.mode, node.mtime)
        + string(node.path)
        + string(node.body)
        for node in tree.nodes
    )
    return repacked(len(tree.nodes), b"".join(nodes), tree.binds)


def repacked(count: int, nodes: bytes, binds: Sequence[Bind]) -> bytes:
    """The same, of nodes as the runner sends them."""
    flags = [bind.read_only | (bind.path in WRITABLE_ROOTS) << 1 | bind.owner_holds << 2 for bind in binds]
    parts = [struct.pack("<B", flag) + string(bind.path) for flag, bind in zip(flags, binds, strict=True)]
    return b"".join([struct.pack("<I", count), nodes, struct.pack("<I", len(binds)), *parts])


def command(limits: Limits, timeout_s: float, prologue: bytes, text: bytes) -> bytes:
    head = struct.pack("<IIQ", int(timeout_s * 1000), limits.output_bytes, limits.flood_bytes)
    return frame("X", head + string(prologue) + string(text))


def parse(text: bytes) -> bytes:
    return frame("P", string(text))


def check(limits: Limits, name: str, script: bytes) -> bytes:
    """name: of the file that the script is where nothing else names it; nobody may guess it."""
    head = struct.pack("<II", int(limits.check_s * 1000), limits.output_bytes)
    return frame("C", head + string(name) + string(script))


@dataclass(frozen=True, slots=True)
class CommandReport:
    """How one process of the runner ended.

    wait_status: as waitpid gives it.
    killed:      "" | "t" (time-out) | "f" (flood).
    stripped:    a last newline, as an interactive shell prints at the end of its input, was taken off.
    left:        bytes of the typed text that the shell never read; 0 means that it read to the end.
    calls:       how many hidden programs were begun for the agent meanwhile.
    total:       bytes that were output; head and tail hold the first and the last of them.
    dump:        what the shell's end trap left; None when it left nothing readable.
    """

    wait_status: int
    killed: str
    stripped: bool
    left: int
    calls: int
    total: int
    sha256: str
    head: bytes
    tail: bytes
    dump: bytes | None

    @property
    def status(self) -> int:
        """The wait status as `$?` shows it."""
        if os.WIFSIGNALED(self.wait_status):
            return 128 + os.WTERMSIG(self.wait_status)
        return os.WEXITSTATUS(self.wait_status)

    @property
    def unseen(self) -> int:
        """How many bytes between head and tail are not here."""
        return self.total - len(self.head) - len(self.tail)

    def changed(self, change: Callable[[bytes], bytes]) -> CommandReport:
        """The report with its output changed, where all of it is here."""
        if self.unseen:
            return self
        before = self.head + self.tail
        output = change(before)
        if output == before:
            return self
        return replace(self, head=output, tail=b"", total=len(output), sha256=hashlib.sha256(output).hexdigest())


def whole(output: bytes) -> CommandReport:
    """The report of a process that printed this and ended well."""
    return CommandReport(0, "", False, 0, 0, len(output), hashlib.sha256(output).hexdigest(), output, b"", None)


def read_report(payload: bytes) -> CommandReport:
    """Raises InfraError when the frame is not one."""
    try:
        status, why, stripped, left, calls, total, digest = _EXIT.unpack_from(payload)
        head, at = _string(payload, _EXIT.size)
        tail, at = _string(payload, at)
        dump, _ = _string(payload, at + 1)
        killed = chr(why) if why else ""
        return CommandReport(
            status, killed, bool(stripped), left, calls, total, digest.hex(), head, tail, dump if payload[at] else None
        )
    except (struct.error, IndexError) as error:
        raise InfraError(f"runner: bad EXIT frame: {error}") from error


async def read_state(payload: bytes, known: Entries | None = None) -> State:
    """Bytes that are not UTF-8 are shown as \\x escapes, and a backslash that could be taken for one as \\x5c.

    Where the runner left paths out, one that begins with OMITTED_PATHS says how many. Raises InfraError when the frame
    is not one.

    known: entries of an earlier state, which are taken where they are equal; it then holds those of this one.
    """
    state: State = {}
    entries: Entries = {}
    try:
        await spread(_told(payload, state, entries, {} if known is None else known))
    except (struct.error, IndexError, KeyError) as error:
        raise InfraError(f"runner: bad STATE frame: {error}") from error
    if known is not None:
        known.clear()
        known.update(entries)
    return state


def _told(payload: bytes, state: State, entries: Entries, known: Entries) -> Iterator[None]:
    """Fill the state, a path a step. Equal entries are one object: the garbage collector looks at each."""
    (left_out,) = struct.unpack_from("<I", payload)
    at = 4
    while at < len(payload):
        head = payload[at : at + 5]
        path, rest = _string(payload, at + 5)
        target, at = _string(payload, rest)
        digest, at = _digest(payload, at)
        key = head + payload[rest:at]
        if (entry := entries.get(key)) is None:
            if (entry := known.get(key)) is None:
                kind, mode = _TYPES[chr(head[0])], int.from_bytes(head[1:], "little")
                shown_target = _shown(target) if kind == "symlink" else None
                entry = PathState(kind, mode, shown_target, digest)  # type: ignore[arg-type]
            entries[key] = entry
        state[_shown(path)] = entry
        yield
    if left_out:
        state[f"{OMITTED_PATHS}: {left_out}"] = PathState("other", 0)


async def read_tree(payload: bytes) -> dict[str, str]:
    """path → kind as in a packed node, "o" for a FIFO or socket. A file beyond the frame is an InfraError."""
    kinds: dict[str, str] = {}
    try:
        await spread(_nodes(payload, kinds))
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise InfraError(f"runner: bad TREE frame: {error}") from error
    return kinds


def _nodes(payload: bytes, kinds: dict[str, str]) -> Iterator[None]:
    at = 0
    while at < len(payload):
        kind = payload[at : at + 1].decode()
        path, at = _string(payload, at + _NODE.size)
        at += 4 + int.from_bytes(payload[at : at + 4], "little")
        if kind == "x":
            raise InfraError(f"snapshot: {_shown(path)!r} is too large to be carried over")
        kinds[os.fsdecode(path)] = kind
        yield


async def spread(steps: Iterator[None]) -> None:
    """Do them all; all else in the event loop has its turn in between.

    Of all that is spread in one loop, one is at work at a time: long works delay each other, and nobody else.
    """
    async with _LANES.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        until = time.perf_counter() + SLICE_S
        for _ in steps:
            if time.perf_counter() > until:
                await asyncio.sleep(0)
                until = time.perf_counter() + SLICE_S


def _string(payload: bytes, at: int) -> tuple[bytes, int]:
    end = at + 4 + _LENGTH.unpack_from(payload, at)[0]
    if end > len(payload):
        raise IndexError("string beyond the frame")
    return payload[at + 4 : end], end


def _digest(payload: bytes, at: int) -> tuple[str | None, int]:
    kind = payload[at]
    if kind == 0:
        return None, at + 1
    if kind == 1:
        return payload[at + 1 : at + 33].hex(), at + 33
    (size,) = struct.unpack_from("<Q", payload, at + 1)
    return f"{'unreadable' if kind == 2 else 'oversized'}:{size}", at + 9


def _shown(path: bytes) -> str:
    if b"\\" not in path:  # nearly every path, and a state has many
        return path.decode("utf-8", "backslashreplace")
    return _LIKE_AN_ESCAPE.sub(rb"\\x5c", path).decode("utf-8", "backslashreplace")
