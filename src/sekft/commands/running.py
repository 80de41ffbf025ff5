"""What the commands share: a stage run to its end, and what is printed of it."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from sekft.errors import SekftError

if TYPE_CHECKING:
    from sekft.store import Layout
    from sekft.tokens import Counter

T = TypeVar("T")
INTERRUPTED = 130


def work(stage: Coroutine[Any, Any, T], out: Path) -> T:
    """Run a stage to its end, or stop cleanly at Ctrl-C and SIGTERM alike."""
    import asyncio
    import signal

    async def interruptible() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await stage

    try:
        return asyncio.run(interruptible())
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo(f"sekft: interrupted; what was done is kept in {out}: the same command goes on from there", err=True)
        raise typer.Exit(INTERRUPTED) from None


def summary(layout: Layout, as_json: bool, scenarios: Path | None = None) -> None:
    from sekft.pipeline import load_scenarios
    from sekft.summary import render, summarise

    found = summarise(layout, load_scenarios(scenarios) if scenarios else None)
    say(found.model_dump_json(indent=1) + "\n" if as_json else render(found))


def report_broken(broken: int, layout: Layout) -> None:
    if broken:
        raise SekftError(
            f"{broken} rollouts met an infra error (see {layout.errors}); the others are kept: "
            "run the same command again to redo these"
        )


def counting(name: str | None) -> Counter:
    """What counts tokens: `smollm2`'s tokenizer, one from a file or a folder, or an estimate. Raises UsageError."""
    from sekft.tokens import counter

    if name == "smollm2":
        from sekft.training.bases import base_folder

        return counter(base_folder(name))
    return counter(Path(name) if name else None)


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
