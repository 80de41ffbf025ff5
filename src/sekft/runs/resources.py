"""What several stages need: sandboxes, models and what these may cost."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sekft.folder import HIDDEN, Config, Folder, option
from sekft.models.journal import JOURNAL
from sekft.models.texts import TokenCounter, counter
from sekft.protocols import Author, Operator, Reporter


class SandboxedConfig(Config):
    """A stage that works in sandboxes, several at once."""

    seed: int = option(0, "Same seed and version: the same scenarios, byte for byte.")
    sandbox: str = option("auto", "auto, bubblewrap or docker.", recorded=False)
    concurrency: int | None = option(None, "At once; default 2 for each core.", ge=1, recorded=False)

    @property
    def at_once(self) -> int:
        return self.concurrency or default_concurrency()


class PaidConfig(Config):
    """A stage that may ask models."""

    max_cost: float | None = option(
        None, "Stop once this folder has cost this many US dollars, over all commands.", ge=0.0, recorded=False
    )
    max_total_tokens: int | None = option(
        None, "Stop once this folder has cost this many tokens, prompts included.", ge=0, recorded=False
    )


def default_concurrency() -> int:
    return 2 * (os.cpu_count() or 1)


@asynccontextmanager
async def attended(
    worker: Author | Operator, folder: Folder | None, config: PaidConfig, reporter: Reporter
) -> AsyncIterator[None]:
    """While it works, the model that it asks writes down what it costs, and keeps within the budget.

    folder: None counts what is spent and remembers no answer.
    """
    if worker.endpoint is not None:
        journal = folder.root / HIDDEN / JOURNAL if folder else None
        worker.endpoint.attend(journal, config.max_cost, config.max_total_tokens, reporter.note)
    try:
        yield
    finally:
        if worker.endpoint is not None:
            await worker.endpoint.close()


def token_counter(name: str | None) -> TokenCounter:
    """What counts tokens: `smollm2`'s tokenizer, one from a file or a folder, or an estimate. Raises UsageError."""
    if name == "smollm2":
        from sekft.training.base_model import base_folder

        return counter(base_folder(name))
    return counter(Path(name) if name else None)
