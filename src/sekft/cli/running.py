"""What the commands share: how far one has come, a stage run to its end, and what is printed of it.

Progress is a bar on a terminal, plain lines elsewhere, always on stderr.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import typer

from sekft.cli.stopping import INTERRUPTED, cancelling
from sekft.cli.tables import print_tables, visible
from sekft.errors import SekftError
from sekft.folder import Layout
from sekft.models import keys
from sekft.protocols import Reporter
from sekft.report import Table, facts

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from sekft.dataset.export import Exported

T = TypeVar("T")
LINE_EVERY_S, LINE_AT_LEAST_EVERY_S = 5.0, 30.0


@contextmanager
def resumable(out: Path) -> Iterator[None]:
    """Where Ctrl-C or SIGTERM stops what is done in here, say how to resume."""
    try:
        yield
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo(f"sekft: interrupted; finished work is kept in {out}: run the same command to resume", err=True)
        raise typer.Exit(INTERRUPTED) from None


def work(stage: Coroutine[Any, Any, T], out: Path) -> T:
    """Run a stage to its end, or stop cleanly at Ctrl-C and SIGTERM alike."""

    async def interruptible() -> T:
        with cancelling(asyncio.current_task()):
            return await stage

    with resumable(out):
        return asyncio.run(interruptible())


def summary(layout: Layout, as_json: bool, scenarios: Path | None = None, exported: Exported | None = None) -> None:
    """What a folder holds. exported: the data set that ends it."""
    from sekft.runs.rollout import StoredScenarios
    from sekft.runs.run import EXPORT
    from sekft.runs.summary import summarise

    report = summarise(layout, StoredScenarios(scenarios) if scenarios else None)
    body, tables = report.model_dump(mode="json"), report.tables
    if exported:
        body["export"] = exported.model_dump(mode="json")
        place = facts([("data set", str(layout.root / EXPORT))], notes=["README.md is its data card"])
        tables += [place, *exported.tables]
        tables.append(Table((), (), "Read it in a browser", commands=[shlex.join(["sekft", "view", str(layout.root)])]))
    print_tables(tables, json.dumps(body, indent=1, ensure_ascii=False) + "\n", as_json)


def report_broken(broken: int, layout: Layout) -> None:
    if broken:
        raise SekftError(
            f"{broken} rollouts met an infra error (see {layout.errors}); the others are kept: "
            "run the same command to repeat these"
        )


def command() -> str:
    """What was typed."""
    return shown(shlex.join(["sekft", *sys.argv[1:]]))


def shown(text: str) -> str:
    """A message without our keys and without control characters, whoever wrote it."""
    return visible(keys.scrubbed(text, keys.of(os.environ)))


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


class Lines(Reporter):
    """A line every few seconds, one at each end, and now and then one while nothing ends."""

    def __init__(self) -> None:
        self._label, self._total, self._done, self._last = "", 0, 0, 0.0

    def begin(self, label: str, total: int, done: int) -> None:
        self._label, self._total, self._done = label, total, done
        self._line(f" ({done} done before)" if done else "")

    def step(self, detail: str = "") -> None:
        self._done += 1
        if self._done >= self._total or time.monotonic() - self._last >= LINE_EVERY_S:
            self._line(f"  {detail}" if detail else "")

    def status(self, detail: str) -> None:
        if time.monotonic() - self._last >= LINE_AT_LEAST_EVERY_S:
            self._line(f"  {detail}")

    def note(self, text: str) -> None:
        print(f"sekft: {shown(text)}", file=sys.stderr, flush=True)

    def _line(self, tail: str) -> None:
        self._last = time.monotonic()
        self.note(f"{self._label} {self._done}/{self._total}{tail}")


class Bar(Reporter):
    """A rich progress bar; notes are printed above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress: Progress = Progress(
            TextColumn("{task.description:12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}"),
            console=Console(stderr=True),
        )
        self._task: TaskID | None = None

    def begin(self, label: str, total: int, done: int) -> None:
        self._task = self._progress.add_task(label, total=total, completed=done, detail="")

    def step(self, detail: str = "") -> None:
        if self._task is not None:
            self._progress.update(self._task, advance=1, detail=detail)

    def status(self, detail: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, detail=detail)

    def note(self, text: str) -> None:
        self._progress.console.print(shown(text), markup=False, highlight=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def reporter() -> Reporter:
    """The one that fits this process's stderr."""
    return Bar() if sys.stderr.isatty() else Lines()
