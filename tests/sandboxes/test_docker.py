"""The docker backend: hardened from its start, the same to the agent as bubblewrap, and nothing left behind."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sekft import sandboxes
from sekft.errors import InfraError, SandboxUnavailable
from sekft.protocols import SandboxSpec
from sekft.sandboxes.bubblewrap import BubblewrapSandbox
from sekft.sandboxes.docker import BORN, DIGEST_LABEL, LABEL, SKELETON, DockerSandbox, client, write_root
from sekft.sandboxes.userland import NAMES
from sekft.scenario import File, Login
from tests.processes import alive, until

SPEC = SandboxSpec("busybox", Login(user="ada", host="vault", home="/home/ada"), ())
LIVE = pytest.mark.live


@pytest.fixture
def docker() -> Iterator[DockerSandbox]:
    """Without a pool, so that every container is the test's own."""
    sandbox = DockerSandbox(warm=0)
    yield sandbox
    sandbox.drain()


def containers(harness: int | None = None, *, started: bool = False) -> set[str]:
    """Those of one harness, this process by default: others may use the same daemon."""
    label = f"{LABEL}={harness or os.getpid()}"
    return {each["Id"] for each in client().containers(all=not started, filters={"label": label})}


def test_without_a_daemon_the_reason_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The socket that nobody listens on is named, and what to do."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    client.cache_clear()
    with pytest.raises(SandboxUnavailable, match=r"none: No such file.*start its daemon"):
        sandboxes.pick("docker")


def test_an_image_is_the_root_file_system_and_its_skeleton(tmp_path: Path) -> None:
    """All of it root's; the skeleton holds links and empty folders, and none of what lies in them."""
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/dash").write_text("x")
    (tmp_path / "run/sekft").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        write_root(tar, tmp_path)
    layer.seek(0)
    with tarfile.open(fileobj=layer) as tar:
        members = tar.getmembers()
    skeleton = {each.name for each in members if each.name.startswith(SKELETON)}
    assert skeleton == {SKELETON, *(f"{SKELETON}/{path}" for path in ("usr", "run", "run/sekft", "bin"))}
    assert {each.uid for each in members} == {0}
    assert "./usr/bin/dash" in {each.name for each in members}


@LIVE
async def test_a_container_holds_nothing_from_its_start(docker: DockerSandbox) -> None:
    """No capability, no network, nothing writable, an ordinary user, limits, and no command run by the engine."""
    before = containers()
    async with docker.open(SPEC):
        (made,) = containers() - before
        told: dict[str, Any] = client().inspect_container(made)
    config, host = told["Config"], told["HostConfig"]
    assert (config["User"], config["Tty"], told["ExecIDs"]) == ("1000:1000", False, None)
    assert config["Labels"].keys() >= {LABEL, BORN}
    assert (host["CapDrop"], host["CapAdd"], host["Privileged"]) == (["ALL"], None, False)
    assert (host["NetworkMode"], host["IpcMode"], host["ReadonlyRootfs"]) == ("none", "none", True)
    assert "no-new-privileges" in host["SecurityOpt"]
    assert any(option.startswith("seccomp={") for option in host["SecurityOpt"])
    assert 0 < host["PidsLimit"] < 200
    assert 0 < host["Memory"] == host["MemorySwap"]
    assert [(mount["Destination"], mount["RW"]) for mount in told["Mounts"]] == [("/usr/lib/sekft", False)]
    assert client().inspect_image(told["Image"])["Config"]["Labels"][DIGEST_LABEL]


@LIVE
@pytest.mark.parametrize("userland", NAMES)
async def test_the_agent_sees_the_same_on_both_backends(docker: DockerSandbox, userland: str) -> None:
    """Files, owners, devices, limits, environment and status, word for word, where both have one uid."""
    files = (
        File(path="/srv/data/note", content="note\n"),
        File(path="/srv/data/sealed", content="x", mode="0000", owner="root"),
    )
    spec = SandboxSpec(userland, SPEC.login, files)
    commands = (
        "ls -lan / | sed 1d | tr -s ' ' | cut -d' ' -f1,3,4,9-", "ls -ln /dev /usr /usr/bin | grep -v :", "id; env",
        "ls -la /srv/data /etc /home", "ulimit -a", "cat /proc/sys/user/max_user_namespaces; hostname",
        "cut -d: -f3 /proc/self/cgroup | sort -u; cat /proc/net/dev", "ls -l /proc/self/fd | wc -l; ls /sys /root",
        "grep -e ^Cap -e ^NoNew -e ^Groups -e ^[UG]id /proc/self/status; ls -la /usr/lib/sekft",
        "cat /srv/data/sealed; rm -f /srv/data/sealed; touch /usr/x /etc/x; find / -xdev -name '.d*'",
    )  # fmt: skip

    async def seen(sandbox: BubblewrapSandbox | DockerSandbox) -> list[str]:
        async with sandbox.open(spec) as session:
            return [(await session.exec(command)).output for command in commands]

    assert await seen(docker) == await seen(BubblewrapSandbox(second_uid=False))


