"""Whose a fixture is: root's files are root's where a second uid can be had, and nobody else's to change either way."""

from __future__ import annotations

import os
import pwd
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sekft.errors import InfraError
from sekft.protocols import SandboxSpec, Session
from sekft.sandboxes import bubblewrap
from sekft.sandboxes.bubblewrap import BubblewrapSandbox
from sekft.sandboxes.fixtures import Bind, tree
from sekft.scenario import File, Login
from tests.sandboxes.conftest import Landing, shown

LOGIN = Login(user="ada", host="vault", home="/home/ada", prompt="$ ")
FILES = (
    File(path="/srv/mine/list", content="list\n"),
    File(path="/srv/mine/sealed", content="secret\n", mode="0000", owner="root"),
    File(path="/srv/mine/shut", kind="directory", mode="0700", owner="root"),
    File(path="/srv/mine/shut/in", content="secret\n", owner="root"),
    File(path="/srv/mine/link", kind="symlink", target="list", owner="root"),
    File(path="/srv/locked", kind="directory", mode="0755", owner="root"),
    File(path="/srv/locked/in", content="in\n", owner="root"),
    File(path="/srv/locked/own", content="own\n"),
    File(path="/etc/loose", content="loose\n", mode="0666", owner="root"),
    File(path="/var/spool/drop", kind="directory", mode="0777", owner="root"),
    File(path="/etc/own.conf", content="own\n"),
)
ATTACKS = (
    "chmod 777 {}", "rm -rf {}", "mv {} /srv/gone; rm -rf /srv/gone", "mv /srv/mine/list {}/new",
    "ln {} /srv/mine/hard", "echo x > {}", "echo x >> {}", "touch {}/new", "cp /srv/mine/list {}", "chown ada {}",
)  # fmt: skip
LOOK = "cd /; ls -lanR /etc /home /srv /var 2>&1; cat /srv/locked/in"
needs_second_uid = pytest.mark.skipif(bubblewrap.no_second_uid() is not None, reason="no second uid can be had here")
BOTH = [pytest.param(True, id="two uids", marks=needs_second_uid), pytest.param(False, id="one uid")]


@pytest.fixture
async def land(request: pytest.FixtureRequest, userland: str) -> AsyncIterator[Landing]:
    async with AsyncExitStack() as stack:

        async def land(*files: File) -> Session:
            sandbox = BubblewrapSandbox(second_uid=request.param)
            return await stack.enter_async_context(sandbox.open(SandboxSpec(userland, LOGIN, files)))

        yield land


two_uids = pytest.mark.parametrize("land", BOTH[:1], indirect=True)
either = pytest.mark.parametrize("land", BOTH, indirect=True)


@two_uids
async def test_roots_fixtures_show_as_roots(land: Landing) -> None:
    """Owner and group are root's for what a bundle gives to root and for the system, the agent's for its own."""
    session = await land(*FILES)
    roots = "/etc /etc/passwd /home /srv/locked /srv/locked/in /srv/mine/sealed /srv/mine/shut /srv/mine/link /var/lib"
    own = "/home/ada /srv /srv/mine /srv/mine/list /srv/locked/own /etc/own.conf /tmp"
    assert set((await shown(session, f"stat -c %U:%G {roots}")).split()) == {"root:root"}
    assert set((await shown(session, f"stat -c %U:%G {own}")).split()) == {"ada:ada"}
    assert session.info.uids == 2


@two_uids
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("cat /srv/mine/sealed", "Permission denied"),
        ("chmod 644 /srv/mine/sealed", "Operation not permitted"),
        ("chown ada /srv/mine/sealed", "Operation not permitted"),
        ("ls /srv/mine/shut", "Permission denied"),
        ("touch /etc/new", "Permission denied"),
        ("echo x >> /etc/passwd", "Permission denied"),
        ("chmod 666 /etc/passwd", "Operation not permitted"),
        ("rm -f /etc/passwd", "Permission denied"),
        ("mkdir /home/bob", "Permission denied"),
        ("touch /srv/locked/new", "Read-only file system"),
    ],
)
async def test_refusals_are_those_of_a_host(land: Landing, command: str, answer: str) -> None:
    """What ownership protects refuses as it does on any host; a locked folder of a bundle still says that it is."""
    result = await (await land(*FILES)).exec(command)
    assert answer in result.output
    assert result.status != 0


