"""Docker images of our own userlands: the root file system as one layer, found again by its digest."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path
from typing import Any

from sekft.sandboxes.userland import Userland

REPOSITORY = "sekft-dash"
DIGEST_LABEL = "sekft.userland.digest"
SKELETON = ".sekft"
"""A folder of the image that holds the root's links and mount points: the runner enters it (runner/enter.c), so that
what an engine adds to a root (/.dockerenv, /etc/resolv.conf, /sys, /dev/shm) is not there for the agent."""


def image(client: Any, userland: Userland) -> str:
    """The id of sekft-dash:<userland> with that digest; imported when it is not there yet."""
    tag = f"{REPOSITORY}:{userland.name}"
    found = client.images(name=tag, filters={"label": f"{DIGEST_LABEL}={userland.digest}"})
    if not found:
        _import(client, userland)
        found = client.images(name=tag, filters={"label": f"{DIGEST_LABEL}={userland.digest}"})
    return str(found[0]["Id"])


def _import(client: Any, userland: Userland) -> None:
    changes = [f"LABEL {DIGEST_LABEL}={userland.digest}", 'CMD ["/bin/sh"]', "ENV LANG=C.UTF-8 TZ=UTC"]
    with tempfile.NamedTemporaryFile(suffix=".tar") as layer:
        with tarfile.open(fileobj=layer, mode="w") as tar:
            write_root(tar, userland.rootfs)
        layer.flush()
        client.import_image_from_file(layer.name, repository=REPOSITORY, tag=userland.name, changes=changes)


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
