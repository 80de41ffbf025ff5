"""The warm pool, on bubblewrap; the same class holds docker's containers (test_docker.py)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from sekft.protocols import SandboxSpec
from sekft.sandboxes.bubblewrap import BubblewrapSandbox
from sekft.scenario import Login
from tests.processes import is_dead, sandboxes_of, until

SPEC = SandboxSpec("busybox", Login(user="ada", host="vault", home="/home/ada"), ())


@pytest.fixture
def pooled() -> Iterator[BubblewrapSandbox]:
    sandbox = BubblewrapSandbox(warm=2)
    yield sandbox
    sandbox.drain()


async def waiting(count: int, others: set[int]) -> set[int]:
    assert await asyncio.to_thread(until, lambda: len(sandboxes_of(os.getpid()) - others) == count)
    return sandboxes_of(os.getpid()) - others


async def test_each_session_gets_a_sandbox_that_nobody_used(pooled: BubblewrapSandbox) -> None:
    """Two wait after the first session; the next takes one of them, finds nothing of the last, and it is replaced."""
    others = sandboxes_of(os.getpid())
    async with pooled.open(SPEC) as session:
        await session.exec("touch /tmp/mark")
    warm = await waiting(2, others)
    async with pooled.open(SPEC) as session:
        assert (await session.exec("ls /tmp")).output == ""
        assert len(warm & await waiting(3, others)) == 2


async def test_one_that_died_while_it_waited_is_passed_over(pooled: BubblewrapSandbox) -> None:
    """The session starts all the same."""
    others = sandboxes_of(os.getpid())
    async with pooled.open(SPEC):
        pass
    for pid in await waiting(2, others):
        os.kill(pid, 9)
        assert await asyncio.to_thread(until, partial(is_dead, pid))
    async with pooled.open(SPEC) as session:
        assert (await session.exec("echo on")).output == "on\n"


async def test_draining_ends_those_that_wait(pooled: BubblewrapSandbox) -> None:
    """No process is left, and draining twice is harmless."""
    others = sandboxes_of(os.getpid())
    async with pooled.open(SPEC):
        pass
    await waiting(2, others)
    pooled.drain()
    pooled.drain()
    assert sandboxes_of(os.getpid()) <= others


def test_a_killed_harness_leaves_none_waiting() -> None:
    """SIGKILL of the harness ends the session's sandbox and those that wait."""
    code = (
        "import asyncio\n"
        "from tests.sandboxes.test_pool import SPEC, BubblewrapSandbox\n"
        "async def main():\n"
        "    async with BubblewrapSandbox(warm=2).open(SPEC) as session:\n"
        "        await session.exec('sleep 4714.1', 60)\n"
        "asyncio.run(main())\n"
    )
    harness = subprocess.Popen([sys.executable, "-c", code])
    assert until(lambda: len(sandboxes_of(harness.pid)) == 3)
    started = sandboxes_of(harness.pid)
    harness.kill()
    harness.wait()
    assert until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))
