"""What several stages need: sandboxes, several at once, and models and what these may cost."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from sekft import sandboxes
from sekft.folder import HIDDEN, Folder
from sekft.folder.config import Config, option
from sekft.models.endpoint import Endpoint
from sekft.models.journal import JOURNAL
from sekft.models.texts import TokenCounter, counter
from sekft.protocols import Author, Operator, Reporter
from sekft.report import either

GIVE_UP_AFTER = 20
"""Jobs in a row that an infra error broke, while no fresh sandbox worked: then the machine is broken, not a job."""
TOLD_EVERY_S = 2.0
PAUSES_S = (0.5, 4.0)
"""Before what broke is tried again; the failure after the last is reported. A daemon's restart takes a few seconds."""


SANDBOX_HELP = f"Sandbox backend: {either(('auto', *sandboxes.BACKENDS))}."


class SandboxedConfig(Config):
    """A stage that works in sandboxes, several at once."""

    heading: ClassVar[str] = "Sandbox"

    seed: int = option(0, "Random seed. The same seed and version give the same result, byte for byte.")
    sandbox: str = option("auto", SANDBOX_HELP, metavar="NAME", recorded=False)
    concurrency: int | None = option(None, "Sandboxes in parallel; default: 2 per core.", ge=1, recorded=False)

    @property
    def at_once(self) -> int:
        return self.concurrency or default_concurrency()


class PaidConfig(Config):
    """A stage that may ask models."""

    heading: ClassVar[str] = "Budget"

    max_cost: float | None = option(
        None,
        "Stop once models have cost X US dollars for this folder, over all commands that fill it.",
        ge=0.0,
        allow_inf_nan=False,
        recorded=False,
    )
    max_total_tokens: int | None = option(
        None, "Stop once models have used N tokens for this folder, prompts included.", ge=0, recorded=False
    )


def default_concurrency() -> int:
    return 2 * (os.cpu_count() or 1)


class Tally:
    """What a stage has done so far, in a few words beside its progress, and how the model that it asks stands."""

    def __init__(self, worker: Author | Operator) -> None:
        self._endpoint = worker.endpoint
        self._counts: Counter[str] = Counter()

    def add(self, *names: str) -> None:
        self._counts.update(names)

    def __str__(self) -> str:
        counts = [f"{count} {name}" for name, count in self._counts.items()]
        return ", ".join([*counts, *([self._endpoint.standing] if isinstance(self._endpoint, Endpoint) else [])])


@asynccontextmanager
async def attended(
    worker: Author | Operator, folder: Folder | None, config: PaidConfig, reporter: Reporter, tally: Tally | None = None
) -> AsyncIterator[None]:
    """While it works, the model that it asks writes down what it costs, and keeps within the budget.

    folder: None counts what is spent and remembers no answer. tally: is told every few seconds where a model is asked.
    """
    telling = asyncio.ensure_future(_telling(reporter, tally)) if worker.endpoint and tally else None
    if worker.endpoint is not None:
        journal = folder.root / HIDDEN / JOURNAL if folder else None
        worker.endpoint.attend(journal, config.max_cost, config.max_total_tokens, reporter.note)
    try:
        yield
    finally:
        if telling is not None:
            telling.cancel()
        if worker.endpoint is not None:
            await worker.endpoint.close()


async def _telling(reporter: Reporter, tally: Tally) -> None:
    while True:
        await asyncio.sleep(TOLD_EVERY_S)
        reporter.status(str(tally))


def tell_of_building(reporter: Reporter) -> None:
    """Say what the first sandboxes have to wait for, because it is built once on a machine."""
    if missing := sandboxes.missing():
        reporter.note(f"not built on this machine yet: {', '.join(missing)}; the first use builds it, within a minute")


def token_counter(name: str | None) -> TokenCounter:
    """What counts tokens: `smollm2`'s tokenizer, one from a file or a folder, or an estimate. Raises UsageError."""
    if name == "smollm2":
        from sekft.training.base_model import base_folder

        return counter(base_folder(name))
    return counter(Path(name) if name else None)
