"""Userlands: the root file systems that sandboxes start from, and the trusted tools beside them.

All are made of Debian packages without root: `apt-get download`, then `dpkg-deb --extract`. A userland is read-only,
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sekft.cache import built, cache_root
from sekft.errors import SandboxUnavailable, UsageError
from sekft.sandboxes import debian, static_dash
from sekft.sandboxes.runner import build

NAMES = ("busybox", "gnu", "workstation")
_HERE = Path(__file__).parent / "userlands"
_KEPT = ("bin", "sbin", "lib", "lib64")
_MOUNT_POINTS = (
    "dev", "etc", "home", "opt", "proc", "root", "run/sekft", "srv", "sys", "tmp", "usr/lib/sekft", "usr/local", "var",
)  # fmt: skip
_NOT_APPLETS = ("sh", "man", "busybox")


@dataclass(frozen=True, slots=True)
class Userland:
    """digest: over the packages' names and versions, our own files and the recipe. dash: the version of its shell."""

    name: str
    rootfs: Path
    digest: str
    dash: str | None = None


def userland(name: str) -> Userland:
    """That userland, built on first use (needs the network once).

    Raises UsageError for an unknown name, SandboxUnavailable when it cannot be built.
    """
    if name not in NAMES:
        raise UsageError(f"userland {name!r}, want one of: {', '.join(NAMES)}")
    folder = built(_folder(name), lambda folder: _build(name, folder))
    about = json.loads((folder / "about.json").read_text())
    return Userland(name, folder / "rootfs", about["digest"], about["packages"]["dash"])


def tools(dash: str | None = None) -> Path:
    """The folder that is mounted on /usr/lib/sekft, built on first use.

    dash: the version of a userland's shell. Where ours is made of that version it is in the folder, and runs instead;
    where it could not be made, the folder says why, and nobody tries again before prepare().
    """
    runner = build.runner()
    if dash is not None and dash == static_dash.pins()["version"] and not _why_plain().is_file():
        try:
            return built(_tools_folder(dash), lambda folder: _build_tools(runner, folder, static_dash.build)) / "sekft"
        except SandboxUnavailable as error:
            reason = str(error)
        plain = built(_tools_folder(), lambda folder: _build_tools(runner, folder))
        (plain / "why").write_text(reason)
    return built(_tools_folder(), lambda folder: _build_tools(runner, folder)) / "sekft"


def missing() -> list[str]:
    """What of all this is still to be built."""
    either = (_tools_folder(), _tools_folder(static_dash.pins()["version"]))
    folders = {"runner and tools": either, **{name: (_folder(name),) for name in NAMES}}
    return [name for name, some in folders.items() if not any((cache_root() / folder).is_dir() for folder in some)]


def prepare() -> list[str]:
    """Build what is missing; returns where it lies."""
    _why_plain().unlink(missing_ok=True)
    userlands = [userland(name) for name in NAMES]
    return [*{str(tools(each.dash)) for each in userlands}, *(str(each.rootfs) for each in userlands)]


def no_static_shell() -> str | None:
    """Why sessions run the userland's own shell, which starts slower; None where they do not, or nothing is built."""
    if (why := _why_plain()).is_file():
        return why.read_text()
    versions = {json.loads(path.read_text())["packages"]["dash"] for path in map(_about, NAMES) if path.is_file()}
    wanted = static_dash.pins()["version"]
    return f"it is made of dash {wanted}, and the userlands have {min(versions)}" if versions - {wanted} else None


def _folder(name: str) -> str:
    return f"userlands/{name}-{_key(name)}"


def _tools_folder(dash: str = "") -> str:
    return f"tools/{build.digest()}-{_key('tools')}" + (f"-dash-{dash}-{static_dash.key()}" if dash else "")


def _why_plain() -> Path:
    return cache_root() / _tools_folder() / "why"


def _about(name: str) -> Path:
    return cache_root() / _folder(name) / "about.json"


@cache
def _recipes() -> dict[str, Any]:
    """recipe: raised when this module makes something else of the same packages. For each name: packages, files."""
    return tomllib.loads((_HERE / "packages.toml").read_text())


