"""Where a stage's jobs are done: in this process, in one process a core, or on a Ray cluster.

Whatever does them, the process that was started by the user is the only one that writes files, asks served models and
keeps their journal and budget. Workers act in sandboxes of their own and send back what came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from sekft.errors import UsageError
from sekft.folder.config import option
from sekft.folder.workers import usable_cores
from sekft.models.endpoint import Endpoint
from sekft.protocols import Engine, Task
from sekft.runs.engines.local import LocalEngine
from sekft.runs.resources import SandboxedConfig

ITEMS_EACH = 16
"""Fewer items for each worker are not worth its start, which takes half a second of a core."""


class SpreadConfig(SandboxedConfig):
    """A stage whose jobs may be spread over processes and machines."""

    engine: Literal["local", "processes", "ray"] | None = option(
        None,
        "Where the work is done: in this process, in several on this machine, or on a Ray cluster. Default: processes "
        "if there is enough work, and if no model is asked; else local.",
        recorded=False,
    )
    workers: int | None = option(
        None, "Worker processes; default: 1 per core, on Ray 1 per CPU of the cluster.", ge=1, recorded=False
    )
    address: str | None = option(
        None,
        "Ray cluster to use; default: RAY_ADDRESS, else Ray is started on this machine for the command.",
        metavar="ADDRESS",
        recorded=False,
    )

    @property
    def is_far(self) -> bool:
        """Whether other machines may do the work."""
        return self.engine == "ray"

    def refuse_contradictions(self) -> None:
        """Raises UsageError for an option that the named engine does not have."""
        if self.workers and self.engine == "local":
            raise UsageError("--workers: is not for --engine local; it is for processes and ray")
        if self.address and self.engine != "ray":
            raise UsageError("--address: is for --engine ray")


def chosen(config: SpreadConfig, task: Task[Any, Any], items: int | None, note: Callable[[str], None]) -> Engine:
    """The engine for this work. Raises UsageError for options that contradict each other.

    items: how many there are; None where nobody knows, and then only an engine that is named spreads them.
    note:  is told what a person should read, for example why the engine that was named is not used.
    """
    config.refuse_contradictions()
    asks = isinstance(task.endpoint, Endpoint)
    own_model = task.endpoint is not None and not asks
    if config.engine == "ray" and task.spreads:
        from sekft.runs.engines.ray import RayEngine

        return RayEngine(config, note, whole_nodes=own_model)
    named = config.engine == "processes" or config.workers is not None
    if config.engine == "local" or not task.spreads or own_model:
        if named or config.engine == "ray":
            note("this work stays in one process: " + ("its model is in memory" if own_model else "its order counts"))
        return LocalEngine()
    workers = config.workers or _workers(named, asks, items)
    if workers < 2 and not named:
        return LocalEngine()
    from sekft.runs.engines.processes import ProcessesEngine

    return ProcessesEngine(workers)


def _workers(named: bool, asks: bool, items: int | None) -> int:
    """By default one a core, as long as each has enough to do; none where one process waits for a model anyway."""
    if named:
        return usable_cores()
    return 0 if asks or items is None else min(usable_cores(), items // ITEMS_EACH)
