"""Userlands: the root file systems that sandboxes start from, and the trusted tools beside them.

Both are made of Debian packages without root: `apt-get download`, then `dpkg-deb --extract`. A userland is read-only,
usr-merged and holds dash as /bin/sh, `man`, and `panic`. Its /etc, /home, /var … are empty mount points; fixtures.py
fills them anew for each sandbox. The tools folder is mounted on /usr/lib/sekft: the runner, a static busybox for
checks, and the shell's end script.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sekft.cache import built, cache_root
from sekft.errors import SandboxUnavailable, UsageError
from sekft.sandboxes.runner import build

NAMES = ("busybox", "gnu")
HINT = "userlands are built from Debian packages: this needs apt-get, dpkg-deb and a Debian mirror"
_HERE = Path(__file__).parent / "userlands"
_KEPT = ("bin", "sbin", "lib", "lib64")
_MOUNT_POINTS = (
    "dev", "etc", "home", "opt", "proc", "root", "run/sekft", "srv", "sys", "tmp", "usr/lib/sekft", "usr/local", "var",
)  # fmt: skip
_NOT_APPLETS = ("sh", "man", "busybox")


@dataclass(frozen=True, slots=True)
class Userland:
    """digest: over the packages' names and versions, our own files and the recipe."""

    name: str
    rootfs: Path
    digest: str


def userland(name: str) -> Userland:
    """That userland, built on first use (needs the network once).

    Raises UsageError for an unknown name, SandboxUnavailable when it cannot be built.
    """
    if name not in NAMES:
        raise UsageError(f"userland {name!r}, want one of: {', '.join(NAMES)}")
    folder = built(_folder(name), lambda folder: _build(name, folder))
    return Userland(name, folder / "rootfs", json.loads((folder / "about.json").read_text())["digest"])


def tools() -> Path:
    """The folder that is mounted on /usr/lib/sekft, built on first use."""
    runner = build.runner()
    return built(_tools_folder(), lambda folder: _build_tools(runner, folder)) / "sekft"


def missing() -> list[str]:
    """What of all this is still to be built."""
    folders = {"runner and tools": _tools_folder(), **{name: _folder(name) for name in NAMES}}
    return [name for name, folder in folders.items() if not (cache_root() / folder).is_dir()]


def _folder(name: str) -> str:
    return f"userlands/{name}-{_key(name)}"


def _tools_folder() -> str:
    return f"tools/{build.digest()}-{_key('tools')}"


@cache
def _recipes() -> dict[str, Any]:
    """recipe: raised when this module makes something else of the same packages. For each name: packages, files."""
    return tomllib.loads((_HERE / "packages.toml").read_text())


