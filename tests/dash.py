"""A real dash for tests."""

from __future__ import annotations

from sekft.sandboxes.userland import userland


def dash() -> list[str]:
    """The userland's own dash, run by its own loader: no shell of this machine is needed."""
    rootfs = userland("busybox").rootfs
    library = next((rootfs / "usr/lib").glob("*-linux-gnu"))
    loader = next(library.glob("ld-linux*"))
    return [str(loader), "--argv0", "sh", "--library-path", str(library), str(rootfs / "usr/bin/dash")]
