"""A fork goes on from where a session stood, and neither sees the other afterwards."""

from __future__ import annotations

import pytest

from sekft.errors import InfraError
from sekft.protocols import Sandbox, Session
from sekft.scenario import File

from .conftest import Landing

FILES = (
    File(path="/srv/kept/a.txt", content="one\n", mtime=1600000000),
    File(path="/srv/kept/locked", content="secret\n", mode="0000", owner="root"),
    File(path="/srv/kept/link", kind="symlink", target="a.txt"),
)


async def test_a_fork_has_the_same_files_and_the_same_shell(sandbox: Sandbox, land: Landing) -> None:
    """State of every path, directory, variables, functions, aliases, options, `$?` and prompt go on."""
    session = await land(*FILES)
    for command in (
        "mkdir -p ~/d/e; echo two > ~/d/e/f; chmod 600 ~/d/e/f; ln -s f ~/d/e/g; rm /srv/kept/a.txt",
        "cd ~/d; x='a b'; export y=z; greet() { echo hello $1; }; alias ll='ls -l'; set -u",
        "PS1='> '; umask 077; (exit 3)",
    ):
        await session.exec(command)
    async with sandbox.fork(await session.snapshot()) as fork:
        assert await fork.state() == await session.state()
        for command in (
            'echo "$? $PWD $x $(umask) $-"; env | grep y=; greet you; alias',
            "ls -la .",
        ):
            assert (await fork.exec(command)).output == (await session.exec(command)).output
        assert fork.prompt() == session.prompt() == "> "
        assert (await fork.exec("cat /srv/kept/locked; chmod 644 /srv/kept/locked")).status != 0


async def test_fork_and_session_go_separate_ways(sandbox: Sandbox, session: Session) -> None:
    """What one writes the other does not see, and a snapshot can be forked twice."""
    snapshot = await session.snapshot()
    await session.exec("echo mine > ~/note; v=1")
    async with sandbox.fork(snapshot) as one, sandbox.fork(snapshot) as two:
        await one.exec("echo one > ~/note")
        assert (await two.exec('cat ~/note; echo "[${v-}]"')).output.endswith("[]\n")
        assert (await session.exec("cat ~/note")).output == "mine\n"


async def test_a_fork_is_as_confined_as_a_landing(sandbox: Sandbox, session: Session) -> None:
    """The system's own files stay root's, and refuse as they do in the session."""
    async with sandbox.fork(await session.snapshot()) as fork:
        for command in ("echo x >> /etc/passwd", "touch /etc/new", "ls -ld /etc /etc/passwd /srv"):
            assert await fork.exec(command) == await session.exec(command)
        assert (await fork.exec("echo x >> /etc/passwd")).status != 0


async def test_what_cannot_be_carried_is_an_error_and_not_a_loss(session: Session) -> None:
    """A file over the limit of 16 MiB is named."""
    await session.exec("dd if=/dev/zero of=/tmp/big bs=1048576 count=17 2>/dev/null")
    with pytest.raises(InfraError, match="/tmp/big"):
        await session.snapshot()
