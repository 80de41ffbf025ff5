"""The backend leaves nothing behind, whatever happens to whoever uses it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sekft import sandboxes
from sekft.errors import BundleError, InfraError, SandboxUnavailable, UsageError
from sekft.protocols import Limits, SandboxSpec
from sekft.sandboxes import cgroup, wire
from sekft.sandboxes.bubblewrap import BubblewrapSandbox
from sekft.scenario import File, Login
from tests.processes import alive, descendants, is_dead, until

LOGIN = Login(user="ada", host="vault", home="/home/ada")
SPEC = SandboxSpec("busybox", LOGIN, ())
HOLDING = (
    "import asyncio\n"
    "from sekft.protocols import Limits, SandboxSpec\n"
    "from sekft.sandboxes.bubblewrap import BubblewrapSandbox\n"
    "from sekft.scenario import Login\n"
    "async def main():\n"
    "    spec = SandboxSpec('busybox', Login(user='ada', host='vault', home='/home/ada'), ())\n"
    "    async with BubblewrapSandbox().open(spec) as session:\n"
    "        await session.exec('setsid sleep 4711.4 & sleep 4711.4', 60)\n"
    "asyncio.run(main())\n"
)
"""A harness that stays in a command."""

no_group = cgroup.why_not()
needs_group = pytest.mark.skipif(no_group is not None, reason=f"no control group to divide: {no_group}")


def groups(harness: int | None = None) -> set[str]:
    """The control groups of a harness's sandboxes; this process's by default."""
    return {path.name for path in cgroup.division().folder.glob(f"sekft-{harness or os.getpid()}-*")}


def descriptors() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def children() -> int:
    """How many there are, dead ones that nobody has reaped included."""
    return len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


async def test_closing_ends_every_process() -> None:
    """When the context ends nothing of the sandbox runs any more."""
    async with BubblewrapSandbox().open(SPEC) as session:
        await session.exec("sleep 4711.1 & sleep 4711.1 &")
        assert until(lambda: bool(alive("sleep 4711.1")))
    assert not alive("sleep 4711.1")


async def test_a_cancelled_command_ends_its_sandbox() -> None:
    """Cancelling whoever waits for a command closes the session with all that it runs."""

    async def work() -> None:
        async with BubblewrapSandbox().open(SPEC) as session:
            await session.exec("sleep 4711.2")

    task = asyncio.create_task(work())
    assert await asyncio.to_thread(until, lambda: bool(alive("sleep 4711.2")))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive("sleep 4711.2")


async def test_a_cut_off_command_makes_the_session_unusable() -> None:
    """After a cancelled exec the next one is refused: its answer would be the other's."""
    async with BubblewrapSandbox().open(SPEC) as session:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.exec("sleep 4711.3"), 0.2)
        with pytest.raises(InfraError, match="cut off"):
            await session.exec("true")


def test_a_killed_harness_leaves_nothing() -> None:
    """SIGKILL of the harness takes the sandbox with it."""
    harness = subprocess.Popen([sys.executable, "-c", HOLDING])
    assert until(lambda: len(alive("sleep 4711.4", harness.pid)) >= 2)
    below = descendants(harness.pid)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    assert until(lambda: all(map(is_dead, below)))


@needs_group
async def test_all_processes_of_a_sandbox_have_one_bound_together() -> None:
    """Twenty processes of 20 MiB, each within its own limit, are more than 144 MiB: some of them are killed."""
    hog = 'awk \'BEGIN { s = sprintf("%20000000s", ""); while (1); }\' & '
    async with BubblewrapSandbox().open(replace(SPEC, limits=Limits(memory_bytes=48 << 20))) as session:
        await session.exec(f"{hog * 20} sleep 2")
        assert await asyncio.to_thread(until, lambda: 0 < len(alive("sprintf")) < 10)
        assert (await session.check("true")).passed


@needs_group
async def test_closing_removes_the_control_group() -> None:
    """Each sandbox has one, and it goes with it."""
    before = groups()
    async with BubblewrapSandbox().open(SPEC):
        assert len(groups() - before) == 1
    assert groups() == before


@needs_group
def test_a_killed_harness_leaves_no_control_group() -> None:
    """Who watches over the groups ends after the harness, and has removed them."""
    harness = subprocess.Popen([sys.executable, "-c", HOLDING])
    assert until(lambda: bool(groups(harness.pid)) and len(alive("sleep 4711.4", harness.pid)) >= 2)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    assert until(lambda: not groups(harness.pid) and not alive(f"sekft-{harness.pid}-"))


async def test_a_frame_beyond_the_limit_is_refused() -> None:
    """PID 1 says so, and serves the next."""
    async with BubblewrapSandbox().open(SPEC) as session:
        with pytest.raises(InfraError, match=r"frame too long|a frame of"):
            await session._channel.ask(wire.frame("X", bytes(65 << 20)), "E", 10)
        assert (await session.exec("echo on")).output == "on\n"


