"""Where the scenarios of an environment come from: a folder of bundles, an export, rows, or Parquet from the Hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from sekft import taxonomy
from sekft.dataset.export import SPLITS
from sekft.dataset.files import parquet_rows
from sekft.errors import BundleError, UsageError
from sekft.folder import json_lines, load_scenarios
from sekft.folder.entries import entries, entry_at
from sekft.folder.places import placed
from sekft.scenario import Scenario, parse_scenario

FORM = "scenarios"
"""The form of an export whose rows hold bundles, and its folder."""
COLUMN = "bundle"
"""The column that holds a bundle as JSON."""
Source = str | Path | Iterable[Scenario | Mapping[str, Any]]


def scenarios(
    source: Source, split: str | None = None, where: Sequence[str] = (), most: int | None = None
) -> list[Scenario]:
    """The scenarios of a run folder, a folder of bundles, an export, a Parquet or JSONL file of one, or of its rows.

    source: a path, or what was read already: scenarios, or rows with a column `bundle` as `datasets` gives them.
    split:  train or heldout; None takes both. where: terms as for --where, `axis=value` or `axis!=value`.
    most:   takes the first N by id.
    Raises UsageError for what is unknown or leaves nothing, BundleError for a bundle that is not what its id says.

        env.scenarios("demo", split="heldout", where=["ending=blocked"])
    """
    if split not in (None, *SPLITS):
        raise UsageError(f"split {split!r}: want {' or '.join(SPLITS)}, or None for both")
    wanted = taxonomy.parse_where(taxonomy.load(), where, "where")
    chosen = [
        scenario
        for scenario in _read(source)
        if split in (None, scenario.split) and all(scenario.cell.get(axis) in values for axis, values in wanted.items())
    ]
    if not chosen:
        terms = [*([f"split={split}"] if split else []), *where]
        what = f"no scenario with {' '.join(terms)}" if terms else "no scenarios"
        raise UsageError(f"{source if isinstance(source, str | Path) else 'the rows'}: {what}")
    return list(islice(sorted(chosen, key=lambda scenario: scenario.id), most))


def rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row of the Parquet and JSONL files there, with its place for errors. Raises BundleError."""
    files = (
        sorted(each for kind in ("parquet", "jsonl") for each in path.rglob(f"*.{kind}")) if path.is_dir() else [path]
    )
    for file in files:
        if file.suffix == ".jsonl":
            yield from ((f"{file}:{number}", row) for number, row in json_lines(file))
        else:
            yield from ((f"{file}: row {number}", row) for number, row in enumerate(parquet_rows(file), 1))


def bundle(row: Mapping[str, Any], place: str) -> Scenario:
    """The scenario of a row of the form `scenarios`. Raises BundleError."""
    text = row.get(COLUMN) if isinstance(row, Mapping) else None
    if not isinstance(text, str):
        raise BundleError(f"{place}: saw no text in {COLUMN!r}, want a row of the export form {FORM!r}")
    return parse_scenario(text, place)


def _read(source: Source) -> Iterator[Scenario]:
    if isinstance(source, str | Path):
        yield from _stored(placed(source))
        return
    for number, item in enumerate(source, 1):
        yield item if isinstance(item, Scenario) else bundle(item, f"row {number}")


def _stored(path: Path) -> Iterator[Scenario]:
    if path.suffix == ".json" and (entry := entry_at(path)):
        yield entry.scenario()
    elif path.is_file():
        yield from (bundle(row, place) for place, row in rows(path))
    elif not path.is_dir() or next(entries(_inner(path)), None):
        yield from load_scenarios(path)
    else:
        yield from (bundle(row, place) for place, row in rows(_inner(path)))


def _inner(path: Path) -> Path:
    """The part of a run folder, or of an export, that holds scenarios; the folder itself where it has no such part."""
    return path / FORM if (path / FORM).is_dir() else path
