"""A lock on an open file, also where the file system knows only one of the two kinds.

Some network file systems refuse flock (NFS without a lock daemon, Lustre mounted without `-o flock`, FUSE); most of
these take POSIX locks. A POSIX lock does not keep out another user of the same file in this process: it is a fallback.
"""

from __future__ import annotations

import errno
import fcntl

from sekft.errors import StoreError

HELD = (errno.EAGAIN, errno.EACCES)
"""What a POSIX lock says where another process holds it."""


def take(handle: int, what: str, wait: bool = False) -> None:
    """Hold the file of this descriptor, opened for writing, until the descriptor is closed.

    what: for the message. Raises BlockingIOError where another holds it and `wait` is not set, StoreError where the
    file system has no locks.
    """
    how = fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)
    try:
        fcntl.flock(handle, how)
        return
    except BlockingIOError:
        raise
    except OSError:
        pass
    try:
        fcntl.lockf(handle, how)
    except OSError as error:
        if error.errno in HELD:
            raise BlockingIOError(error.errno, error.strerror) from error
        why = f"its file system has no file locks ({error.strerror})"
        raise StoreError(f"{what}: {why}: choose a folder on a local disk") from error
