"""Exporters: the forms in which trainers and tools read a data set, as one table (projections.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

from sekft.dataset import rows
from sekft.dataset.rows import Row
from sekft.errors import UsageError

Format = Literal["parquet", "jsonl", "sessions"]
FORMATS: tuple[Format, ...] = ("parquet", "jsonl")


@dataclass(frozen=True, slots=True)
class Projection:
    """One form; the fields are told in projections.toml. columns: names and types of a row's fields."""

    name: str
    says: str
    of: Literal["kept", "labelled", "pairs"]
    row: str
    format: Format
    columns: Mapping[str, Any]
    length: Sequence[Sequence[str]]
    use: str
    factory: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, one: Any) -> Iterator[Row]:
        """The rows of one rollout or pair."""
        made: Callable[[Any], Iterator[Row]] = getattr(rows, self.row)
        return made(one)


def projections() -> dict[str, Projection]:
    table = tomllib.loads(files("sekft.dataset").joinpath("projections.toml").read_text("utf-8"))
    return {name: Projection(name=name, **told) for name, told in table.items()}


def named(names: Sequence[str]) -> list[Projection]:
    """Those of that name, each once, in the order of the table. Raises UsageError for one that there is not."""
    known = projections()
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"--to {unknown[0]}: no such form; want one of {', '.join(known)}")
    return [projection for name, projection in known.items() if name in names]