@cache
def _key(name: str) -> str:
    """What we put in: the recipe, the package list and our own files."""
    recipe = _recipes()[name]
    digest = hashlib.sha256(json.dumps([_recipes()["recipe"], recipe["packages"]]).encode())
    for file in recipe["files"]:
        digest.update(file.encode() + b"\0" + (_HERE / "files" / file).read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _build(name: str, folder: Path) -> None:
    rootfs = folder / "rootfs"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        unpacked = Path(scratch) / "unpacked"
        versions = _unpack(_recipes()[name]["packages"], unpacked)
        for part in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/share/man", *_MOUNT_POINTS):
            (rootfs / part).mkdir(parents=True, exist_ok=True)
        _merge(unpacked, rootfs)
    for part in _KEPT:
        (rootfs / part).symlink_to(f"usr/{part}")
    if name == "busybox":
        _link_applets(rootfs / "usr/bin/busybox", rootfs / "usr/bin")
    (rootfs / "usr/bin/sh").unlink(missing_ok=True)
    (rootfs / "usr/bin/sh").symlink_to("dash")
    for link, target in (("awk", "mawk"), ("which", "which.debianutils")):  # links that Debian makes at installation
        if not (rootfs / "usr/bin" / link).exists():
            (rootfs / "usr/bin" / link).symlink_to(target)
    _own_files(rootfs)
    _index_manual(rootfs)
    _open_up(rootfs)
    digest = hashlib.sha256(json.dumps([_key(name), sorted(versions.items())]).encode()).hexdigest()
    (folder / "about.json").write_text(json.dumps({"name": name, "digest": digest, "packages": versions}, indent=1))


def _merge(unpacked: Path, rootfs: Path) -> None:
    """Copy programs, libraries and English manual pages; /bin and its like go to /usr."""
    left_out = shutil.ignore_patterns("gconv", "systemd", "audit", "locale", "mime")
    for part in _KEPT:
        for source in (unpacked / part, unpacked / "usr" / part):
            if source.is_dir():
                shutil.copytree(source, rootfs / "usr" / part, symlinks=True, dirs_exist_ok=True, ignore=left_out)
    for section in sorted((unpacked / "usr/share/man").glob("man[1-9]")):
        shutil.copytree(section, rootfs / "usr/share/man" / section.name, symlinks=True, dirs_exist_ok=True)


def _link_applets(busybox: Path, folder: Path, target: str = "busybox") -> None:
    applets = subprocess.run([str(busybox), "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in applets:
        if applet not in _NOT_APPLETS and not (folder / applet).is_symlink() and not (folder / applet).exists():
            (folder / applet).symlink_to(target)


def _own_files(rootfs: Path) -> None:
    (rootfs / "usr/bin/whatis").symlink_to("apropos")
    for name in ("apropos", "man", "panic"):
        shutil.copyfile(_HERE / "files" / name, rootfs / "usr/bin" / name)
        (rootfs / "usr/bin" / name).chmod(0o755)
    shutil.copyfile(_HERE / "files/panic.1", rootfs / "usr/share/man/man1/panic.1")


def _index_manual(rootfs: Path) -> None:
    """Makes mandoc's database with the userland's own loader and program, so that nothing of the host is used."""
    loader = next((rootfs / "usr/lib").glob("*/ld-linux*.so.*"), None)
    if loader is None:
        raise SandboxUnavailable(f"{rootfs}: no dynamic loader in libc6")
    command = [str(loader), "--argv0", "makewhatis", "--library-path", str(loader.parent)]
    target = str(rootfs / "usr/share/man")
    result = subprocess.run([*command, str(rootfs / "usr/bin/mandoc"), target], capture_output=True, text=True)
    if result.returncode > 2:  # 1 and 2 are warnings about pages
        raise SandboxUnavailable(f"makewhatis: exit {result.returncode}: {result.stderr.strip()[-300:]}")


def _open_up(rootfs: Path) -> None:
    """Every directory can be entered and every file read, whatever umask the builder has; nothing is set-uid."""
    for folder, _, files in os.walk(rootfs):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o111 else 0o644)


def _build_tools(runner: Path, folder: Path) -> None:
    tools = folder / "sekft"
    (tools / "bin").mkdir(parents=True)
    (tools / "own").mkdir()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _unpack(_recipes()["tools"]["packages"], Path(scratch) / "unpacked")
        busybox = next(path for path in (Path(scratch) / "unpacked").rglob("bin/busybox"))
        shutil.copyfile(busybox, tools / "busybox")
    shutil.copyfile(runner, tools / "runner")
    shutil.copyfile(_HERE / "files/end", tools / "end")
    # The shell opens its script by this name, so that messages begin with "sh:"; it leads to the typed text.
    (tools / "sh").symlink_to("/proc/self/fd/8")
    for program in ("busybox", "runner"):
        (tools / program).chmod(0o755)
    for applet in ("sh", "busybox"):
        (tools / "bin" / applet).symlink_to("../busybox")
    _link_applets(tools / "busybox", tools / "bin", "../busybox")
    _open_up(tools)


def _unpack(packages: list[str], folder: Path) -> dict[str, str]:
    """Download and extract into `folder`; returns each package's version."""
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
    lists = cache_root() / "apt"
    for part in ("lists", "archives"):
        (lists / part / "partial").mkdir(parents=True, exist_ok=True)
    own = ["-o", f"Dir::State::Lists={lists}/lists", "-o", f"Dir::Cache={lists}", "-o", "Debug::NoLocking=1"]
    _run(["apt-get", "-q", *own, "update"])
    _run([command[0], *own, *command[1:]], cwd=folder)


def _run(command: list[str], cwd: Path | None = None) -> str:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=_plain())
    if result.returncode:
        reason = (result.stderr or result.stdout).strip()[-400:]
        raise SandboxUnavailable(f"{' '.join(command[:2])}: exit {result.returncode}: {reason}; {HINT}")
    return result.stdout


def _plain() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
