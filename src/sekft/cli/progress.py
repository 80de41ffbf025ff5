"""How far a command has come: a bar on a terminal, plain lines elsewhere, always on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sekft.protocols import Reporter

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_EVERY_S = 5.0


class Lines:
    """A line every few seconds, and one at each end."""

    def __init__(self) -> None:
        self._label, self._total, self._done, self._last = "", 0, 0, 0.0

    def begin(self, label: str, total: int, done: int) -> None:
        self._label, self._total, self._done = label, total, done
        self._line(f" ({done} done before)" if done else "")

    def step(self, detail: str = "") -> None:
        self._done += 1
        if self._done >= self._total or time.monotonic() - self._last >= LINE_EVERY_S:
            self._line(f"  {detail}" if detail else "")

    def note(self, text: str) -> None:
        print(f"sekft: {text}", file=sys.stderr, flush=True)

    def _line(self, tail: str) -> None:
        self._last = time.monotonic()
        self.note(f"{self._label} {self._done}/{self._total}{tail}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Bar:
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

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

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