@LIVE
async def test_an_image_that_docker_build_made_is_a_userland(
    docker: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEKFT_IMAGE names it, whatever userland is asked for, and its id is the digest."""
    await docker.run(replace(SPEC, userland="gnu"), "true")
    client().tag("sekft-dash:gnu", "sekft-test", "latest", force=True)
    monkeypatch.setenv("SEKFT_IMAGE", "sekft-test")
    other = DockerSandbox(warm=0)
    async with other.open(SPEC) as session:
        assert "GNU" in (await session.exec("ls --version")).output
        assert session.info.userland == "sekft-test"
        assert f"sha256:{session.info.userland_digest}" == client().inspect_image("sekft-test")["Id"]
    client().remove_image("sekft-test")


@LIVE
async def test_closing_removes_the_container(docker: DockerSandbox) -> None:
    """When the context ends nothing runs any more; the engine has removed the container soon after."""
    before = containers()
    async with docker.open(SPEC) as session:
        await session.exec("sleep 4712.1 & setsid sleep 4712.1 &")
        assert until(lambda: bool(alive("sleep 4712.1")))
    assert not alive("sleep 4712.1")
    assert await asyncio.to_thread(until, lambda: containers() <= before)


@LIVE
async def test_a_killed_container_is_an_infra_error(docker: DockerSandbox) -> None:
    """When the engine kills it under the session, that is nobody's verdict, and the next session works."""
    before = containers()
    async with docker.open(SPEC) as session:
        (made,) = containers() - before
        client().kill(made)
        with pytest.raises(InfraError, match="ended unexpectedly"):
            await session.exec("true")
    async with docker.open(SPEC) as session:
        assert (await session.exec("echo on")).output == "on\n"


@LIVE
async def test_a_cancelled_command_ends_its_container(docker: DockerSandbox) -> None:
    """Cancelling whoever waits for a command ends all that it runs."""

    async def work() -> None:
        async with docker.open(SPEC) as session:
            await session.exec("sleep 4712.2")

    task = asyncio.create_task(work())
    assert await asyncio.to_thread(until, lambda: bool(alive("sleep 4712.2")))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive("sleep 4712.2")


@LIVE
def test_a_killed_harness_leaves_no_container() -> None:
    """SIGKILL of the harness ends its session and its waiting containers: their streams are at an end.

    One that was made and not yet started is `clean`'s to remove, so the kill waits until all three run.
    """
    code = (
        "import asyncio\n"
        "from sekft.protocols import SandboxSpec\n"
        "from sekft.sandboxes.docker import DockerSandbox\n"
        "from sekft.scenario import Login\n"
        "async def main():\n"
        "    spec = SandboxSpec('busybox', Login(user='ada', host='vault', home='/home/ada'), ())\n"
        "    async with DockerSandbox(warm=2).open(spec) as session:\n"
        "        await session.exec('setsid sleep 4712.4 & sleep 4712.4', 60)\n"
        "asyncio.run(main())\n"
    )
    harness = subprocess.Popen([sys.executable, "-c", code])
    assert until(lambda: len(alive("sleep 4712.4")) >= 2 and len(containers(harness.pid, started=True)) == 3)
    harness.kill()
    harness.wait()
    assert until(lambda: not alive("sleep 4712.4") and not containers(harness.pid))


@LIVE
async def test_a_warm_container_is_fresh_and_a_dead_one_is_passed_over() -> None:
    """Each session gets a container that nobody used; one that died while it waited is not given out."""
    sandbox = DockerSandbox(warm=2)

    def waiting() -> set[str]:
        return {started.id for line in list(sandbox._pool._waiting.values()) for started in list(line)}

    try:
        async with sandbox.open(SPEC) as session:
            await session.exec("touch /tmp/mark")
        assert await asyncio.to_thread(until, lambda: len(waiting()) == 2)
        dead = waiting()
        for each in dead:
            client().kill(each)
        assert await asyncio.to_thread(until, lambda: not dead & containers())
        async with sandbox.open(SPEC) as session:
            assert (await session.exec("ls /tmp")).output == ""
        assert await asyncio.to_thread(until, lambda: len(waiting()) == 2)
        left = waiting()
        assert not left & dead
    finally:
        sandbox.drain()
    assert await asyncio.to_thread(until, lambda: not left & containers())


@LIVE
async def test_the_self_test_holds_on_docker(docker: DockerSandbox) -> None:
    """Every behaviour that `sekft doctor --self-test` tries."""
    assert [row for row in await sandboxes.self_test(docker) if not row[1]] == []
