"""The sandbox contract suite runs over every backend and every userland."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from sekft import sandboxes
from sekft.protocols import ExecResult, Limits, Sandbox, SandboxSpec, Session
from sekft.sandboxes import BACKENDS
from sekft.sandboxes.docker import DockerSandbox
from sekft.sandboxes.userland import NAMES
from sekft.scenario import File, Login

Landing = Callable[..., Awaitable[Session]]

NOBODY_ELSE = "! kill -0 -1 2>/dev/null"
"""For a checker, whose view has no /proc: passes when nobody but it and PID 1 is there to be signalled."""
LOGIN = Login(user="ada", host="vault", home="/home/ada", prompt="$ ")


# What needs a daemon runs in ./dev live.
@pytest.fixture(
    scope="session",
    params=[pytest.param(name, marks=[pytest.mark.live] * (name == "docker")) for name in BACKENDS],
)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    chosen = sandboxes.pick(request.param)
    yield chosen
    if isinstance(chosen, DockerSandbox):
        chosen.drain()


@pytest.fixture(params=NAMES)
def userland(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def land(sandbox: Sandbox, userland: str) -> AsyncIterator[Landing]:
    """Opens a fresh session: land(*files, login={…}, limits={…}, other fields of the spec)."""
    async with AsyncExitStack() as stack:

        async def land(
            *files: File, login: dict[str, Any] | None = None, limits: dict[str, Any] | None = None, **spec: Any
        ) -> Session:
            whole = Login(**{**LOGIN.model_dump(), **(login or {})})
            given = SandboxSpec(userland, whole, files, Limits(**(limits or {})), **spec)
            return await stack.enter_async_context(sandbox.open(given))

        yield land


@pytest.fixture
async def session(land: Landing) -> Session:
    return await land()


@pytest.fixture
def one_processor() -> Iterator[None]:
    """What this process starts spins on one processor, however many there are, and leaves the others to other tests."""
    allowed, worker = os.sched_getaffinity(0), os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    os.sched_setaffinity(0, {sorted(allowed)[int(worker) % len(allowed)]})
    yield
    os.sched_setaffinity(0, allowed)


async def shown(session: Session, *commands: str) -> str:
    """The last command's output, after the others ran."""
    result: ExecResult | None = None
    for command in commands:
        result = await session.exec(command)
        assert result.ended is None, f"{command!r} ended the session: {result}"
    assert result
    return result.output