@either
async def test_what_is_roots_can_be_neither_changed_nor_removed(land: Landing) -> None:
    """Whatever its mode and wherever it lies, its path, mode and content stay; nothing is added in root's folders."""
    session = await land(*FILES)
    before = await session.state()
    for path in (file.path for file in FILES if file.owner == "root" and file.kind != "symlink"):
        for attack in ATTACKS:
            await session.exec(f"{attack.format(path)} 2>/dev/null")
    after = await session.state()
    assert [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)] == []


@either
async def test_a_fork_and_a_rewind_keep_the_owners(land: Landing, userland: str) -> None:
    """Listings are the same after both, root's link in the agent's folder included."""
    session = await land(*FILES)
    looked, at = await shown(session, LOOK), await session.snapshot()
    await session.exec("rm -rf /srv/mine/list /tmp/*; echo x > /srv/locked/own; touch /srv/mine /srv/mine/more")
    await session.rewind(at)
    assert await shown(session, LOOK) == looked
    assert (await session.snapshot()).tree == at.tree
    async with BubblewrapSandbox(second_uid=session.info.uids == 2).fork(at) as fork:
        assert await shown(fork, LOOK) == looked


@two_uids
async def test_a_link_of_roots_that_was_replaced_is_no_way_back(land: Landing) -> None:
    """Made again it would be the agent's, so the rewind says that it failed."""
    session = await land(*FILES)
    at = await session.snapshot()
    await session.exec("cd /srv/mine; rm link; ln -s list link")
    with pytest.raises(InfraError):
        await session.rewind(at)


@either
async def test_the_state_does_not_tell_owners(land: Landing, userland: str) -> None:
    """With one uid and with two the same fixtures are the same state, so that verdicts agree."""
    state = await (await land(*FILES)).state()
    async with BubblewrapSandbox(second_uid=False).open(SandboxSpec(userland, LOGIN, FILES)) as other:
        assert await other.state() == state


@either
async def test_nothing_of_the_second_uid_is_left_to_the_agent(land: Landing) -> None:
    """No capability, no descriptor of the namespace, no way to another id."""
    session = await land(*FILES)
    assert await shown(session, "ls /proc/self/fd | wc -l; grep -c '^Cap.*:.*[1-9a-f]' /proc/self/status; id -G") == (
        "4\n0\n1000\n"
    )
    assert await shown(session, "cat /proc/self/setgroups") == "deny\n"
    for command in ("chown root /srv/mine/list", "chgrp root /srv/mine/list", "setpriv --reuid 65534 true", "su root"):
        assert (await session.exec(command)).status != 0


def test_only_what_root_alone_holds_is_bound_without_read_only() -> None:
    """In the agent's folders what it may not even read, and the system's folders; never what others may write."""
    binds = {bind.path: bind for bind in tree(SandboxSpec("busybox", LOGIN, FILES)).binds}
    holding = {path for path, bind in binds.items() if bind.owner_holds}
    assert holding == {"/etc", "/home", "/usr/local", "/var", "/srv/mine/sealed", "/srv/mine/shut"}
    assert binds["/etc/loose"] == Bind("/etc/loose", True)
    assert binds["/var/spool/drop"] == Bind("/var/spool/drop", True)
    assert binds["/srv/locked"] == Bind("/srv/locked", True)


@pytest.mark.parametrize(
    ("table", "first"),
    [("bob:5:1\nada:100000:65536\n", 100000), ("4242:7:1\n", 7), ("bob:5:1\n", None), ("ada:x:1\nada:9:0\n", None)],
)
def test_an_ordinary_user_takes_the_first_of_its_ranges(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, table: str, first: int | None
) -> None:
    """By name or by number, as newuidmap reads them; without a range there is no second uid."""
    (tmp_path / "sub").write_text(table)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: pwd.struct_passwd(("ada", *"xxxxxx")))
    monkeypatch.setattr(bubblewrap, "SUBUID", tmp_path / "sub")
    monkeypatch.setattr(bubblewrap, "SUBGID", tmp_path / "sub")
    assert bubblewrap._second_ids() == (None if first is None else (first, first))


@pytest.mark.parametrize(("table", "reason"), [("", "no range"), ("4242:7:1\n", "no newuidmap")])
def test_what_a_user_lacks_for_a_second_uid_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, table: str, reason: str
) -> None:
    """First the ranges, then the programs that map them."""
    (tmp_path / "sub").write_text(table)
    (tmp_path / "bwrap").write_text("")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setattr(bubblewrap, "SUBUID", tmp_path / "sub")
    monkeypatch.setattr(bubblewrap, "SUBGID", tmp_path / "sub")
    assert str(bubblewrap.no_second_uid.__wrapped__()).startswith(reason)
