"""What a bundle may hold, so that a sandbox can be made of it: a bundle beyond a bound is a bad bundle.

Each check raises ValueError, which says what was seen and what is wanted.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from pydantic import AfterValidator

WRITABLE_ROOTS = ("/etc", "/home", "/opt", "/srv", "/tmp", "/usr/local", "/var")
SYSTEM_FOLDERS = (
    "/usr/local/bin", "/usr/local/etc", "/usr/local/lib", "/usr/local/sbin", "/usr/local/share",
    "/usr/local/share/man", "/usr/local/share/man/man1", "/var/cache", "/var/lib", "/var/log", "/var/mail",
    "/var/opt", "/var/spool",
)  # fmt: skip
SYSTEM_FILES = tuple(f"/etc/{name}" for name in ("passwd", "group", "hostname", "hosts", "motd", "issue", "shells"))
"""What every sandbox has; a bundle's own of the same path replaces it."""
NAME_BYTES, PATH_BYTES, DEPTH, PATHS = 255, 4000, 100, 8192
TIME_S = 1 << 33
"""Of a fixture's mtime, before and after 1970."""
ENVIRONMENT_BYTES = 1 << 16


def plain_text(most_bytes: int) -> AfterValidator:
    """Text that a shell can hold, of so many bytes at most."""

    def checked(text: str) -> str:
        if "\0" in text or (size := len(text.encode())) > most_bytes:
            raise ValueError("want no NUL" if "\0" in text else f"saw {size} bytes, want at most {most_bytes}")
        return text

    return AfterValidator(checked)


def sandbox_path(path: str) -> str:
    names = path.encode().split(b"/")
    if len(names) > DEPTH or max(map(len, names)) > NAME_BYTES:
        raise ValueError(f"want a path of at most {DEPTH} names, each of at most {NAME_BYTES} bytes")
    if not path.startswith("/") or posixpath.normpath(path) != path or "\0" in path:
        raise ValueError("want an absolute path without '..', '//' or a trailing slash")
    if not any(path.startswith(root + "/") for root in WRITABLE_ROOTS):
        raise ValueError(f"path outside the writable tree; want it under {', '.join(WRITABLE_ROOTS)}")
    return path


def environment(env: dict[str, str]) -> dict[str, str]:
    """The environment, as far as a shell can start with it."""
    if (size := sum(len(name) + len(value.encode()) for name, value in env.items())) > ENVIRONMENT_BYTES:
        raise ValueError(f"saw {size} bytes, want at most {ENVIRONMENT_BYTES}")
    if not re.fullmatch("[0-9]{1,9}", env.get("OPTIND", "1")):
        raise ValueError("OPTIND: want a number: a shell accepts nothing else")
    return env


def folders_are_folders(home: str, files: Mapping[str, str]) -> None:
    """files: path → kind. Nothing lies below what is no folder, and there are not too many paths."""
    kinds = {**dict.fromkeys(SYSTEM_FILES, "file"), **files}
    above: set[str] = set()
    for path in (*SYSTEM_FOLDERS, home, *kinds):
        while (path := posixpath.dirname(path)) not in above and path != "/":
            above.add(path)
            if kinds.get(path, "directory") != "directory":
                raise ValueError(f"files: {path!r} is a {kinds[path]}, want a directory: another path lies below it")
    if kinds.get(home, "directory") != "directory":
        raise ValueError(f"files: {home!r} is a {kinds[home]}, want a directory: it is the login's home")
    if (count := len(above | kinds.keys())) > PATHS:
        raise ValueError(f"files: saw {count} paths with the folders above them, want at most {PATHS}")
