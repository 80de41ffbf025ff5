"""Writes shards; see shards.py."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

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

    def add(self, name: str, content: str | bytes) -> None:
        """Raises OSError, and then the shard is as before; ValueError for what is no JSON."""
        body = member(name, line_of(content))
        with self._guard:
            if self._closed:
                raise ValueError(f"{self._place}: {name}: the command has ended")
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
        """Raises OSError where what is left cannot be put in its place."""
        with self._guard:
            self._closed = True
            if self._file is not None:
                self._end()

    @property
    def _body(self) -> Path:
        return self._place / f"{self._writer}-{self._number:05}{BODY}"

    def _begun(self) -> IO[bytes]:
        self._records, self._size, self._began = [], 0, time.monotonic()
        if is_remote(self._place):
            self._file = tempfile.NamedTemporaryFile(buffering=0)  # noqa: SIM115  # closed by _end
            return self._file
        self._place.mkdir(parents=True, exist_ok=True)
        path = self._body if self._live else self._place / f".{self._body.name}{UNFINISHED}"
        self._file = path.open("xb", buffering=0)
        return self._file

    def _end(self) -> None:
        """The index comes first: where a shard was not written in its place, it never lacks one."""
        file, self._file = self._file, None
        if file is None:
            return
        with file:
            index, text = index_of(self._body), index_text(self._records).encode()
            if is_remote(self._place):
                put(index, text)
                file.flush()
                put(self._body, Path(file.name))
            else:
                os.fsync(file.fileno())
                written_whole(index, text)
                if not self._live:
                    Path(file.name).replace(self._body)
        self._number += 1
