"""The folders of the later stages as a person reads them: a data set, pairs, an evaluation, a student, rounds."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from sekft.dataset import export
from sekft.dataset.export import FACTORY, MANIFEST
from sekft.dataset.make_pairs import REPORT, PairReport
from sekft.dataset.pair import PAIRS
from sekft.errors import BundleError
from sekft.report import Report, Table
from sekft.runs import evaluate
from sekft.runs.star import STAR, Star
from sekft.training.train import DONE, Trained

STAGES: Mapping[str, Callable[[Path], Report]] = {
    MANIFEST: lambda path: export.read(path.parent),
    REPORT: lambda path: _read(PairReport, path),
    DONE: lambda path: _read(Trained, path),
    STAR: lambda path: _read(Star, path),
}
"""What reads the file in which a stage sums itself up."""


def delivered(path: Path) -> Report | None:
    """What a stage says of its folder, or of a file in which it sums itself up; None where that is no such thing."""
    folder = path if path.is_dir() else path.parent
    if not path.is_dir() and path.name == REPORT and folder.name == evaluate.FOLDER:
        return evaluate.stored(folder.parent)
    for name, read in STAGES.items():
        file = folder / name
        named = path.is_dir() or path.name == name or (name == MANIFEST and path.name == FACTORY)
        if named and file.is_file() and (name != REPORT or (folder / PAIRS).is_file()):
            return read(file)
    return None


def _read(kind: type[Report], path: Path) -> Report:
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BundleError(f"{path}: not a report of this version: {error}") from error


def onward(path: Path) -> list[Table]:
    """What may be typed next about such a folder."""
    folder = path if path.is_dir() else path.parent
    commands: list[str] = []
    if (folder / MANIFEST).is_file():
        rows = sorted(
            (*folder.glob("*/*/*.parquet"), *folder.glob("*/*/*.jsonl")), key=lambda file: "sft" not in file.parts
        )
        commands += [f"{_typed('show', str(rows[0]))}  # its first row"] if rows else []
        commands.append(f"{_typed('train', '--data', str(folder), '--out', 'STUDENT')}  # learn from it")
    elif (folder / PAIRS).is_file():
        commands.append(f"{_typed('show', str(folder / PAIRS))}  # the first pair, with both sides")
    elif (folder / DONE).is_file():
        words = ("eval", "--scenarios", "SCENARIOS", "--model", str(folder), "--out", "EVALUATED")
        commands.append(f"{_typed(*words)}  # what it can do")
    return [Table((), (), "Next", commands=commands)] if commands else []


def _typed(*words: str) -> str:
    return f"sekft {shlex.join(words)}"
