"""Workers that are actors on a Ray cluster: one for each CPU of each node that can sandbox.

The driver alone asks served models, so that no key leaves it: workers get the names of the services and nothing else
of our environment, and a Ray that is started here is started without the keys.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pickle import HIGHEST_PROTOCOL, dumps
from threading import current_thread, main_thread
from typing import Any, TypeVar

import sekft
from sekft import sandboxes
from sekft.errors import InfraError, SandboxUnavailable, SekftError, UsageError, installing
from sekft.models import keys
from sekft.models.endpoint import named_services
from sekft.protocols import Land, Task
from sekft.runs.engines import SpreadConfig
from sekft.runs.engines.crew import Crew, WorkerLost
from sekft.runs.engines.local import at_once, landing
from sekft.runs.engines.worker import Worker

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
EACH, EACH_OF_A_NODE = 2, 16
"""Items at once, by default: of a worker with a CPU, and of one with a node and a model of its own."""
LOOK_EVERY_S = 1.0
PATIENCE_S = 60.0
"""For a node, where none is left."""
BORN_DEAD = 5
"""Actors in a row that die before they answer: then their node gets no more."""


class RayEngine:
    """Satisfies protocols.Engine. whole_nodes: a worker for a node, with its GPUs, since it holds a model."""

    def __init__(self, config: SpreadConfig, note: Callable[[str], None], *, whole_nodes: bool = False) -> None:
        self._config, self._note, self._whole = config, note, whole_nodes

    async def map(
        self, task: Task[ItemT, ResultT], items: Iterable[ItemT], concurrency: int, land: Land[ItemT, ResultT]
    ) -> AsyncGenerator[ResultT, None]:
        """concurrency: counts where the user named it; else there are two items for each CPU of the cluster."""
        connect(self._config.address)
        each = EACH_OF_A_NODE if self._whole else EACH
        crew = Crew(task, each)
        cluster = _Cluster(crew, self._config, self._note, self._whole, each)
        async with cluster.working():
            done = at_once(landing(crew.do, land), items, lambda: self._config.concurrency or cluster.room)
            try:
                async for result in done:
                    yield result
            finally:
                await done.aclose()


def connect(address: str | None) -> None:
    """Join the cluster, or start one here, once in a process. Raises UsageError and InfraError."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"--engine ray needs Ray: {installing('ray')}") from error
    if ray.is_initialized():
        return
    place = address or os.environ.get("RAY_ADDRESS") or "local"
    options = {"include_dashboard": False} if place == "local" else {}
    try:
        with _without_keys(), _own_signals():
            ray.init(address=place, log_to_driver=False, logging_level="ERROR", **options)
    except Exception as error:  # whatever Ray raises, be it of ours or of its own
        words = " ".join(str(error).split())[:300]
        raise InfraError(f"--engine ray: {place}: no such cluster can be joined: {words}") from error


@contextmanager
def _without_keys() -> Iterator[None]:
    """Meanwhile no key is in the environment, which processes that are started inherit."""
    secrets = keys.of(os.environ)
    held = {
        name: value
        for name, value in os.environ.items()
        if name in (*keys.VARIABLES, *keys.URLS) or any(secret in value for secret in secrets)
    }
    for name in held:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(held)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray has a handler of its own for SIGTERM; ours ends a command cleanly."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if current_thread() is main_thread():
            signal.signal(signal.SIGTERM, before)


class RayWorker:
    """The actor. environment: which services there are, so that an operator knows its model's name."""

    def __init__(self, recipe: bytes, environment: Mapping[str, str]) -> None:
        os.environ.update(environment)
        self._worker = Worker(recipe)

    async def begin(self, number: int, item: bytes) -> bytes:
        return await self._worker.begin(number, item)

    async def go_on(self, number: int, ask: int, answer: bytes) -> bytes:
        return await self._worker.go_on(number, ask, answer)

    async def ready(self) -> None:
        """Answers once it is there."""


def unfit(sandbox: str | None, version: str) -> str | None:
    """Why this node cannot work; None when it can, and then userlands and runner are built. sandbox: None for none."""
    if version != sekft.__version__:
        return f"has sekft {sekft.__version__}, want {version}"
    try:
        if sandbox is not None and (reason := sandboxes.probe(sandbox)):
            return reason
        if sandbox is not None:
            sandboxes.prepare()
    except SekftError as error:
        return str(error)
    return None


class _Seat:
    """Satisfies crew.Seat."""

    def __init__(self, actor: Any, alive: Callable[[], bool]) -> None:
        self.actor, self._alive = actor, alive
        self.gone, self.worked = asyncio.Event(), False

    async def ready(self) -> None:
        await self._result(self.actor.ready.remote())

    async def begin(self, number: int, item: bytes) -> bytes:
        return bytes(await self._result(self.actor.begin.remote(number, item)))

    async def go_on(self, number: int, ask: int, answer: bytes) -> bytes:
        return bytes(await self._result(self.actor.go_on.remote(number, ask, answer)))

    async def _result(self, call: Any) -> Any:
        from ray.exceptions import RayError, RayTaskError

        try:
            result = await call
        except RayTaskError as error:
            raise InfraError(f"a worker's own code failed: {error}") from error
        except RayError as error:
            self.gone.set()
            why = " ".join(str(error).split())[:200]
            raise WorkerLost(why, blameless=not self._alive()) from error
        self.worked = True
        return result


