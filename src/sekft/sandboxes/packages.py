"""Debian packages without root: `apt-get download`, then `dpkg-deb --extract`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sekft.cache import cache_root
from sekft.errors import SandboxUnavailable

HINT = "userlands are built from Debian packages: this needs apt-get, dpkg-deb and a Debian mirror"


def unpack(packages: list[str], folder: Path) -> dict[str, str]:
    """Download and extract into `folder`; tells each package's version."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise SandboxUnavailable(f"no apt-get or dpkg-deb here; {HINT}")
    debs = folder.parent / "debs"
    debs.mkdir()
    _download(packages, debs)
    folder.mkdir()
    versions: dict[str, str] = {}
    for deb in sorted(debs.glob("*.deb")):
        name, version = (_run(["dpkg-deb", "--field", str(deb), field]).strip() for field in ("Package", "Version"))
        versions[name] = version
        _run(["dpkg-deb", "--extract", str(deb), str(folder)])
    shutil.rmtree(debs)
    return versions


def _download(packages: list[str], folder: Path) -> None:
    """With the machine's package lists; where these are missing or old, with lists of our own."""
    command = ["apt-get", "-q", "download", *packages]
    first = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=_plain())
    if first.returncode == 0:
        return
    own = _own_lists()
    _run(["apt-get", "-q", *own, "update"])
    _run([command[0], *own, *command[1:]], cwd=folder)


def _own_lists() -> list[str]:
    lists = cache_root() / "apt"
    (lists / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (lists / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::Lists={lists}/lists", "-o", f"Dir::Cache={lists}", "-o", "Debug::NoLocking=1"]


def _run(command: list[str], cwd: Path | None = None) -> str:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=_plain())
    if result.returncode:
        reason = (result.stderr or result.stdout).strip()[-400:]
        raise SandboxUnavailable(f"{' '.join(command[:2])}: exit {result.returncode}: {reason}; {HINT}")
    return result.stdout


def _plain() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
