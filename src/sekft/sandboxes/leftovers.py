"""What a harness that was killed leaves with the engine: everything else ends with the harness.

Containers that were made and never started stay, for no stream of theirs can end; so do images that others replaced.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LABEL = "sekft"
"""On every container: the harness's pid."""

BORN = "sekft.born"
"""On every container: what tells its harness from a later process of the same pid."""


def labels() -> dict[str, str]:
    return {LABEL: str(os.getpid()), BORN: born(os.getpid())}


def born(pid: int) -> str:
    """A living process's PID namespace and start, in clock ticks since boot; without /proc nothing but its pid."""
    try:
        if not Path("/proc/self/stat").exists():
            os.kill(pid, 0)
            return f":{pid}"
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return f"{Path('/proc/self/ns/pid').readlink()}:{ticks}"
    except OSError:
        return ""


def remove(engine: Any, images: str) -> list[str]:
    """What was removed, in words. images: the label of those that count as ours."""
    return [*_containers(engine), *_images(engine, images)]


def _containers(engine: Any) -> Iterator[str]:
    from docker.errors import APIError

    for each in engine.containers(all=True, filters={"label": LABEL}):
        if _needed(each):
            continue
        try:
            engine.remove_container(each["Id"], force=True)
        except APIError:  # it is ending by itself
            continue
        harness = each["Labels"][LABEL] or "unknown"
        yield f"container {each['Id'][:12]}, {each['State']}; its harness, pid {harness}, is gone"


def _needed(container: Any) -> bool:
    """A harness of another PID namespace cannot be looked for; what it has started ends with it."""
    pid, birth = container["Labels"][LABEL], container["Labels"].get(BORN, "")
    if birth and birth.partition(":")[0] != born(os.getpid()).partition(":")[0]:
        return bool(container["State"] == "running")
    return pid.isdigit() and bool(birth) and born(int(pid)) == birth


def _images(engine: Any, label: str) -> Iterator[str]:
    from docker.errors import APIError

    for each in engine.images(filters={"label": label, "dangling": True}):
        try:
            engine.remove_image(each["Id"])
        except APIError:  # a container still needs it
            continue
        yield f"image {each['Id'].removeprefix('sha256:')[:12]} of a replaced userland"
