"""What the commands share: a stage run to its end, and what is printed of it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from sekft.errors import SekftError

if TYPE_CHECKING:
    from sekft.dataset.export import Exported
    from sekft.folder import Layout

T = TypeVar("T")
INTERRUPTED = 130


@contextmanager
def resumable(out: Path) -> Iterator[None]:
    """Where Ctrl-C or SIGTERM stops what is done in here, say how to go on."""
    import asyncio

    try:
        yield
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo(f"sekft: interrupted; what was done is kept in {out}: the same command goes on from there", err=True)
        raise typer.Exit(INTERRUPTED) from None


def work(stage: Coroutine[Any, Any, T], out: Path) -> T:
    """Run a stage to its end, or stop cleanly at Ctrl-C and SIGTERM alike."""
    import asyncio
    import signal

    async def interruptible() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await stage

    with resumable(out):
        return asyncio.run(interruptible())


def summary(layout: Layout, as_json: bool, scenarios: Path | None = None, exported: Exported | None = None) -> None:
    """What a folder holds. exported: the data set that ends it."""
    from sekft.cli.tables import print_tables
    from sekft.folder import load_scenarios
    from sekft.report import facts
    from sekft.runs.run import EXPORT
    from sekft.runs.summary import summarise

    report = summarise(layout, load_scenarios(scenarios) if scenarios else None)
    body, tables = report.model_dump(mode="json"), report.tables
    if exported:
        body["export"] = exported.model_dump(mode="json")
        place = facts([("data set", str(layout.root / EXPORT))], notes=["README.md is its data card"])
        tables += [place, *exported.tables]
    print_tables(tables, json.dumps(body, indent=1, ensure_ascii=False) + "\n", as_json)


def report_broken(broken: int, layout: Layout) -> None:
    if broken:
        raise SekftError(
            f"{broken} rollouts met an infra error (see {layout.errors}); the others are kept: "
            "run the same command again to redo these"
        )


def command() -> str:
    """What was typed."""
    return shlex.join(["sekft", *sys.argv[1:]])


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
