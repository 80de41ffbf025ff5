"""Where folders lie: on a file system of this machine, or at an address that fsspec knows, such as s3://bucket/run.

A local place is a pathlib.Path. Any other is a UPath, which has pathlib's methods; nothing of it is imported for local
paths. Credentials are fsspec's own affair: they come from the environment, and are recorded nowhere.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePath
from typing import Any, cast

from sekft.errors import SekftError, StoreError, UsageError, installing

EXTRA = "store"
UNFINISHED = ".unfinished"
WITHOUT_FOLDERS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory")
COPIES_HELD, OPEN_AT_ONCE = 64, 128
"""Shards of another machine that lie here at a time; files that are open at a time."""
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}(?=[^/])")


def placed(path: str | Path) -> Path:
    """The folder or file of that name or address; pathlib's `s3:/bucket/run` is taken for what was typed.

    Raises UsageError for an address that cannot be reached, or where what reaches it is not installed.
    """
    found = _ADDRESS.match(str(path))
    if is_remote(cast(Path, path)) or not found or (isinstance(path, Path) and path.exists()):
        return Path(path) if isinstance(path, str) else path
    address = f"{found[1]}://{str(path)[found.end() :]}"
    try:
        from upath import UPath
    except ImportError:
        raise UsageError(f"{address}: an address wants universal-pathlib: {installing(EXTRA)}") from None
    try:
        place = cast(Path, UPath(address))
        place.exists()
    except Exception as error:  # each store has its own
        raise UsageError(f"{address}: cannot be reached: {type(error).__name__}: {error}") from error
    return place


def is_remote(path: Path) -> bool:
    """Whether a folder is not of this machine: puts are atomic, small ones cost a request, and there are no locks."""
    return not isinstance(path, PurePath | str)


def beside(root: Path, name: str) -> Path:
    """A folder that was recorded by its path from that one, by an absolute path or by its address."""
    return placed(name) if "://" in name or name.startswith("/") else root / name


def put(path: Path, content: bytes | Path) -> None:
    """An object far away, whole or not at all. content: the bytes, or a file of this machine that has them."""
    system, address = cast(Any, path).fs, cast(Any, path).path
    with explained(path):
        try:
            _put(system, address, content)
        except FileNotFoundError:  # what has folders wants them made
            if cast(Any, path).protocol in WITHOUT_FOLDERS:
                raise
            system.makedirs(address.rpartition("/")[0], exist_ok=True)
            _put(system, address, content)


def put_folder(near: Path, far: Path, last: str) -> None:
    """All files of a folder, in the place of what lay there. last: one that tells of the others, and goes first."""
    found = (path for path in near.rglob("*") if path.is_file() and path.name != "lock")
    files = sorted(found, key=lambda path: path.name == last)
    with explained(far):
        (far / last).unlink(missing_ok=True)
    for path in files:
        put(far / str(path.relative_to(near)), path)
    kept = {str(path.relative_to(near)) for path in files}
    for name in _all_names(far):
        if name not in kept:
            with explained(far / name):
                (far / name).unlink()


def _put(system: Any, address: str, content: bytes | Path) -> None:
    if isinstance(content, bytes):
        system.pipe_file(address, content)
    else:
        system.put_file(str(content), address)


def written_whole(path: Path, content: bytes) -> None:
    """A file, whole or not at all. Raises StoreError."""
    with explained(path):
        if is_remote(path):
            put(path, content)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED)
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.chmod(0o644)
            unfinished.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn a refusal of the system, or of a store far away, into a StoreError that says what to do."""
    advice = {
        errno.ENOSPC: "the disk is full: free some space and run the same command again; what was done is kept",
        errno.EDQUOT: "the quota is used up: free some space and run the same command again; what was done is kept",
        errno.EFBIG: "the file-size limit is reached (ulimit -f); what was done is kept",
        errno.EACCES: "not writable by this user: choose another --out",
        errno.EPERM: "not writable by this user: choose another --out",
        errno.EROFS: "on a read-only file system: choose another --out",
        errno.ENOTDIR: "a part of this path is not a folder: choose another --out",
        errno.EEXIST: "a file is in the way: choose another --out",
    }
    try:
        yield
    except OSError as error:
        reason = advice.get(error.errno or 0, "cannot be written")
        raise StoreError(f"{path}: {error.strerror or error}: {reason}") from error
    except Exception as error:
        if is_remote(path) and not isinstance(error, SekftError | ValueError):  # each store has its own
            raise StoreError(f"{path}: {type(error).__name__}: {error}: what was put before is kept") from error
        raise


def documents(folder: Path, pattern: str = "*.json") -> list[Path]:
    """The visible files of a folder that have a file of their own, sorted; empty when there is no such folder.

    pattern: of a name, or of two below each other. A folder of a million files is no place for pathlib's glob.
    """
    if is_remote(folder):
        return [folder / name for name in _names_there(folder, pattern)]
    first, _, rest = pattern.partition("/")
    try:
        with os.scandir(folder) as found:
            names = sorted(each.name for each in found if each.name[0] != "." and fnmatchcase(each.name, first))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}") from error
    if rest:
        return [path for name in names for path in documents(folder / name, rest)]
    return [folder / name for name in names]


def _names_there(folder: Path, pattern: str) -> list[str]:
    wanted = pattern.split("/")
    found = (name for name in _all_names(folder) if _matches(name.split("/"), wanted))
    return sorted(found, key=lambda name: name.replace("/", "\0"))


def _all_names(folder: Path) -> list[str]:
    """One listing of all that lies below: a store has no folders."""
    system, root = cast(Any, folder).fs, cast(Any, folder).path.rstrip("/")
    system.invalidate_cache(root)  # others write there, too
    try:
        return [str(name)[len(root) :].lstrip("/") for name in system.find(root)]
    except FileNotFoundError:
        return []


def _matches(parts: list[str], wanted: list[str]) -> bool:
    return len(parts) == len(wanted) and all(
        part[:1] != "." and fnmatchcase(part, each) for part, each in zip(parts, wanted, strict=True)
    )


class _Open:
    """An open file, closed once nobody holds it."""

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.close(self.number)


_open: OrderedDict[Path, _Open] = OrderedDict()
_copies: OrderedDict[Path, Path] = OrderedDict()


def read_at(path: Path, offset: int, length: int) -> bytes:
    """A part of a file that never changes. The last ones that were read stay open; see local_copy."""
    held = _open.pop(path, None) or _Open(local_copy(path))
    _open[path] = held
    if len(_open) > OPEN_AT_ONCE:
        _open.popitem(last=False)
    return os.pread(held.number, length, offset)


def local_copy(path: Path) -> Path:
    """A file that never changes: where it lies or, from another machine, a copy that is gone when this process ends."""
    if not is_remote(path):
        return path
    if path not in _copies:
        handle, name = tempfile.mkstemp(dir=_copies_folder())
        os.close(handle)
        cast(Any, path).fs.get_file(cast(Any, path).path, name)
        _copies[path] = Path(name)
        if len(_copies) > COPIES_HELD:
            _copies.popitem(last=False)[1].unlink()
    _copies.move_to_end(path)
    return _copies[path]


@cache
def _copies_folder() -> str:
    folder = tempfile.mkdtemp(prefix="sekft-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
