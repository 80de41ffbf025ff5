"""The files of an export, each put in place whole: PROJECTION/SPLIT/00000.parquet, or .jsonl, and so on.

A split has a folder of its own, so that a tool that takes a whole folder never takes the held-out rows with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from sekft.dataset.projections import Format, Projection
from sekft.dataset.rows import Row
from sekft.folder import Folder, explained

GROUP_ROWS = 1000
"""Rows of a Parquet row group, and rows held in memory: a reader that wants a few need not read a shard."""
SESSIONS_TOGETHER = 2
"""Leading characters of a session's id that name its folder: the Hub wants no more than 10,000 files in one."""


class Encoder(Protocol):
    """Writes rows into a file that is open for bytes; end() writes what comes last."""

    def write(self, rows: Sequence[Row]) -> None: ...

    def end(self) -> None: ...


class JsonLines:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, rows: Sequence[Row]) -> None:
        self._file.writelines(line(row) for row in rows)

    def end(self) -> None:
        pass


class Parquet:
    """zstd, page index, row groups of GROUP_ROWS: what the Hub's viewer pages through without reading it all."""

    def __init__(self, file: IO[bytes], columns: Mapping[str, Any]) -> None:
        import pyarrow
        import pyarrow.parquet

        self._schema = pyarrow.schema([(name, arrow(kind)) for name, kind in columns.items()])
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema, compression="zstd", write_page_index=True)

    def write(self, rows: Sequence[Row]) -> None:
        import pyarrow

        table = pyarrow.Table.from_pylist(list(rows), schema=self._schema)
        self._writer.write_table(table, row_group_size=GROUP_ROWS)

    def end(self) -> None:
        self._writer.close()


def arrow(kind: Any) -> Any:
    """The Arrow type of a column's declaration: a name, a list of one item's type, a table of fields."""
    import pyarrow

    if isinstance(kind, list):
        return pyarrow.list_(arrow(kind[0]))
    if isinstance(kind, Mapping):
        return pyarrow.struct([(name, arrow(each)) for name, each in kind.items()])
    return pyarrow.type_for_alias(kind)


def line(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


class Sink(Protocol):
    """Takes the rows of one projection and split. files: those in place, below the export's folder."""

    rows: int
    files: int
    size_bytes: int

    def add(self, rows: Iterable[Row]) -> None:
        """Take the rows of one rollout or pair."""
        ...

    def end(self) -> None: ...


class Shards:
    """Files of at most `most` rows each; memory holds no more than a row group."""

    def __init__(self, folder: Folder, place: Path, projection: Projection, form: Format, most: int) -> None:
        self._folder, self._place, self._projection, self._form, self._most = folder, place, projection, form, most
        self._held: list[Row] = []
        self._open: tuple[IO[bytes], Encoder] | None = None
        self._in_shard = self.rows = self.files = self.size_bytes = 0

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._held.append(row)
            self._in_shard += 1
            if self._in_shard == self._most:
                self.end()
            elif len(self._held) == GROUP_ROWS:
                self._flush()

    def end(self) -> None:
        """Put the file that is open in place."""
        if not self._in_shard:
            return
        file, encoder = self._flush()
        with explained(self._path):
            encoder.end()
            self.size_bytes += file.tell()
        self._folder.place(file, self._path)
        self.files += 1
        self._open, self._in_shard = None, 0

    def _flush(self) -> tuple[IO[bytes], Encoder]:
        if self._open is None:
            file = self._folder.begin(self._path)
            encoder = JsonLines(file) if self._form == "jsonl" else Parquet(file, self._projection.columns)
            self._open = file, encoder
        with explained(self._path):
            self._open[1].write(self._held)
        self.rows += len(self._held)
        self._held.clear()
        return self._open

    @property
    def _path(self) -> Path:
        return self._place / f"{self.files:05}.{self._form}"


class Sessions:
    """A JSONL file a session, named by its id."""

    def __init__(self, folder: Folder, place: Path) -> None:
        self._folder, self._place = folder, place
        self.rows = self.files = self.size_bytes = 0

    def add(self, rows: Iterable[Row]) -> None:
        lines = list(rows)
        name = str(lines[0]["id"])
        text = b"".join(map(line, lines)).decode()
        self._folder.write(self._place / name[:SESSIONS_TOGETHER] / f"{name}.jsonl", text)
        self.files += 1
        self.rows += 1
        self.size_bytes += len(text.encode())

    def end(self) -> None:
        pass


def sink(folder: Folder, projection: Projection, split: str, form: Format, most: int) -> Sink:
    """An empty place for these rows: what an earlier export left there is removed."""
    place = folder.root / projection.name / split
    for path in [path for suffix in ("parquet", "jsonl") for path in place.rglob(f"*.{suffix}")]:
        folder.remove(path)
    return Sessions(folder, place) if form == "sessions" else Shards(folder, place, projection, form, most)
