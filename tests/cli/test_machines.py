"""Machines as they are: network file systems, terminals without UTF-8, users without a home, a service that hangs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sekft.cache import cache_root
from sekft.errors import BundleError, SandboxUnavailable, StoreError
from sekft.folder import Folder, json_lines, locks
from sekft.sandboxes import advice
from tests import bundles
from tests.commands import SEKFT, TRAINER, environment, forked, forking, start
from tests.served import silent
from tests.training import tiny

NO_FLOCK = """
#include <errno.h>
#include <stdlib.h>
int flock(int fd, int op) { errno = atoi(getenv("FLOCK_ERRNO")); return -1; }
"""
ASCII = ({"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0"})


@pytest.fixture(scope="module")
def no_flock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that refuses flock."""
    if not shutil.which("cc"):
        pytest.skip("wants a C compiler")
    folder = tmp_path_factory.mktemp("flock")
    (folder / "no.c").write_text(NO_FLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "no.so", folder / "no.c"], check=True)
    return folder / "no.so"


@pytest.mark.parametrize("number", [38, 37, 95])
def test_a_file_system_without_flock_is_locked_otherwise(no_flock: Path, tmp_path: Path, number: int) -> None:
    """A command works there, in its folder and in its cache, and a second writer is still refused."""
    code = f"""
import sys; from pathlib import Path; from sekft.folder import Folder; from sekft.cache import built
print(built("x/y", lambda folder: (folder / "z").write_text("")))
with Folder(Path({str(tmp_path)!r})).writing():
    print("writing", flush=True)
    sys.stdin.read()
"""
    refusing = environment(LD_PRELOAD=str(no_flock), FLOCK_ERRNO=str(number), SEKFT_CACHE=str(tmp_path / "cache"))
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=refusing) as first:
        assert first.stdout
        assert "cache" in first.stdout.readline()
        assert first.stdout.readline() == "writing\n"
        second = subprocess.run(command, input="", capture_output=True, text=True, env=refusing)
        first.communicate()
    assert "another sekft is writing here" in second.stderr
    assert subprocess.run(command, input="", capture_output=True, text=True, env=refusing).returncode == 0


