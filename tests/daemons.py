"""A dockerd of the test's own: its own socket and folders, so that it can be stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from sekft import sandboxes
from sekft.sandboxes.docker import client
from tests.processes import alive, until

START_S = 60.0
DISK = "128m"
"""Room for one userland's image and some containers."""

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
        """As a restart does. A daemon that is stopped while it starts containers leaves shims, which it forgets."""
        self._process.terminate()
        self._process.wait()
        for shim in alive(f"-address {self._home}/"):
            with suppress(ProcessLookupError):
                os.kill(int(shim), signal.SIGKILL)

    def fill_disk(self) -> None:
        """And keep it full: what ends gives room back."""
        self._filling = True
        Thread(target=self._fill).start()

    def _fill(self) -> None:
        with (self._home / "filler").open("wb", buffering=0) as filler:
            while self._filling:
                try:
                    filler.write(bytes(1 << 12))
                except OSError:
                    time.sleep(0.001)
        (self._home / "filler").unlink()

    def free_disk(self) -> None:
        self._filling = False


@contextmanager
def own_daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """It runs, on a small disk, and DOCKER_HOST names it, until the context ends."""
    with tempfile.TemporaryDirectory(prefix="own-", ignore_cleanup_errors=True) as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", folder], check=True)
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
            subprocess.run(["umount", "--lazy", folder], check=True)
