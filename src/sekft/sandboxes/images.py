"""What the docker backend keeps with the engine: images of our userlands, and what a killed harness left behind.

An image is the root file system as one layer, found again by its digest. Everything else ends with the harness, but for
containers that were made and never started (no stream of theirs can end) and images that others replaced.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sekft.sandboxes.userland import Userland, userland

LABEL = "sekft"
"""On every container: the harness's pid."""

BORN = "sekft.born"
"""On every container: what tells its harness from a later process of the same pid."""

REPOSITORY = "sekft-dash"
DIGEST_LABEL = "sekft.userland.digest"
SKELETON = ".sekft"
"""A folder of the image that holds the root's links and mount points: the runner enters it (runner/enter.c), so that
what an engine adds to a root (/.dockerenv, /etc/resolv.conf, /sys, /dev/shm) is not there for the agent."""


def chosen(engine: Any, name: str) -> tuple[Userland, str]:
    """The userland and the id of its image: SEKFT_IMAGE, which docker build made, else our own of that name.

    Raises SandboxUnavailable when our own cannot be built.
    """
    if tag := os.environ.get("SEKFT_IMAGE"):
        image_id = str(engine.inspect_image(tag)["Id"])
        return Userland(tag, Path("/"), image_id.removeprefix("sha256:")), image_id
    ours = userland(name)
    return ours, _image(engine, ours)


def _image(engine: Any, ours: Userland) -> str:
    """The id of sekft-dash:<userland> with that digest; imported when it is not there yet."""
    tag = f"{REPOSITORY}:{ours.name}"
    matches = engine.images(name=tag, filters={"label": f"{DIGEST_LABEL}={ours.digest}"})
    if not matches:
        _import(engine, ours)
        matches = engine.images(name=tag, filters={"label": f"{DIGEST_LABEL}={ours.digest}"})
    return str(matches[0]["Id"])


def _import(engine: Any, ours: Userland) -> None:
    changes = [f"LABEL {DIGEST_LABEL}={ours.digest}", 'CMD ["/bin/sh"]', "ENV LANG=C.UTF-8 TZ=UTC"]
    with tempfile.TemporaryFile() as layer:  # without a name: nothing of it outlives this process
        with tarfile.open(fileobj=layer, mode="w") as tar:
            write_root(tar, ours.rootfs)
        layer.seek(0)
        engine.import_image_from_data(layer, repository=REPOSITORY, tag=ours.name, changes=changes)


def write_root(tar: tarfile.TarFile, rootfs: Path) -> None:
    """Everything belongs to root. The skeleton is the root again, without what lies in its folders."""
    tar.add(rootfs, arcname=".", filter=_roots)
    tar.add(rootfs, arcname=SKELETON, filter=_roots, recursive=False)
    for path in sorted(rootfs.iterdir()):
        tar.add(path, arcname=f"{SKELETON}/{path.name}", filter=_roots, recursive=path.name == "run")


def _roots(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def labels() -> dict[str, str]:
    return {LABEL: str(os.getpid()), BORN: _born(os.getpid())}


def _born(pid: int) -> str:
    """A living process's PID namespace and start, in clock ticks since boot; without /proc nothing but its pid."""
    try:
        if not Path("/proc/self/stat").exists():
            os.kill(pid, 0)
            return f":{pid}"
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return f"{Path('/proc/self/ns/pid').readlink()}:{ticks}"
    except OSError:
        return ""


def remove_leftovers(engine: Any) -> list[str]:
    """Remove what no living harness needs; returns what was removed, in words."""
    return [*_remove_containers(engine), *_remove_images(engine)]


def _remove_containers(engine: Any) -> Iterator[str]:
    from docker.errors import APIError

    for container in engine.containers(all=True, filters={"label": LABEL}):
        if _needed(container):
            continue
        try:
            engine.remove_container(container["Id"], force=True)
        except APIError:  # it is ending by itself
            continue
        harness = container["Labels"][LABEL] or "unknown"
        yield f"container {container['Id'][:12]}, {container['State']}; its harness, pid {harness}, is gone"


def _needed(container: Any) -> bool:
    """A harness of another PID namespace cannot be looked for; what it has started ends with it."""
    pid, birth = container["Labels"][LABEL], container["Labels"].get(BORN, "")
    if birth and birth.partition(":")[0] != _born(os.getpid()).partition(":")[0]:
        return bool(container["State"] == "running")
    return pid.isdigit() and bool(birth) and _born(int(pid)) == birth


def _remove_images(engine: Any) -> Iterator[str]:
    from docker.errors import APIError

    for image in engine.images(filters={"label": DIGEST_LABEL, "dangling": True}):
        try:
            engine.remove_image(image["Id"])
        except APIError:  # a container still needs it
            continue
        yield f"image {image['Id'].removeprefix('sha256:')[:12]} of a replaced userland"
