"""A Ray cluster on this machine: each node in a network namespace of its own, joined by a bridge, on one processor."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.commands import environment

START_S = 600.0
PORT = 6379
STORE_BYTES = 80_000_000
PATIENT = {
    "RAY_raylet_start_wait_time_s": "600",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_worker_register_timeout_seconds": "300",
}
"""Of Ray, where other tests have the processors."""
SEKFT = "import sys; from sekft.cli import main; sys.exit(main())"


def why_not() -> str | None:
    """Why namespaces cannot be made here; None where they can."""
    if os.geteuid():
        return "only root makes network namespaces"
    missing = [program for program in ("ip", "nsenter", "taskset") if not shutil.which(program)]
    if missing:
        return f"no {' and '.join(missing)} on PATH"
    name = f"sekft-{secrets.token_hex(4)}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    return f"no network namespace can be made: {tried.stderr.strip()}" if tried.returncode else None


class Cluster:
    """Nodes by number; 0 is the head, where drivers run.

    python: an interpreter that has Ray and sekft. variables: of the environment of nodes and drivers.
    """

    def __init__(self, python: Path, cpus: int = 1, **variables: str) -> None:
        self._python, self._cpus, self._variables = python, cpus, variables
        self.folder = Path(tempfile.mkdtemp(prefix="skf"))  # a socket's path may have 107 bytes: no folder of pytest's
        self._name = f"skf{secrets.token_hex(3)}"
        self._token = secrets.token_hex(32)
        self._started: dict[int, subprocess.Popen[bytes]] = {}

    @contextlib.contextmanager
    def up(self, nodes: int, later: int = 0) -> Iterator[Cluster]:
        """With so many nodes; afterwards nothing is left of it. later: for how many more there is room."""
        try:
            _ip("link", "add", self._name, "type", "bridge")
            _ip("link", "set", self._name, "up")
            for number in range(nodes + later):
                self._lay(number)
            for number in range(nodes):
                self.start(number)
            yield self
        finally:
            for number in range(nodes + later):
                self.kill(number)
                subprocess.run(["ip", "netns", "delete", self._space(number)], capture_output=True, check=False)
            subprocess.run(["ip", "link", "delete", self._name], capture_output=True, check=False)
            shutil.rmtree(self.folder)

    @property
    def address(self) -> str:
        return f"10.213.0.1:{PORT}"

    def start(self, number: int, **changes: str) -> None:
        """Start a node, again where it was killed. changes: environment variables of it."""
        place = f"10.213.0.{number + 1}"
        joins = ["--head", f"--port={PORT}", "--include-dashboard=false", f"--temp-dir={self.folder}"]
        command = self._on(
            number, "-m", "ray.scripts.scripts", "start", *([] if number else joins),
            *([f"--address={self.address}"] if number else []), f"--node-ip-address={place}", "--block",
            f"--num-cpus={self._cpus}", f"--object-store-memory={STORE_BYTES}", "--disable-usage-stats",
        )  # fmt: skip
        log = (self.folder / f"node-{number}.log").open("ab")
        with log:
            at = command.index(str(self._python))
            command[at:at] = ["env", *(f"{name}={value}" for name, value in changes.items())]
            started = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment({}))
        self._started[number] = started
        deadline = time.monotonic() + START_S
        while b"runtime started" not in (said := (self.folder / f"node-{number}.log").read_bytes()):
            if started.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"node {number} did not start: {said.decode()[-2000:]}")
            time.sleep(0.1)
        (self.folder / f"node-{number}.log").write_bytes(b"")

    def kill(self, number: int) -> None:
        """At once, as a machine that loses power; its sandboxes, which have namespaces of their own, end with it."""
        for pid in self.processes(number):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if started := self._started.pop(number, None):
            started.kill()
            started.wait()

    def processes(self, number: int) -> list[int]:
        """Those in the node's network namespace."""
        found = subprocess.run(
            ["ip", "netns", "pids", self._space(number)], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in found.stdout.split()]

    def begin(self, *arguments: str | Path, **changes: str) -> subprocess.Popen[str]:
        """A command of sekft on the head, with the cluster as RAY_ADDRESS."""
        command = self._on(0, "-c", SEKFT, *map(str, arguments))
        env = self._environment({"RAY_ADDRESS": self.address} | changes)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)

    def run(self, number: int, *arguments: str, apart: bool = False) -> subprocess.Popen[str]:
        """A Python program on that node; what it says comes together. apart: it sees no process of other nodes."""
        alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] if apart else []
        command, env = [*alone, *self._on(number, *arguments)], self._environment({})
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)

    def _on(self, number: int, *arguments: str) -> list[str]:
        core = sorted(os.sched_getaffinity(0))[number % len(os.sched_getaffinity(0))]
        enter = ["nsenter", f"--net=/run/netns/{self._space(number)}", "taskset", "-c", str(core)]
        return [*enter, str(self._python), *arguments]

    def _environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Without what the caller's services are; Ray's own token is the cluster's."""
        ray = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self._token, **PATIENT}
        path = f"{self._python.parent}{os.pathsep}{os.environ['PATH']}"
        return environment(PATH=path, PYTHONUNBUFFERED="1", **ray, **self._variables, **changes)

    def _space(self, number: int) -> str:
        return f"{self._name}-{number}"

    def _lay(self, number: int) -> None:
        """A namespace with a cable to the bridge."""
        space, ours, theirs = self._space(number), f"{self._name}a{number}", f"{self._name}b{number}"
        _ip("netns", "add", space)
        _ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", space)
        _ip("link", "set", ours, "master", self._name, "up")
        for words in (("addr", "add", f"10.213.0.{number + 1}/24", "dev", theirs), ("link", "set", theirs, "up"),
                      ("link", "set", "lo", "up")):  # fmt: skip
            _ip("-n", space, *words)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
