"""A session goes back to where it stood, and nothing of what came after is left."""

from __future__ import annotations

import pytest

from sekft.errors import InfraError
from sekft.protocols import Session
from sekft.scenario import File

from .conftest import Landing

FILES = (
    File(path="/srv/kept/a.txt", content="one\n", mtime=1600000000),
    File(path="/srv/kept/deep/b", content="b\n", mode="0444"),
    File(path="/srv/kept/locked", content="secret\n", mode="0000", owner="root"),
    File(path="/srv/other/locked", content="secret\n", mode="0000"),
    File(path="/etc/own.conf", content="x=1\n", mode="0640"),
    File(path="/srv/kept/link", kind="symlink", target="a.txt"),
)
LOOK = "find /home /srv /tmp /opt /var/tmp /etc -exec ls -lnd --full-time {} +; cat /srv/kept/a.txt /etc/own.conf"

DAMAGE = (
    "rm -rf /srv/kept/a.txt ~/* /tmp/*; echo x > /tmp/x",
    "echo changed > /srv/kept/a.txt; chmod 600 /srv/kept/a.txt; touch /srv/kept",
    "mkdir -p ~/d/e/f; touch ~/d/e/f/g; chmod 000 ~/d/e; chmod 555 ~/d",
    "mkfifo /srv/kept/fifo; rm /srv/kept/deep/b; ln -s / /srv/kept/deep/b",
    "rm -r /srv/kept/deep; ln -s /etc /srv/kept/deep",
    "chmod 400 /etc/own.conf; chmod 000 ~ /srv /tmp",
    "echo y >> /etc/own.conf",
    "i=0; while [ $i -lt 300 ]; do : > ~/$i; i=$((i+1)); done",
    "echo kept > /run/sekft/elsewhere; chmod 0 /run/sekft",
)


async def landed(land: Landing) -> Session:
    session = await land(*FILES)
    await session.exec("cd /srv/kept; x=1")
    return session


@pytest.mark.parametrize("damage", DAMAGE)
async def test_everything_is_as_it_was(land: Landing, damage: str) -> None:
    """Contents, modes, times, links and the shell's state come back, whatever was done to them."""
    session = await landed(land)
    before, looked, at = await session.state(), await session.exec(LOOK), await session.snapshot()
    await session.exec(damage)
    await session.exec("cd /; x=2; alias ls=false; set -u")
    await session.rewind(at)
    assert await session.state() == before
    assert (await session.exec(LOOK)).output == looked.output
    assert (await session.exec('echo "$PWD $x $-"; ls /run/sekft; ls /tmp')).output == "/srv/kept 1 i\n"


async def test_a_session_goes_on_after_its_end_and_after_a_check(land: Landing) -> None:
    """exit and check are undone, and the check has the same verdict again."""
    session = await landed(land)
    at = await session.snapshot()
    for _ in range(3):
        assert (await session.exec("echo >> a.txt; exit 4")).ended
        assert (await session.check('[ "$(wc -l < /srv/kept/a.txt)" = 2 ]')).passed
        await session.rewind(at)
        assert (await session.check('[ "$(wc -l < /srv/kept/a.txt)" = 1 ]')).passed
        await session.rewind(at)


async def test_no_process_and_no_time_of_it_is_left(land: Landing) -> None:
    """What was started in the background is dead and writes no more."""
    session = await landed(land)
    at = await session.snapshot()
    await session.exec("(while :; do echo w > ~/w; done) & setsid sleep 4713 & :")
    await session.rewind(at)
    assert (await session.exec("ps | grep -c -e 4713 -e ' sh -i.*while'; ls ~")).output.splitlines()[0] in ("0", "1")
    assert (await session.exec("ls ~")).output == ""


async def test_what_is_protected_stays_protected(land: Landing) -> None:
    """After a rewind the system's files and sealed fixtures refuse as before."""
    session = await landed(land)
    at = await session.snapshot()
    await session.rewind(at)
    for command in (
        "echo x >> /etc/passwd",
        "chmod 644 /srv/kept/locked",
        "rm -f /srv/kept/locked",
        "cat /srv/kept/locked",
    ):
        assert (await session.exec(command)).status != 0


@pytest.mark.parametrize(
    "moved",
    [
        "mv /srv/kept /srv/moved",
        "mv /srv/kept /srv/k; mv /srv/other /srv/kept; mv /srv/k /srv/other",
        "mkdir /srv/z; mv /srv/kept /srv/z/kept",
    ],
)
async def test_a_sealed_file_that_was_carried_off_is_no_way_back(land: Landing, moved: str) -> None:
    """A folder with a read-only bind in it can be renamed, even for its twin: the rewind says that it failed."""
    session = await landed(land)
    at = await session.snapshot()
    assert (await session.exec(f"cd /; {moved}")).status == 0
    with pytest.raises(InfraError):
        await session.rewind(at)


async def test_a_tree_with_a_fifo_is_not_gone_back_to(land: Landing) -> None:
    """A FIFO cannot be carried, so the snapshot is refused rather than brought back without it."""
    session = await landed(land)
    await session.exec("mkfifo ~/fifo")
    with pytest.raises(InfraError, match="FIFO"):
        await session.rewind(await session.snapshot())


async def test_a_smaller_tree_comes_back_from_a_full_one(land: Landing) -> None:
    """Room that a flood of files took is there again."""
    session = await land(limits={"writable_bytes": 4 << 20})
    at = await session.snapshot()
    for _ in range(3):
        assert (await session.exec("dd if=/dev/zero of=$HOME/big bs=65536 count=48 2>/dev/null")).status == 0
        await session.rewind(at)
