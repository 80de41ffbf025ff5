"""Why this machine cannot make a bubblewrap sandbox, and what helps: advice.toml, read against what is seen here."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

INSTALL = "install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap)"
ROOT = Path("/")


def explained(fault: str, ids: int, root: Path = ROOT) -> str:
    """What bwrap said, its cause, what to do about it.

    ids:  the highest uid that a sandbox wants. root: where the machine's /proc lies.
    """
    facts: Mapping[str, Callable[[], bool]] = {
        "few_ids": lambda: os.geteuid() == 0 and not has_id(ids, root),
        "no_namespaces": lambda: _setting(root, "user/max_user_namespaces") == "0",
        "no_unprivileged_namespaces": lambda: _setting(root, "kernel/unprivileged_userns_clone") == "0",
        "apparmor": lambda: _setting(root, "kernel/apparmor_restrict_unprivileged_userns") == "1",
        "container": lambda: any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")),
    }
    table = tomllib.loads((Path(__file__).parent / "advice.toml").read_text(encoding="utf-8"))
    for entry in table["entry"]:
        if re.search(entry.get("words", ""), fault) and ("when" not in entry or facts[entry["when"]]()):
            return f"{fault}: {entry['cause']}: {entry['remedy']}"
    return f"{fault}; {INSTALL} 0.8 or newer, and allow unprivileged user namespaces"


def has_id(wanted: int, root: Path = ROOT) -> bool:
    """Whether this user namespace maps that uid; lines are `inside outside count`."""
    try:
        lines = (root / "proc/self/uid_map").read_text(encoding="utf-8").splitlines()
    except OSError:
        return True
    ranges = [tuple(map(int, line.split())) for line in lines]
    return any(first <= wanted < first + count for first, _, count in ranges)


def _setting(root: Path, name: str) -> str:
    with suppress(OSError):
        return (root / "proc/sys" / name).read_text(encoding="utf-8").strip()
    return ""
