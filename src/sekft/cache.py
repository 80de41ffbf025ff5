"""Where built userlands and tools are kept, and how they are built once, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from sekft.errors import SandboxUnavailable, StoreError
from sekft.folder import locks


def cache_root() -> Path:
    """The cache folder. For root it lies outside /root, whose mode hides it from the sandbox's uid.

    Raises SandboxUnavailable for a user of whom neither the environment nor passwd knows a home.
    """
    chosen = os.environ.get("SEKFT_CACHE")
    if chosen:
        return Path(chosen).absolute()
    if os.geteuid() == 0:
        return Path("/var/cache/sekft")
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "sekft"
    except RuntimeError:
        raise SandboxUnavailable(
            f"cache: HOME is not set and uid {os.geteuid()} is not in /etc/passwd: set SEKFT_CACHE to a writable folder"
        ) from None


def built(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name in the cache; `make` fills a fresh one when it is missing.

    Concurrent builders wait for each other; a failed or killed build leaves nothing under the name.
    Raises SandboxUnavailable when the cache cannot be written.
    """
    done = cache_root() / name
    if done.is_dir():
        return done
    try:
        for folder in (cache_root(), done.parent):
            _ensure(folder)
        with (done.parent / f".{done.name}.lock").open("w") as lock:
            locks.take(lock.fileno(), str(done.parent), wait=True)
            if not done.is_dir():
                _make_whole(done, make)
    except (OSError, StoreError) as error:
        raise SandboxUnavailable(f"cache {done.parent}: {error}; set SEKFT_CACHE to a writable folder") from error
    return done


def _ensure(folder: Path) -> None:
    """Whatever umask root has, the sandbox's uid must be able to enter."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)


def _make_whole(done: Path, make: Callable[[Path], None]) -> None:
    for unfinished in done.parent.glob(f".{done.name}.*/"):  # of a killed builder: the lock is ours
        shutil.rmtree(unfinished)
    fresh = Path(tempfile.mkdtemp(prefix=f".{done.name}.", dir=done.parent))
    try:
        fresh.chmod(0o755)
        make(fresh)
        fresh.rename(done)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