async def test_a_dead_sandbox_is_an_infra_error() -> None:
    """When the sandbox dies under the session, that is nobody's verdict."""
    async with BubblewrapSandbox().open(SPEC) as session:
        await session.exec("sleep 4711.5 &")
        assert until(lambda: bool(alive("sleep 4711.5")))
        (sleeper,) = alive("sleep 4711.5")
        status = Path(f"/proc/{sleeper}/status").read_text()
        parent = next(line.split()[1] for line in status.splitlines() if line.startswith("PPid"))
        os.kill(int(parent), signal.SIGKILL)
        with pytest.raises(InfraError, match="ended unexpectedly"):
            await session.exec("true")


async def test_many_sessions_leak_no_descriptor() -> None:
    """Opened one by one or all at once, sessions leave no descriptor and no child."""
    sandbox = BubblewrapSandbox()

    async def use() -> str:
        async with sandbox.open(SPEC) as session:
            return (await session.exec("echo on")).output

    await use()
    before = descriptors(), children()
    assert await asyncio.gather(*(use() for _ in range(40))) == ["on\n"] * 40
    await asyncio.sleep(0)
    assert (descriptors(), children()) == before


async def test_close_is_idempotent() -> None:
    """Closing inside and again at the end of the context does no harm."""
    async with BubblewrapSandbox().open(SPEC) as session:
        await session.close()
        with pytest.raises(InfraError):
            await session.exec("true")


async def test_run_is_one_shot() -> None:
    """run() gives a fresh session's result and keeps nothing."""
    sandbox = BubblewrapSandbox()
    assert (await sandbox.run(SPEC, "touch x; ls")).output == "x\n"
    assert (await sandbox.run(SPEC, "ls")).output == ""


@pytest.mark.parametrize("profile", ["exit 3\n", "exec true\n", "sleep 60\n"])
async def test_a_profile_that_nobody_survives_is_the_bundles_fault(profile: str) -> None:
    """Nobody could land there."""
    limits = Limits(command_s=0.3)
    spec = SandboxSpec("busybox", LOGIN, (File(path="/home/ada/.profile", content=profile),), limits)
    with pytest.raises(BundleError, match="profile"):
        async with BubblewrapSandbox().open(spec):
            pass


async def test_a_bundle_that_cannot_be_made_names_the_path() -> None:
    """A file below a file cannot exist."""
    spec = SandboxSpec("busybox", LOGIN, (File(path="/srv/a", content=""), File(path="/srv/a/b", content="")))
    with pytest.raises(InfraError, match="/srv/a/b"):
        async with BubblewrapSandbox().open(spec):
            pass


async def test_info_names_backend_userland_and_limits() -> None:
    """What a trajectory records about where it ran."""
    async with BubblewrapSandbox().open(SPEC) as session:
        info = session.info
    assert (info.backend, info.userland, len(info.userland_digest)) == ("bubblewrap", "busybox", 64)
    assert info.limits["output_bytes"] == 32 * 1024


def test_without_bwrap_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No bwrap, no sandbox, and never an unsandboxed fallback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match="install bubblewrap"):
        sandboxes.pick("auto")


def test_a_bwrap_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where namespaces are forbidden, bwrap's own words are in the message."""
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert shutil.which("bwrap") == str(fake)
    with pytest.raises(SandboxUnavailable, match=r"bubblewrap: .*ermission denied"):
        sandboxes.pick("bubblewrap")


def test_an_unknown_backend_is_wrong_usage() -> None:
    """The error lists the known."""
    with pytest.raises(UsageError, match="want one of: auto, bubblewrap, docker"):
        sandboxes.pick("jail")


def test_a_backend_is_one_line_of_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of any package that has probe(), backend() and clean() can be picked by its name."""
    monkeypatch.setitem(sandboxes.BACKENDS, "mine", BubblewrapSandbox.__module__)
    assert isinstance(sandboxes.pick("mine"), BubblewrapSandbox)
    assert sandboxes.clean("mine") == []


async def test_the_self_test_holds_here() -> None:
    """Every behaviour that `sekft doctor --self-test` tries."""
    failures = [row for row in await sandboxes.self_test(sandboxes.pick("auto")) if not row[1]]
    assert failures == []


async def test_signals_that_the_harness_ignores_count_inside() -> None:
    """Under nohup, or as a job in the background, a session's shell is ended by a hang-up like any other."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGINT)}
    try:
        async with BubblewrapSandbox().open(SandboxSpec("busybox", LOGIN, ())) as session:
            assert (await session.exec("kill -INT $$")).status == 130
            assert (await session.exec("kill -HUP $$")).ended is not None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
