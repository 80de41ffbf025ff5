"""Debian's packages without root: their programs, as `apt-get download` gives them, and pinned sources."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sekft.cache import cache_root
from sekft.errors import SandboxUnavailable

HINT = "userlands are built from Debian packages: this needs apt-get, dpkg-deb and a Debian mirror"


def unpack(packages: Sequence[str], folder: Path) -> dict[str, str]:
    """Download and extract into `folder`; returns each package's version."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise SandboxUnavailable(f"no apt-get or dpkg-deb here; {HINT}")
    debs = folder.parent / "debs"
    debs.mkdir()
    _download(packages, debs)
    folder.mkdir()
    versions: dict[str, str] = {}
    for deb in sorted(debs.glob("*.deb")):
        name, version = (run(["dpkg-deb", "--field", str(deb), field]).strip() for field in ("Package", "Version"))
        versions[name] = version
        run(["dpkg-deb", "--extract", str(deb), str(folder)])
    shutil.rmtree(debs)
    return versions


def unpack_source(name: str, version: str, sha256: Mapping[str, str], folder: Path) -> None:
    """Make `folder` of the source package of exactly that version, with Debian's patches applied.

    sha256: of each archive, by its name.
    """
    archives, unpacked = folder.parent / "archives", folder.parent / "unpacked"
    archives.mkdir()
    run(["apt-get", "-q", *_source_lists(), "source", "--download-only", f"{name}={version}"], cwd=archives)
    for archive, wanted in sha256.items():
        found = hashlib.sha256((archives / archive).read_bytes()).hexdigest()
        if found != wanted:
            raise SandboxUnavailable(f"{archive}: sha256 is {found}, want {wanted}")
        with tarfile.open(archives / archive) as tar:
            tar.extraction_filter = getattr(tarfile, "tar_filter", lambda member, path: member)
            tar.extractall(unpacked)
    (top,) = (path for path in unpacked.iterdir() if path.name != "debian")
    top.rename(folder)
    patches = unpacked / "debian/patches"
    for patch in (patches / "series").read_text().split():
        run(["patch", "-s", "-p1", "-i", str(patches / patch)], cwd=folder)


def run(command: Sequence[str], cwd: Path | None = None) -> str:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=_plain())
    if result.returncode:
        reason = (result.stderr or result.stdout).strip()[-400:]
        raise SandboxUnavailable(f"{' '.join(command[:2])}: exit {result.returncode}: {reason}; {HINT}")
    return result.stdout


def _download(packages: Sequence[str], folder: Path) -> None:
    """With the machine's package lists; where these are missing or old, with lists of our own."""
    command = ["apt-get", "-q", "download", *packages]
    first = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=_plain())
    if first.returncode == 0:
        return
    own = _own_lists("apt")
    run(["apt-get", "-q", *own, "update"])
    run([command[0], *own, *command[1:]], cwd=folder)


def _own_lists(name: str) -> list[str]:
    """Options of apt-get for package lists of our own."""
    lists = cache_root() / name
    for part in ("lists", "archives"):
        (lists / part / "partial").mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::Lists={lists}/lists", "-o", f"Dir::Cache={lists}", "-o", "Debug::NoLocking=1"]


def _source_lists() -> list[str]:
    """The same for the sources of where this machine's packages come from, which hardly a machine lists by itself.

    Trusted without a signature: what is downloaded must have the digest that we know.
    """
    fields = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    places = run(["apt-get", "indextargets", "--format", fields, "Created-By: Packages"]).split("\n")
    table = cache_root() / "apt-sources/sources.list"
    own = [*_own_lists("apt-sources"), "-o", f"Dir::Etc::SourceList={table}", "-o", "Dir::Etc::SourceParts=/dev/null"]
    table.write_text("".join(f"deb-src [trusted=yes] {place}\n" for place in sorted(set(places)) if "debian" in place))
    run(["apt-get", "-q", *own, "update"])
    return own


def _plain() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
