"""What a killed harness leaves, and `sekft doctor --clean`: a real engine, a real SIGKILL."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sekft.cache import built
from sekft.protocols import SandboxSpec
from sekft.sandboxes.docker import DIGEST_LABEL, LABEL, ContainerKind, DockerSandbox, client
from sekft.scenario import Login
from tests.commands import sekft

SPEC = SandboxSpec("busybox", Login(user="ada", host="vault", home="/home/ada"), ())
LIVE = pytest.mark.live

KILLED_BEFORE_THE_START = """
import os, signal, sys
from sekft.sandboxes.docker import ContainerKind, client, start
engine = client()
engine.attach_socket = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
start(engine, ContainerKind(sys.argv[1], None, int(sys.argv[2]), int(sys.argv[3])))
"""
KILLED_IN_A_BUILD = """
import os, signal
from sekft.cache import built
built("tools/half", lambda folder: (folder.joinpath("part").write_text("x"), os.kill(os.getpid(), signal.SIGKILL)))
"""


def labelled(label: str) -> dict[str, str]:
    """Containers with that label: id and state."""
    return {each["Id"]: each["State"] for each in client().containers(all=True, filters={"label": label})}


def replaced() -> set[str]:
    """Images of userlands that are no longer."""
    return {image["Id"] for image in client().images(filters={"label": DIGEST_LABEL, "dangling": True})}


def killed_before_the_start(image: str) -> int:
    """The pid of a harness that a SIGKILL met after it had made a container."""
    kind = ContainerKind.of(SPEC, (image, None))
    command = [sys.executable, "-c", KILLED_BEFORE_THE_START, image, str(kind.memory_bytes), str(kind.processes)]
    with subprocess.Popen(command) as harness:
        assert harness.wait() == -signal.SIGKILL
    return harness.pid


@LIVE
async def test_clean_removes_what_killed_harnesses_left_and_no_living_ones() -> None:
    """A container that never started, one of nobody's and a replaced image go; a session goes on."""
    sandbox = DockerSandbox(warm=0)
    async with sandbox.open(SPEC) as session:
        image = client().images(name="sekft-dash:busybox")[0]["Id"]
        pid = killed_before_the_start(image)
        ((never_started, state),) = labelled(f"{LABEL}={pid}").items()
        assert state == "created"
        nobodys = client().create_container(image, ["/bin/sh"], labels=[LABEL])["Id"]
        before = replaced()
        client().import_image_from_data(b"\0" * 1024, changes=[f"LABEL {DIGEST_LABEL}=old"])
        (old,) = replaced() - before  # other tests may be at work on the same daemon
        done = sekft("doctor", "--clean", "--sandbox", "docker")
        assert done.returncode == 0, done.stderr
        assert f"removed container {never_started[:12]}, created; its harness, pid {pid}, is gone" in done.stdout
        assert f"removed container {nobodys[:12]}, created; its harness, pid unknown, is gone" in done.stdout
        assert f"removed image {old.removeprefix('sha256:')[:12]} of a replaced userland" in done.stdout
        assert not {never_started, nobodys} & labelled(LABEL).keys()
        assert old not in replaced()
        assert (await session.exec("echo on")).output == "on\n"
    sandbox.drain()


def test_clean_without_a_daemon_says_so(tmp_path: Path) -> None:
    """It is a lack for who asked for docker, and a remark for everybody else."""
    nobody = f"unix://{tmp_path}/nobody"
    for sandbox, status, mark in (("auto", 0, "--"), ("docker", 1, "FAIL")):
        done = sekft("doctor", "--clean", "--sandbox", sandbox, DOCKER_HOST=nobody, COLUMNS="300")
        (line,) = (line for line in done.stdout.splitlines() if " clean docker " in line)
        assert (done.returncode, line.split()[0]) == (status, mark)
        assert "not looked at: docker: " in line
        assert "start its daemon" in line


def test_a_killed_build_is_swept_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had made is under another name, and goes before the same is built again."""
    monkeypatch.setenv("SEKFT_CACHE", str(tmp_path))
    assert subprocess.run([sys.executable, "-c", KILLED_IN_A_BUILD]).returncode == -signal.SIGKILL
    assert list(tmp_path.glob("tools/.half.*/part"))
    whole = built("tools/half", lambda folder: None)
    assert sorted(whole.parent.iterdir()) == [whole.parent / ".half.lock", whole]
    assert list(whole.iterdir()) == []
