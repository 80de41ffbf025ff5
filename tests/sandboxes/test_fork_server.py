"""Sandboxes that are forked from one bwrap: as far apart as those that bwrap starts one by one, and as surely gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from sekft.protocols import SandboxSpec
from sekft.sandboxes.bubblewrap import BubblewrapSandbox
from sekft.sandboxes.fork_server import ForkServer
from sekft.scenario import Login
from tests.processes import alive, is_dead, named, sandboxes_of, until
from tests.sandboxes.test_bubblewrap import HOLDING

SPEC = SandboxSpec("busybox", Login(user="ada", host="vault", home="/home/ada"), ())
SPACES = ("user", "pid", "mnt", "net", "ipc", "uts")
LOOK = (
    "id; umask; ulimit -a; cat /proc/self/status | grep -E '^(Cap|Seccomp|NoNewPrivs|Groups)'; cat /proc/self/cgroup; "
    "ls -la / /dev | awk '{ print $1, $3, $4, $NF }'; ls /proc/self/fd; wc -l /proc/self/uid_map /proc/self/gid_map"
)


def servers_of(pid: int) -> set[int]:
    return named("forkserver", pid)


def spaces(pid: int) -> list[int]:
    return [Path(f"/proc/{pid}/ns/{name}").stat().st_ino for name in SPACES]


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], set[int]]]:
    """The servers of one test, none of which was there before it."""
    own: dict[tuple[int, Sequence[str]], ForkServer | None] = {}
    monkeypatch.setattr("sekft.sandboxes.fork_server._servers", own)
    others = servers_of(os.getpid())
    yield lambda: servers_of(os.getpid()) - others
    for server in own.values():
        if server:
            server.close()


async def test_each_has_all_namespaces_of_its_own(servers: Callable[[], set[int]]) -> None:
    """Two sandboxes of one server share none of them, neither with each other nor with the server."""
    sandbox, others = BubblewrapSandbox(), sandboxes_of(os.getpid())
    async with sandbox.open(SPEC), sandbox.open(SPEC):
        (server,) = servers()
        apart = [spaces(pid) for pid in (*(sandboxes_of(os.getpid()) - others), server, os.getpid())]
    assert len(apart) == 4
    assert all(len(set(same)) == len(same) for same in zip(*apart, strict=True))


async def test_a_session_finds_what_it_finds_where_bwrap_starts_it() -> None:
    """The same rights, limits, descriptors, devices and ids; nothing of the server or of another sandbox shows."""
    looks = []
    for fork_server in (True, False):
        async with BubblewrapSandbox(fork_server=fork_server).open(SPEC) as session:
            looks.append((await session.exec(LOOK)).output)
            assert (await session.exec("cd /proc; echo [0-9]*")).output.split()[0] == "1"
            assert len((await session.exec("cd /proc; echo [0-9]*")).output.split()) == 2
    assert looks[0] == looks[1]


async def test_a_server_that_died_is_started_again(servers: Callable[[], set[int]]) -> None:
    """Its sandboxes end with it; the next session has another server."""
    sandbox = BubblewrapSandbox()
    async with sandbox.open(SPEC) as session:
        (server,) = servers()
        await session.exec("sleep 4716.1 &")
        os.kill(server, signal.SIGKILL)
        assert until(lambda: not alive("sleep 4716.1"))
    async with sandbox.open(SPEC) as session:
        assert (await session.exec("echo on")).output == "on\n"
    (again,) = servers()
    assert again != server


async def test_a_stopped_server_is_no_end_of_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none can be had, bwrap starts each sandbox."""
    monkeypatch.setattr("sekft.sandboxes.fork_server._servers", {})
    monkeypatch.setattr("sekft.sandboxes.fork_server.TRIAL_S", 0.000001)
    before = servers_of(os.getpid())
    async with BubblewrapSandbox().open(SPEC) as session:
        assert (await session.exec("echo on")).output == "on\n"
        assert servers_of(os.getpid()) == before


def test_it_ends_with_the_harness() -> None:
    """SIGKILL of the harness ends the server, even where another process still holds its socket."""
    code = "import os, time; os.fork() or (time.sleep(60), os._exit(0))"
    holding = HOLDING.replace("await session.exec(", f"exec({code!r})\n        await session.exec(", 1)
    harness = subprocess.Popen([sys.executable, "-c", holding])
    try:
        assert until(lambda: len(alive("sleep 4711.4", harness.pid)) >= 2), f"the harness ended with {harness.poll()}"
        (server,), inside = servers_of(harness.pid), sandboxes_of(harness.pid)
        heir = int(*alive("python", harness.pid))
    finally:
        harness.kill()
        harness.wait()
    assert inside
    assert until(lambda: all(is_dead(pid) for pid in (server, *inside)))
    assert not is_dead(heir)
    os.kill(heir, signal.SIGKILL)
