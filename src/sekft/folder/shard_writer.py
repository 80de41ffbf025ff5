"""Writes shards; see shards.py."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

from sekft.errors import StoreError
from sekft.folder.places import UNFINISHED, is_remote, put, written_whole
from sekft.folder.shards import BODY, SHARDS, Record, index_of, index_text, key_of, line_of, member, writer_name

MOST_RECORDS, MOST_BYTES = 20_000, 64 << 20
"""Of a shard: a reader far away copies it whole, and one without an index is gone through."""
MOST_S = 60.0
"""How long a document waits where a shard counts only once it is put."""


class ShardWriter:
    """Appends to shards of one folder; the next begins when one is full. Threads may share it.

    live: on a disk of this machine, add() returns once the document is on it, for readers to see. Otherwise a shard
    appears whole when it is full, MOST_S old at the next add(), or closed; what it holds does not count before.
    """

    def __init__(self, folder: Path, live: bool) -> None:
        self._place, self._live = folder / SHARDS, live and not is_remote(folder)
        self._writer, self._number, self._closed = writer_name(), 0, False
        self._guard = threading.Lock()
        self._file: IO[bytes] | None = None
        self._records: list[Record] = []
        self._size, self._began = 0, 0.0
        self._putting: ThreadPoolExecutor | None = None
        self._put: Future[None] | None = None

    def add(self, name: str, content: str | bytes, *, is_line: bool = False) -> None:
        """is_line: the content comes from a shard.

        Raises OSError, and then the shard is as before; JSONDecodeError for what is no JSON.
        """
        body = member(name, content if is_line and isinstance(content, bytes) else line_of(content))
        with self._guard:
            if self._closed:
                raise StoreError(f"{self._place}: {name}: comes after the end of its command")
            file = self._file or self._begun()
            try:
                file.write(body)
                if self._live:
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                file.seek(self._size)
                file.truncate()
                raise
            self._records.append(Record(key_of(name), self._size, len(body)))
            self._size += len(body)
            late = not self._live and time.monotonic() - self._began >= MOST_S
            if len(self._records) >= MOST_RECORDS or self._size >= MOST_BYTES or late:
                self._end()

    def close(self) -> None:
        """Raises OSError or StoreError where what is left cannot be put in its place."""
        with self._guard:
            self._closed = True
            try:
                self._end()
            finally:
                self._wait()
                if self._putting is not None:
                    self._putting.shutdown()

    @property
    def _body(self) -> Path:
        return self._place / f"{self._writer}-{self._number:05}{BODY}"

    def _begun(self) -> IO[bytes]:
        self._records, self._size, self._began = [], 0, time.monotonic()
        if is_remote(self._place):
            self._file = tempfile.NamedTemporaryFile(buffering=0)  # noqa: SIM115
        else:
            self._place.mkdir(parents=True, exist_ok=True)
            path = self._body if self._live else self._place / f".{self._body.name}{UNFINISHED}"
            self._file = path.open("xb", buffering=0)
        assert self._file is not None
        return self._file

    def _end(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        body, index = self._body, index_text(self._records).encode()
        self._number += 1
        if is_remote(self._place):
            self._wait()
            self._putting = self._putting or ThreadPoolExecutor(1)
            self._put = self._putting.submit(_put, file, body, index)
            return
        with file:
            os.fsync(file.fileno())
            written_whole(index_of(body), index)
            if not self._live:
                Path(file.name).replace(body)
                _sync(body.parent)

    def _wait(self) -> None:
        """For the shard that is on its way: the session that goes on meanwhile must not stand still for it."""
        waiting, self._put = self._put, None
        if waiting is not None:
            waiting.result()


def _put(file: IO[bytes], body: Path, index: bytes) -> None:
    """The index comes first, so that a shard far away never lacks one."""
    with file:
        put(index_of(body), index)
        put(body, Path(file.name))


def _sync(folder: Path) -> None:
    """What lies in it is there after a power cut, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
