"""What several stages need: sandboxes, models and what these may cost."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sekft.folder import HIDDEN, Config, Folder, option
from sekft.models.endpoint import Endpoint
from sekft.models.journal import JOURNAL, Budget, Journal
from sekft.operators.local import Generator
from sekft.protocols import Reporter


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

    @property
    def budget(self) -> Budget:
        return Budget(self.max_cost, self.max_total_tokens)


def default_concurrency() -> int:
    return 2 * (os.cpu_count() or 1)


@asynccontextmanager
async def attended(worker: object, folder: Folder | None, budget: Budget, reporter: Reporter) -> AsyncIterator[None]:
    """While it works, one that asks a model writes down what it pays for, and keeps within the budget.

    folder: None keeps count of what is spent and remembers no answer.
    """
    endpoint, generator = getattr(worker, "endpoint", None), getattr(worker, "generator", None)
    if isinstance(endpoint, Endpoint):
        journal = Journal(folder.root / HIDDEN / JOURNAL if folder else None)
        endpoint.attend(journal, budget, reporter.note)
    try:
        yield
    finally:
        for resource in (endpoint, generator):
            if isinstance(resource, Endpoint | Generator):
                await resource.close()
