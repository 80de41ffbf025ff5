"""Task sets of others as scenarios: each task is served by a provider of ours, and gated like any other."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import sekft
from sekft import sandboxes, taxonomy
from sekft.authors.imported import PLACE, TASK, ImportedAuthor, placed
from sekft.errors import UsageError
from sekft.folder import Folder, Layout
from sekft.folder.config import Setting, option
from sekft.protocols import Reporter
from sekft.runs.engines.local import at_once
from sekft.runs.generate import AuthorExhausted, Filler, Member, Progress, keeper
from sekft.runs.resources import SandboxedConfig
from sekft.scenario import BUNDLE_LIMIT_BYTES, File

WHERE = ("ending=work", "userland=gnu", "difficulty=short", "difficulty=plain", "difficulty=busy", "decoy=none")
"""What an imported task may meet: it is solvable, alone, and wants find, sed and sort as most people have them."""
ATTEMPTS = 2
MTIME = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Task:
    query: str
    gold: str


class ImportConfig(SandboxedConfig):
    """Turn shell tasks of another data set into gated held-out scenarios, each with a provider of ours."""

    heading: ClassVar[str] = "Tasks"

    files: Path | None = option(
        None,
        "Folder with the files that the tasks name: FOLDER/testbed becomes /testbed.",
        metavar="FOLDER",
        recorded=False,
    )


async def import_tasks(config: ImportConfig, source: Path, layout: Layout, reporter: Reporter) -> None:
    """Fill a folder with every task that the gate admits; the others lie in rejected/, with reasons.

    source: a JSON list of tasks. Raises UsageError for files that cannot be read as tasks, and what a sandbox raises.
    """
    tasks, files = read(source), tuple(tree(config.files)) if config.files else ()
    sandbox, axes = sandboxes.pick(config.sandbox), taxonomy.load()
    where = taxonomy.parse_where(axes, WHERE)
    with Folder(layout.root).writing() as folder, folder.timed("import"):
        before = Progress.of(layout, ImportedAuthor("", "", (), sandbox))
        settings: dict[str, Setting] = {**config.recorded(), "tasks": source.name, "version": sekft.__version__}
        folder.settle("import", settings, empty=before.empty)
        held, keep = {"task": frozenset((TASK,))}, keeper(folder, layout)

        async def fill(slot: int) -> None:
            task = tasks[slot]
            author = ImportedAuthor(placed(task.query), placed(task.gold), files, sandbox)
            filler = Filler(author, sandbox, config.seed, held, keep, ATTEMPTS)
            cell = {**axes.cell(config.seed, slot, where), "task": TASK}
            try:
                await filler.fill(slot, [Member(cell)], before.rejected[slot])
                reporter.step(f"taken: {task.query[:60]}")
            except AuthorExhausted:
                reporter.step(f"not taken: {task.query[:60]}")

        waiting = [slot for slot in range(len(tasks)) if not before.admitted[slot]]
        reporter.begin("tasks", len(tasks), len(tasks) - len(waiting))
        async for _ in at_once(fill, waiting, config.at_once):
            pass


def read(path: Path) -> list[Task]:
    """Tasks of InterCode's form: a JSON list of objects with `query` and `gold`. Raises UsageError."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        found = [Task(str(row["query"]).strip(), str(row["gold"]).strip()) for row in body]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{path}: want a JSON list of objects with `query` and `gold`: {error!r}") from error
    if not found:
        raise UsageError(f"{path}: holds no task")
    return found


def tree(folder: Path) -> Iterator[File]:
    """Every file below a folder as a fixture of its own. Raises UsageError where it is larger than a bundle may be."""
    if not folder.is_dir():
        raise UsageError(f"--files {folder}: no such folder")
    size = 0
    for path in sorted(folder.rglob("*")):
        where = f"{PLACE}/{path.relative_to(folder)}"
        told = path.lstat()
        mode, mtime = f"{told.st_mode & 0o777:04o}", min(int(told.st_mtime), MTIME)
        if path.is_symlink():
            yield File(path=where, kind="symlink", target=placed(str(path.readlink())), mtime=mtime)
        elif path.is_dir():
            yield File(path=where, kind="directory", mode=mode, mtime=mtime)
        elif path.is_file():
            data = path.read_bytes()
            if (size := size + len(data)) > BUNDLE_LIMIT_BYTES // 2:
                raise UsageError(f"--files {folder}: more than {BUNDLE_LIMIT_BYTES // 2} bytes; a bundle holds it all")
            text = _text(data)
            code = base64.b64encode(data).decode() if text is None else None
            yield File(path=where, mode=mode, mtime=mtime, content=text, content_b64=code)


def _text(data: bytes) -> str | None:
    try:
        return placed(data.decode())
    except UnicodeDecodeError:
        return None
