"""What turns run folders into other run folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.options import Json, Out, result
from sekft.cli.running import reporter, resumable
from sekft.cli.tables import print_report
from sekft.errors import UsageError
from sekft.runs.compact import Form
from sekft.runs.compact import compact as compacted
from sekft.runs.merge import merge as merged


def merge(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Run folders, or folders that one stage filled.")
    ],
    out: Out,
    as_json: Json = False,
) -> None:
    """Merge folders that were made with the same settings; --n and --samples may differ.

    A document that several folders have alike counts once. If one differs, the folder that is named first counts, the
    others are listed, and the exit status is 1. Make pairs and exports again afterwards.
    """
    with resumable(out), reporter() as progress:
        report = merged(folders, out, progress)
    print_report(report, as_json)
    if report.differing:
        raise typer.Exit(1)


def compact(
    folder: Annotated[Path, typer.Argument(help="Run folder, or a folder that one stage filled.")],
    to: Annotated[str, result("--to", "Form of the documents.", "shards|files")] = "shards",
    as_json: Json = False,
) -> None:
    """Turn a folder's single files into shards, or back. Nothing is lost if it is stopped."""
    forms: dict[str, Form] = {"shards": "shards", "files": "files"}
    if to not in forms:
        raise UsageError(f"--to {to}: want shards or files")
    with resumable(folder), reporter() as progress:
        report = compacted(folder, forms[to], progress)
    print_report(report, as_json)
