"""Docker images of our own userlands: the root file system as one layer, found again by its digest."""

from __future__ import annotations

import os
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from sekft.sandboxes.userland import Userland, userland

REPOSITORY = "sekft-dash"
DIGEST_LABEL = "sekft.userland.digest"
SKELETON = ".sekft"
"""A folder of the image that holds the root's links and mount points: the runner enters it (runner/enter.c), so that
what an engine adds to a root (/.dockerenv, /etc/resolv.conf, /sys, /dev/shm) is not there for the agent."""


def chosen(client: Any, name: str) -> tuple[Userland, str]:
    """The userland and the id of its image: SEKFT_IMAGE, which docker build made, else our own of that name.

    Raises SandboxUnavailable when our own cannot be built.
    """
    given = os.environ.get("SEKFT_IMAGE")
    if given:
        found = str(client.inspect_image(given)["Id"])
        return Userland(given, Path("/"), found.removeprefix("sha256:")), found
    ours = userland(name)
    return ours, image(client, ours)


def image(client: Any, ours: Userland) -> str:
    """The id of sekft-dash:<userland> with that digest; imported when it is not there yet."""
    tag = f"{REPOSITORY}:{ours.name}"
    found = client.images(name=tag, filters={"label": f"{DIGEST_LABEL}={ours.digest}"})
    if not found:
        _import(client, ours)
        found = client.images(name=tag, filters={"label": f"{DIGEST_LABEL}={ours.digest}"})
    return str(found[0]["Id"])


def _import(client: Any, ours: Userland) -> None:
    changes = [f"LABEL {DIGEST_LABEL}={ours.digest}", 'CMD ["/bin/sh"]', "ENV LANG=C.UTF-8 TZ=UTC"]
    with tempfile.TemporaryFile() as layer:  # without a name: nothing of it outlives this process
        with tarfile.open(fileobj=layer, mode="w") as tar:
            write_root(tar, ours.rootfs)
        layer.seek(0)
        client.import_image_from_data(layer, repository=REPOSITORY, tag=ours.name, changes=changes)


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