@cache
def _key(name: str) -> str:
    """What we put in: the recipe, the package list, what is dropped, kept and linked, and our own files."""
    recipe = _recipes()[name]
    more = [recipe[part] for part in ("drop", "keep", "links", "compiled", "options") if part in recipe]
    digest = hashlib.sha256(json.dumps([_recipes()["recipe"], recipe["packages"], *more]).encode())
    for file in recipe["files"]:
        digest.update(file.encode() + b"\0" + (_HERE / "files" / file).read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _build(name: str, folder: Path) -> None:
    rootfs = folder / "rootfs"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        unpacked = Path(scratch) / "unpacked"
        versions = debian.unpack(_recipes()[name]["packages"], unpacked)
        for part in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/share/man", *_MOUNT_POINTS):
            (rootfs / part).mkdir(parents=True, exist_ok=True)
        _merge(unpacked, rootfs)
        _fit(_recipes()[name], unpacked, rootfs)
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


def _fit(recipe: Mapping[str, Any], unpacked: Path, rootfs: Path) -> None:
    """What the recipe drops, keeps and links beyond what is taken of any package."""
    for pattern in recipe.get("drop", ()):
        for path in sorted(rootfs.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for part in recipe.get("keep", ()):
        shutil.copytree(unpacked / "usr/share" / part, rootfs / "usr/share" / part, symlinks=True)
    for link, target in recipe.get("links", {}).items():
        (rootfs / link).symlink_to(target)
    for program, options in recipe.get("options", {}).items():
        _always(program, options, rootfs)
    if library := recipe.get("compiled"):
        _compile(library, rootfs)


def _always(program: str, options: str, rootfs: Path) -> None:
    """Who calls the program calls a script that calls it with these options, too; alone it is called as it is."""
    script, own = rootfs / "usr/bin" / program, Path("usr/lib", program, program)
    (rootfs / own).parent.mkdir()
    script.rename(rootfs / own)
    script.write_text(f'#!/bin/sh\n[ $# = 0 ] || set -- {options} "$@"\nexec /{own} "$@"\n')
    script.chmod(0o755)


def _compile(library: str, rootfs: Path) -> None:
    """Python's byte code: a sandbox cannot write it, and `import json` would take a quarter of a second each time."""
    compiling = "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(rootfs), "-p", "/"
    result = _run_inside(rootfs, "python3", *compiling, str(rootfs / library), home=str(rootfs / "usr"))
    if result.returncode:
        raise SandboxUnavailable(f"compileall: exit {result.returncode}: {result.stdout.strip()[-300:]}")


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
    result = _run_inside(rootfs, "mandoc", str(rootfs / "usr/share/man"), called="makewhatis")
    if result.returncode > 2:  # 1 and 2 are warnings about pages
        raise SandboxUnavailable(f"makewhatis: exit {result.returncode}: {result.stderr.strip()[-300:]}")


def _run_inside(
    rootfs: Path, program: str, *arguments: str, called: str = "", home: str = ""
) -> subprocess.CompletedProcess[str]:
    loader = next((rootfs / "usr/lib").glob("*/ld-linux*.so.*"), None)
    if loader is None:
        raise SandboxUnavailable(f"{rootfs}: no dynamic loader in libc6")
    command = [str(loader), "--argv0", called or program, "--library-path", str(loader.parent)]
    own = {"PYTHONHOME": home} if home else {}
    whole = [*command, str(rootfs / "usr/bin" / program), *arguments]
    return subprocess.run(whole, capture_output=True, text=True, env={"LC_ALL": "C.UTF-8", **own})


def _open_up(rootfs: Path) -> None:
    """Every directory can be entered and every file read, whatever umask the builder has; nothing is set-uid."""
    for folder, _, files in os.walk(rootfs):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o111 else 0o644)


def _build_tools(runner: Path, folder: Path, shell: Callable[[Path], Path] | None = None) -> None:
    tools = folder / "sekft"
    (tools / "bin").mkdir(parents=True)
    (tools / "own").mkdir()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        if shell:
            shutil.copyfile(shell(Path(scratch)), tools / "dash")
        debian.unpack(_recipes()["tools"]["packages"], Path(scratch) / "packages")
        busybox = next(path for path in (Path(scratch) / "packages").rglob("bin/busybox"))
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
    if shell:
        (tools / "dash").chmod(0o111)  # see runner/setup.c
