"""Many documents in few files. A shard is written by one writer, whose name no other has, and never changed after.

FOLDER/shards/<writer>-<n>.jsonl.gz   a document a line, each a gzip member that names it: `zcat` prints them all, and
                                      one of them is read alone
FOLDER/shards/<writer>-<n>.tsv        name, offset and length of each member, sorted by name

Two writers never touch one file, so that no lock is needed. A shard without an index is being written, or its writer
was killed: readers go through it for what an index would tell, and a member that is cut short at its end counts for
nothing.
Where a name is held twice, a file of its own counts, else the first shard by name. Every reader goes by that.
"""

from __future__ import annotations

import json
import secrets
import time
import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple

from sekft.errors import BundleError
from sekft.folder.places import documents, local_copy, read_at

SHARDS, BODY, INDEX = "shards", ".jsonl.gz", ".tsv"
LEVEL = 3
"""Of gzip: a rollout of 8.2 kB takes 2.1; level 6 takes 40 % longer for 3 % less."""
NAME_BYTES = 1024
SEPARATOR = "\0"
"""What a key has where its name has a slash."""
_HEAD = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff"
_BLOCK_BYTES = 1 << 14
_READ_BYTES = 1 << 16


class Record(NamedTuple):
    """Where a document lies in a shard. key: its name in the order of folders; see key_of."""

    key: str
    offset: int
    length: int


def key_of(name: str) -> str:
    """Sorts as folders do: all of `a/` before `a-b/`."""
    return name.replace("/", SEPARATOR)


def name_of(key: str) -> str:
    return key.replace(SEPARATOR, "/")


def writer_name() -> str:
    """Sorts by the time at which the writer began."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"


def index_of(body: Path) -> Path:
    return body.with_name(body.name.removesuffix(BODY) + INDEX)


def line_of(content: str | bytes) -> bytes:
    """A document as one line. Raises JSONDecodeError for what is no JSON."""
    return json.dumps(json.loads(content), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def laid_out(line: bytes) -> str:
    """A line as a file of its own has it."""
    return json.dumps(json.loads(line), ensure_ascii=False, indent=1) + "\n"


def member(name: str, line: bytes) -> bytes:
    """A gzip member that holds the line and, in its header, the name."""
    deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflater.compress(line) + deflater.flush()
    end = zlib.crc32(line).to_bytes(4, "little") + (len(line) & 0xFFFFFFFF).to_bytes(4, "little")
    return _HEAD + name.encode() + b"\0" + body + end


def index_text(records: Iterable[Record]) -> str:
    return "".join(f"{name_of(key)}\t{offset}\t{length}\n" for key, offset, length in sorted(records))


def scanned(file: IO[bytes]) -> Iterator[Record]:
    """The members of a shard that are whole, in the order in which they lie."""
    offset, held = 0, b""
    while True:
        held += file.read(max(0, NAME_BYTES - len(held)))
        name, ended, _ = held[len(_HEAD) :].partition(b"\0")
        length = _member_length(file, held) if held.startswith(_HEAD) and ended else None
        if length is None:
            return
        size, held = length
        yield Record(key_of(name.decode()), offset, size)
        offset += size


def _member_length(file: IO[bytes], held: bytes) -> tuple[int, bytes] | None:
    """Of the member that `held` begins and the file goes on with, and what was read beyond it; None if cut short."""
    inflater, length = zlib.decompressobj(zlib.MAX_WBITS | 16), 0
    try:
        while held and not inflater.eof:
            inflater.decompress(held)
            length += len(held)
            held = b"" if inflater.eof else file.read(_READ_BYTES)
    except zlib.error:  # a crash leaves NUL bytes at the end
        return None
    return (length - len(inflater.unused_data), inflater.unused_data) if inflater.eof else None


class Shard:
    """A shard for readers. sealed: whether it has an index, and will not change."""

    def __init__(self, body: Path, sealed: bool) -> None:
        self.body, self.sealed = body, sealed

    def __reduce__(self) -> tuple[type[Shard], tuple[Path, bool]]:
        """To a worker it goes without what it remembers, which may be a whole index."""
        return Shard, (self.body, self.sealed)

    @cached_property
    def _records(self) -> list[Record]:
        """Of one without an index."""
        with local_copy(self.body).open("rb") as file:
            return sorted(scanned(file))

    @cached_property
    def _size(self) -> int:
        return local_copy(index_of(self.body)).stat().st_size

    @cached_property
    def _last(self) -> str:
        return self._line_at(self._size - 1)[1].key

    def since(self, key: str = "") -> Iterator[Record]:
        """By name, from that key on. An index is read a block at a time, and halved to find where to begin."""
        if not self.sealed:
            yield from (record for record in self._records if record.key >= key)
            return
        if not self._size or key > self._last:
            return
        offset, rest = self._beginning(key), b""
        while block := read_at(index_of(self.body), offset, _BLOCK_BYTES):
            offset += len(block)
            *lines, rest = (rest + block).split(b"\n")
            yield from map(self._record, lines)

    def _beginning(self, key: str) -> int:
        """Where in the index the first line from that key on begins."""
        low, high = 0, self._size
        while key and low < high:
            (begins, ends), record = self._line_at((low + high) // 2)
            low, high = (ends, high) if record.key < key else (low, begins)
        return low

    def _line_at(self, offset: int) -> tuple[tuple[int, int], Record]:
        """Where the line of the index that has this byte begins and ends, and what it says."""
        first = max(0, offset - NAME_BYTES)
        held = read_at(index_of(self.body), first, 2 * NAME_BYTES)
        begins = held.rfind(b"\n", 0, offset - first) + 1
        line = held[begins:].partition(b"\n")[0]
        return (first + begins, first + begins + len(line) + 1), self._record(line)

    def _record(self, line: bytes) -> Record:
        try:
            name, offset, length = line.decode().split("\t")
            return Record(key_of(name), int(offset), int(length))
        except ValueError:
            wanted = "want name, offset and length; without this file, it is made again from the shard"
            raise BundleError(f"{index_of(self.body)}: saw {line[:80]!r}; {wanted}") from None

    def read(self, record: Record) -> bytes:
        """The line of a document. Raises BundleError."""
        try:
            return zlib.decompress(read_at(self.body, record.offset, record.length), zlib.MAX_WBITS | 16)
        except (OSError, zlib.error) as error:
            where = f"{record.length} bytes at {record.offset}"
            raise BundleError(f"{self.body}: {name_of(record.key)}: {where} cannot be read: {error}") from error


def shards(folder: Path) -> list[Shard]:
    """Those of a folder of documents, in the order in which they count."""
    listed = documents(folder / SHARDS, "*.*")
    names = {path.name for path in listed}
    return [Shard(path, index_of(path).name in names) for path in listed if path.name.endswith(BODY)]
