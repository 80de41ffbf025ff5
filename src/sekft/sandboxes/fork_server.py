"""A process that bwrap starts once, and of which sandboxes are forked: each in all namespaces of its own.

runner/forkserver.c is the other end. It ends with us, however we end, and so do its sandboxes. Where none can be had
(the trial shows it), bwrap starts each sandbox: a fork server saves its start and its mounts, and nothing else.
"""

from __future__ import annotations

import array
import atexit
import os
import socket
import subprocess
from collections.abc import Sequence
from threading import Lock

TRIAL_S, CLOSE_S = 10.0, 3.0
ANSWER_BYTES = 200
_HELLO = b"H\0\0\0\0"


class ServerGone(OSError):
    """It ended, or did not answer."""


class ForkServer:
    """command: of bwrap. inherited: descriptors that the command names. Raises OSError where it does not work."""

    def __init__(self, command: Sequence[str], inherited: Sequence[int] = ()) -> None:
        self._one_asks = Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._keeper = os.pidfd_open(os.getpid())
        self._process: subprocess.Popen[bytes] | None = None
        try:
            with theirs:
                self._process = subprocess.Popen(
                    command,
                    pass_fds=inherited,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.DEVNULL,
                    env={},
                    cwd="/",
                    start_new_session=True,
                )
            self._try()
        except BaseException:
            self.close()
            raise

    def _try(self) -> None:
        """Fork one that says hello."""
        ours, theirs = socket.socketpair()
        self._control.settimeout(TRIAL_S)
        ours.settimeout(TRIAL_S)
        with ours:
            with theirs:
                os.close(self.forked(theirs, (), b"H"))
            if (said := ours.recv(ANSWER_BYTES)) != _HELLO:
                raise OSError(f"a sandbox of the fork server said {said!r}")
        self._control.settimeout(None)

    def forked(self, stream: socket.socket, members: Sequence[int], what: bytes = b"S") -> int:
        """The pidfd of a fresh sandbox, whose runner has that stream. members: of its control group, if it has one.

        Raises ServerGone, or OSError where the server cannot fork.
        """
        with self._one_asks:
            try:
                socket.send_fds(self._control, [what], [self._keeper, stream.fileno(), *members])
                fds = array.array("i")
                room = socket.CMSG_LEN(fds.itemsize)
                said, carried, *_ = self._control.recvmsg(ANSWER_BYTES, room, socket.MSG_CMSG_CLOEXEC)
            except OSError as error:
                raise ServerGone(str(error)) from error
        if not said:
            raise ServerGone("the fork server ended")
        for _, _, data in carried:
            fds.frombytes(data)
        if not fds:
            raise OSError(said.decode(errors="replace"))
        return fds[0]

    def close(self) -> None:
        """End it, and all its sandboxes. Idempotent."""
        if self._control.fileno() < 0:
            return
        self._control.close()
        os.close(self._keeper)
        if self._process is None:
            return
        try:
            self._process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_servers: dict[tuple[int, Sequence[str]], ForkServer | None] = {}
_one_starts = Lock()


def forked(
    command: tuple[str, ...], inherited: Sequence[int], stream: socket.socket, members: Sequence[int]
) -> int | None:
    """A sandbox of this process's fork server of that command, as ForkServer.forked has it; None where none can be had.

    A server that died is started once more.
    """
    for _ in range(2):
        if (server := _server(command, inherited)) is None:
            return None
        try:
            return server.forked(stream, members)
        except ServerGone:
            with _one_starts:
                if _servers.get(key := (os.getpid(), command)) is server:
                    server.close()
                    del _servers[key]
        except OSError:  # a limit of the machine: whoever starts one alone says which
            return None
    return None


def _server(command: tuple[str, ...], inherited: Sequence[int]) -> ForkServer | None:
    key = os.getpid(), command
    with _one_starts:
        if key not in _servers:
            try:
                _servers[key] = ForkServer(command, inherited)
            except OSError:
                _servers[key] = None
        return _servers[key]


@atexit.register
def close_all() -> None:
    """End those of this process; what they and their sandboxes took is then ours. Another starts when it is needed."""
    with _one_starts:
        for key in [key for key in _servers if key[0] == os.getpid()]:
            if server := _servers.pop(key):
                server.close()