class _Cluster:
    """The nodes, as they come and go, and their workers. room: for how many items at once."""

    def __init__(
        self, crew: Crew[Any, Any], config: SpreadConfig, note: Callable[[str], None], whole: bool, each: int
    ) -> None:
        self._crew, self._config, self._note, self._whole, self._each = crew, config, note, whole, each
        self._recipe = dumps(crew.task, HIGHEST_PROTOCOL)
        self._nodes: dict[str, asyncio.Task[None]] = {}
        self._refused: dict[str, str] = {}
        self._alive: set[str] = set()
        self._employed = 0
        self._sizes: dict[str, int] = {}

    @property
    def room(self) -> int:
        return max(1, sum(self._sizes.values())) * self._each

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        await self._look()
        watching = asyncio.create_task(self._crew.kept(self._watch()))
        try:
            yield
        finally:
            tasks = [watching, *self._nodes.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self) -> None:
        """Nodes that join get work, and those that leave are not waited for."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self._look()
            except Exception as error:
                return await self._crew.give_up(InfraError(f"Ray's cluster does not answer any more: {error}"))
            if self._alive and self._alive <= self._refused.keys():
                reasons = "; ".join(dict.fromkeys(self._refused.values()))
                return await self._crew.give_up(SandboxUnavailable(f"no node of the cluster can work: {reasons}"))
            last = time.monotonic() if self._alive - self._refused.keys() else last
            if time.monotonic() - last > PATIENCE_S:
                why = f"no node of the cluster has been there for {PATIENCE_S:g} s"
                return await self._crew.give_up(InfraError(f"{why}; run the same command to resume"))

    async def _look(self) -> None:
        import ray

        found = [node for node in await asyncio.to_thread(ray.nodes) if node["Alive"]]
        nodes = {str(node["NodeID"]): node for node in found if node["Resources"].get("CPU", 0) >= 1}
        self._alive = set(nodes)
        for name in nodes.keys() - self._nodes.keys():
            self._sizes[name] = 1 if self._whole else int(nodes[name]["Resources"]["CPU"])
            self._nodes[name] = asyncio.create_task(self._crew.kept(self._use(name, nodes[name])))
        for name in self._sizes.keys() - nodes.keys():
            del self._sizes[name]

    async def _use(self, name: str, node: Mapping[str, Any]) -> None:
        """See whether the node can sandbox, and keep its workers."""
        import ray

        where, sandbox = f"node {node['NodeManagerAddress']}", self._crew.task.sandbox
        try:
            looking = ray.remote(unfit).options(num_cpus=0, max_retries=0, scheduling_strategy=_on(name))
            reason = await looking.remote(sandbox, sekft.__version__)
        except ray.exceptions.RayError as error:
            if name not in self._alive:
                return  # it went away meanwhile
            reason = f"cannot be tried: {' '.join(str(error).split())[-300:]}"
        if reason:
            self._refuse(name, f"{where} gets no work: {reason}")
        keepers = [self._keep(name, node["Resources"], where) for _ in range(self._sizes.get(name, 0))]
        await asyncio.gather(*keepers)

    def _refuse(self, name: str, why: str) -> None:
        self._refused[name] = why
        self._sizes.pop(name, None)
        self._note(why)

    async def _keep(self, name: str, resources: Mapping[str, float], where: str) -> None:
        """One worker after another on that node, each when the last has died."""
        idle = 0
        while name in self._alive and idle < BORN_DEAD:
            if self._employed >= (self._config.workers or self._employed + 1):
                return
            self._employed += 1
            seat = self._started(name, resources)
            try:
                with suppress(WorkerLost):
                    await seat.ready()
                    seat.worked = False
                    await self._crew.join(seat)
                    self._share()
                    await seat.gone.wait()
            finally:
                self._employed -= 1
                _kill(seat.actor)
            await self._crew.leave(seat)
            self._share()
            idle = 0 if seat.worked else idle + 1
        if name in self._alive and name not in self._refused:
            self._refuse(name, f"{where} gets no more work: {BORN_DEAD} workers in a row died there")

    def _share(self) -> None:
        """What the user wants at once, over the workers that there are."""
        if self._config.concurrency and len(self._crew):
            self._crew.each = -(-self._config.concurrency // len(self._crew))

    def _started(self, name: str, resources: Mapping[str, float]) -> _Seat:
        import ray

        wanted = {"num_cpus": resources.get("CPU", 1), "num_gpus": resources.get("GPU", 0)} if self._whole else {}
        made = ray.remote(RayWorker).options(
            **{"num_cpus": 1, **wanted}, max_restarts=0, max_task_retries=0, scheduling_strategy=_on(name)
        )
        actor = made.remote(self._recipe, named_services(os.environ))
        return _Seat(actor, lambda: name in self._alive)


def _on(node: str) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=False)


def _kill(actor: Any) -> None:
    """Its sandboxes end with it."""
    import ray

    with suppress(Exception):  # it may be gone, and so may the cluster
        ray.kill(actor)
