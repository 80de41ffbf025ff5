"""A dockerd of the test's own: its own socket and folders, so that it can be killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sekft import sandboxes
from sekft.sandboxes.containers import client
from tests.sandboxes.test_bubblewrap import until

START_S = 60.0
needs_own_daemon = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("dockerd"), reason="only root can start a dockerd of its own"
)


class Daemon:
    """home: a short path, for the daemon makes sockets below it."""

    def __init__(self, home: Path) -> None:
        self.host = f"unix://{home}/sock"
        self._home = home

    def start(self) -> None:
        folders = {"data-root": "root", "exec-root": "exec", "pidfile": "pid"}
        options = [text for name, folder in folders.items() for text in (f"--{name}", str(self._home / folder))]
        options += ["--bridge", "none", "--iptables=false", "--ip6tables=false"]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(["dockerd", *options, "--host", self.host], stderr=log)
        assert until(lambda: sandboxes.probe("docker") is None, START_S), sandboxes.probe("docker")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def own_daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """It runs, and DOCKER_HOST names it, until the context ends."""
    with tempfile.TemporaryDirectory(prefix="sekft-", ignore_cleanup_errors=True) as folder:
        daemon = Daemon(Path(folder))
        monkeypatch.setenv("DOCKER_HOST", daemon.host)
        client.cache_clear()
        try:
            daemon.start()
            yield daemon
        finally:
            client().close()
            client.cache_clear()
            daemon.stop()