def test_a_file_system_without_any_lock_is_written_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No two writers share a file; what cannot do without a lock says so."""

    def refused(handle: int, how: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refused)
    monkeypatch.setattr("fcntl.lockf", refused)
    with Folder(tmp_path).writing() as folder:
        folder.write(tmp_path / "one.json", "{}")
    assert (tmp_path / "one.json").read_text() == "{}"
    with (
        (tmp_path / "x").open("w") as file,
        pytest.raises(StoreError, match=r"no file locks \(Function not implemented\): choose a folder on a local disk"),
    ):
        locks.take(file.fileno(), "x")
    monkeypatch.undo()
    with (tmp_path / "x").open("w") as file:
        locks.take(file.fileno(), "x", wait=True)


@pytest.mark.parametrize("encoding", ASCII, ids=str)
@pytest.mark.parametrize("as_json", [False, True])
def test_any_terminal_shows_everything(tmp_path: Path, encoding: dict[str, str], as_json: bool) -> None:
    """Tables are drawn in ASCII where stdout has no more, and JSON is the same JSON."""
    scenario = bundles.sealed(bundles.work()).sealed(orientation="Königin 😀 → Tür, exit or panic.")
    file = tmp_path / f"{scenario.id}.json"
    file.write_text(scenario.to_json(), encoding="utf-8")
    for command in (("doctor",), ("show", file), ("show", tmp_path)):
        arguments = (*command, *(["--json"] if as_json and command != ("show", file) else []))
        done = subprocess.run([*SEKFT, *map(str, arguments)], capture_output=True, env=environment(**encoding))
        assert b"Traceback" not in done.stderr
        assert done.stdout
        if as_json and command == ("doctor",):
            assert json.loads(done.stdout)


def test_a_name_that_is_no_text_is_shown(tmp_path: Path) -> None:
    """A path of bytes that are no UTF-8, on stdout and in an error."""
    name = os.fsdecode(bytes(tmp_path) + b"/\xff\xfe")
    for done in (forked("generate", "--n", "1", "--no-sandbox", "--out", name), forked("show", name + "-none")):
        assert "Traceback" not in done.stderr
    assert (tmp_path / os.fsdecode(b"\xff\xfe")).is_dir()


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown uid, as a container's --user gives one."""
    monkeypatch.setattr("os.geteuid", lambda: 54321)
    monkeypatch.setattr("os.getuid", lambda: 54321)
    for name in ("HOME", "XDG_CACHE_HOME", "SEKFT_CACHE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SandboxUnavailable, match="uid 54321 is not in /etc/passwd: set SEKFT_CACHE"):
        cache_root()


@pytest.mark.parametrize("content", [b'{"a": 1}\n\0\0\0\n', b"\0\0", b'{"a": 1}\n{"b', b"\xff\n"])
def test_a_torn_file_of_lines_is_named_with_its_line(tmp_path: Path, content: bytes) -> None:
    """Every reader of JSONL says which line it could not read."""
    (tmp_path / "x.jsonl").write_bytes(content)
    with pytest.raises(BundleError, match=r"x\.jsonl:[12]: .*want one JSON value a line"):
        list(json_lines(tmp_path / "x.jsonl"))


BWRAP = {
    "proc": "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
    "map": "bwrap: setting up uid map: Permission denied",
    "new": "bwrap: No permissions to create new namespace, likely because the kernel does not allow non-privileged …",
    "net": "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted",
}
SWITCH = "proc/sys/kernel/apparmor_restrict_unprivileged_userns"


@pytest.mark.parametrize(
    ("fault", "files", "says"),
    [
        ("proc", {}, "systempaths=unconfined"),
        ("map", {SWITCH: "1"}, "apparmor_restrict_unprivileged_userns=0"),
        ("net", {SWITCH: "1"}, "give bwrap a profile"),
        ("map", {SWITCH: "0"}, "user namespaces are not allowed"),
        ("new", {"proc/sys/user/max_user_namespaces": "0"}, "sysctl user.max_user_namespaces"),
        ("new", {".dockerenv": ""}, "seccomp=unconfined"),
        ("net", {"run/.containerenv": ""}, "seccomp=unconfined"),
        ("new", {}, "user namespaces are not allowed"),
        ("new", {"proc/self/uid_map": "0 1000 1"}, "too few ids"),
    ],
)
def test_what_bwrap_says_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str, files: dict[str, str], says: str
) -> None:
    """The cause as this machine shows it, and what helps there."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    said = advice.explained(BWRAP[fault], 64232, tmp_path)
    assert said.startswith(BWRAP[fault])
    assert says in said


AT_ONCE_S = 10.0
"""The two seconds that a command takes to end, on a busy machine; what it would wait for takes 20 or more."""


def stopped(process: subprocess.Popen[str], ready: Callable[[], bool]) -> tuple[float, int, str]:
    """SIGTERM once it is at work: seconds until the end, status, stderr."""
    deadline = time.monotonic() + 60
    while not ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()[1]
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    return time.monotonic() - began, process.returncode, log


def test_sigterm_ends_what_waits_for_a_model(tmp_path: Path) -> None:
    """A rollout whose service never answers ends."""
    scenario = bundles.sealed(bundles.work())
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / f"{scenario.id}.json").write_text(scenario.to_json())
    with silent() as url:
        running = start(
            "rollout", "--scenarios", folder, "--out", tmp_path / "out", SEKFT_OP_MODEL="m", SEKFT_OP_URL=url
        )
        took_s, status, log = stopped(running, lambda: _connected(running.pid))
    assert took_s < AT_ONCE_S
    assert status == 130, log
    assert "is kept" in log


def _connected(pid: int) -> bool:
    """Whether it has an established connection over TCP, its sandbox aside."""
    time.sleep(0.5)
    with suppress(OSError):  # it has ended, or closed a descriptor meanwhile
        table = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
        sockets = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
        return any(line.split()[3] == "01" and f"socket:[{line.split()[9]}]" in sockets for line in table)
    return False


def test_sigterm_ends_a_training_step_that_takes_long(tmp_path: Path) -> None:
    """A step is not waited for longer than the two seconds; what the last checkpoint holds is kept."""
    pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")
    base, data, step = tiny.shared(), tiny.sessions(tmp_path), tmp_path / "step"
    words = ("train", "--data", data, "--base", base, "--out", tmp_path / "out")
    deadline = time.monotonic() + 60
    with forking(TRAINER._replace(main="tests.training.slow:main"), *words, STEP=str(step)) as running:
        while not step.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        began = time.monotonic()
        os.kill(running.pid, signal.SIGTERM)
        done = running.done()
    assert time.monotonic() - began < AT_ONCE_S
    assert step.exists()
    assert done.returncode == 130, done.stderr


def test_sigterm_ends_what_heeds_nothing() -> None:
    """Code of a library that holds the main thread: the command leaves without it."""
    code = """
import threading, time
from sekft.cli import stopping
stopping.heed()
while True:
    try:
        print("at work", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        pass
"""
    running = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    assert running.stdout
    running.stdout.readline()
    took_s, status, log = stopped(running, lambda: True)
    assert took_s < AT_ONCE_S
    assert (status, "interrupted" in log) == (130, True)
