"""The files of an export, each put in place whole: PROJECTION/SPLIT/00000.parquet, or .jsonl, and so on.

A split has a folder of its own, so that a tool that takes a whole folder never takes the held-out rows with it.

pyarrow.dataset.write_dataset does not fit: it pulls the rows of one form, where one pass over the rollouts fills
several forms at once, and it writes under the final names, so that an interrupted export would leave half a file.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from sekft.dataset.rows import ExportForm, Format, Row
from sekft.errors import BundleError
from sekft.folder import HIDDEN, Folder, explained

GROUP_ROWS = 1000
"""Rows of a Parquet row group, and rows held in memory: a reader that wants a few need not read a shard."""
READ_TOGETHER = 256
"""Rows that a reader holds in memory."""
SESSIONS_TOGETHER = 2
"""Leading characters of a session's id that name its folder: the Hub wants no more than 10,000 files in one."""


class Shards:
    """Takes the rows of one projection and split into files of at most `most` rows; memory holds one row group.

    schema: of Parquet; None for JSONL, whose rows come as lines. files: how many are in place.
    """

    def __init__(self, folder: Folder, place: Path, schema: Any, most: int) -> None:
        self._folder, self._place, self._schema, self._most = folder, place, schema, most
        self._held: list[Row | bytes] = []
        self._file: IO[bytes] | None = None
        self._parquet: Any = None
        self._in_file = self.rows = self.files = self.size_bytes = 0

    def add(self, rows: Iterable[Row | bytes]) -> None:
        """Take the rows of one rollout or pair."""
        for row in rows:
            self._held.append(row)
            self._in_file += 1
            if self._in_file == self._most:
                self.end()
            elif len(self._held) == GROUP_ROWS:
                self._flush()

    def end(self) -> None:
        """Put the file that is open in place."""
        if not self._in_file:
            return
        file = self._flush()
        with explained(self._path):
            if self._parquet:
                self._parquet.close()
            self.size_bytes += file.tell()
        self._folder.place(file, self._path)
        self.files += 1
        self._file, self._parquet, self._in_file = None, None, 0

    def _flush(self) -> IO[bytes]:
        file = self._file or self._begun()
        with explained(self._path):
            if self._parquet:
                import pyarrow

                table = pyarrow.Table.from_pylist(self._held, schema=self._schema)
                self._parquet.write_table(table, row_group_size=GROUP_ROWS)
            else:
                file.writelines(cast(list[bytes], self._held))
        self.rows += len(self._held)
        self._held.clear()
        return file

    def _begun(self) -> IO[bytes]:
        """Parquet with zstd and a page index: what the Hub's viewer pages through without reading it all."""
        self._file = self._folder.begin(self._path)
        if self._schema is not None:
            from pyarrow.parquet import ParquetWriter

            self._parquet = ParquetWriter(self._file, self._schema, compression="zstd", write_page_index=True)
        return self._file

    @property
    def _path(self) -> Path:
        return self._place / f"{self.files:05}.{'jsonl' if self._schema is None else 'parquet'}"


class Sessions:
    """A JSONL file a session, named by its id."""

    def __init__(self, folder: Folder, place: Path) -> None:
        self._folder, self._place = folder, place
        self.rows = self.files = self.size_bytes = 0

    def add(self, rows: Iterable[Row]) -> None:
        lines = list(rows)
        name = str(lines[0]["id"])
        content = b"".join(map(line, lines))
        self._folder.write(self._place / name[:SESSIONS_TOGETHER] / f"{name}.jsonl", content.decode())
        self.files += 1
        self.rows += 1
        self.size_bytes += len(content)

    def end(self) -> None:
        """Every session's file is in place already."""


class Tasks:
    """A folder of files a task; what several tasks share is written once."""

    def __init__(self, folder: Folder, place: Path) -> None:
        self._folder, self._place = folder, place
        self._written: set[Path] = set()
        self.rows = self.files = self.size_bytes = 0

    def add(self, rows: Iterable[Row]) -> None:
        """A row has the bytes of each file by its path; one that begins with ../ is for the tasks of both splits."""
        for row in rows:
            self.rows += 1
            for name, content in row.items():
                path = self._place.parent / name[3:] if name.startswith("../") else self._place / name
                if path not in self._written and isinstance(content, bytes):
                    self._folder.write(path, content)
                    self._written.add(path)
                    self.files += 1
                    self.size_bytes += len(content)

    def end(self) -> None:
        """Every file is in place already."""


Sink = Shards | Sessions | Tasks


def staged(out: Path) -> Path:
    """An empty place in an export's folder for rows that are not all written yet."""
    stage = out / HIDDEN / "rows"
    with explained(stage):
        if stage.is_dir():  # of an export that was stopped
            shutil.rmtree(stage)
    return stage


def put_in_place(stage: Path, place: Path) -> None:
    """What was staged takes the place of what an earlier export left."""
    with explained(place):
        if place.is_dir():
            shutil.rmtree(place)
        if stage.is_dir():
            stage.rename(place)


def sink(folder: Folder, stage: Path, projection: ExportForm, split: str, form: Format, most: int) -> Sink:
    """An empty place for these rows. most: rows of one file."""
    place = stage / projection.name / split
    if form == "sessions":
        return Sessions(folder, place)
    if form == "tasks":
        return Tasks(folder, place)
    return Shards(folder, place, arrow_schema(projection.columns) if form == "parquet" else None, most)


def arrow_schema(columns: Mapping[str, Any]) -> Any:
    import pyarrow

    return pyarrow.schema([(name, arrow_type(kind)) for name, kind in columns.items()])


def arrow_type(kind: Any) -> Any:
    """The Arrow type of a column's declaration: a name, a list of one item's type, a table of fields."""
    import pyarrow

    if isinstance(kind, list):
        return pyarrow.list_(arrow_type(kind[0]))
    if isinstance(kind, Mapping):
        return pyarrow.struct([(name, arrow_type(field)) for name, field in kind.items()])
    return pyarrow.type_for_alias(kind)


def line(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, a few in memory at a time. Raises BundleError."""
    from pyarrow import ArrowException, parquet

    try:
        for batch in parquet.ParquetFile(path).iter_batches(READ_TOGETHER):
            yield from batch.to_pylist()
    except (OSError, ArrowException) as error:
        raise BundleError(f"{path}: cannot be read as Parquet: {error}") from error
