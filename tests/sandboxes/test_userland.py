"""Userlands: built once, whole, from packages, with nothing of the host in them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from sekft import sandboxes
from sekft.cache import built
from sekft.errors import SandboxUnavailable, UsageError
from sekft.protocols import Session
from sekft.sandboxes import userland as userlands
from sekft.sandboxes.runner import build
from sekft.scenario import File
from tests.sandboxes.conftest import Landing, shown


@pytest.mark.parametrize("name", userlands.NAMES)
def test_no_link_leads_out_of_the_userland(name: str) -> None:
    """Every symbolic link ends inside the tree, or names what a sandbox mounts."""
    rootfs = userlands.userland(name).rootfs
    for folder, names, files in os.walk(rootfs):
        for entry in (*names, *files):
            path = Path(folder) / entry
            if path.is_symlink():
                target = path.readlink()
                inside = rootfs / target.relative_to("/") if target.is_absolute() else path.parent / target
                assert inside.resolve().is_relative_to(rootfs), f"{path} -> {target}"


@pytest.mark.parametrize("name", userlands.NAMES)
def test_nothing_is_set_uid_or_writable_by_others(name: str) -> None:
    """Modes are 0755 and 0644 whatever the builder's umask was."""
    for folder, _, files in os.walk(userlands.userland(name).rootfs):
        for entry in files:
            path = Path(folder) / entry
            if not path.is_symlink():
                assert path.stat().st_mode & 0o7777 in (0o755, 0o644), path


async def test_dash_is_the_shell(session: Session) -> None:
    """/bin/sh is dash in each."""
    assert (
        await shown(session, "readlink -f /bin/sh; [ /bin -ef /usr/bin ] && echo merged") == "/usr/bin/dash\nmerged\n"
    )


COMMON = (
    "apropos awk basename cat chmod cmp cp cut date diff dirname du env expr find grep gzip head hostname id ls man "
    "md5sum mkdir mktemp mv od panic paste printf ps readlink realpath rm rmdir sed seq sha256sum sleep sort stat tac "
    "tail tar tee touch tr uname uniq wc which whoami xargs"
)


async def test_all_userlands_have_the_common_tools(session: Session) -> None:
    """What providers and references may use everywhere."""
    assert await shown(session, f"for t in {COMMON}; do command -v $t >/dev/null || echo $t; done; :") == ""


REAL = "curl diff git jq mail make patch python3 rsync sqlite3 tree vi"


@pytest.mark.parametrize("userland", ["workstation"], indirect=True)
async def test_a_workstation_has_its_programs_and_their_pages(session: Session) -> None:
    """Each starts, finds what it is linked with, and has a manual page."""
    tried = "$t --version 2>&1 | grep -E 'not found|cannot open shared'; man $t | sed -n 1,3p"
    asked = f"for t in {REAL}; do {tried}; done"
    pages = await shown(session, f"{asked} | grep -c '(1)'")
    assert int(pages) == len(REAL.split())
    assert await shown(session, "python3 -c 'import csv, hashlib, json, sqlite3, ssl, zlib; print(1)'") == "1\n"


@pytest.mark.parametrize("userland", ["workstation"], indirect=True)
async def test_a_repository_and_a_database_work_on_a_workstation(session: Session) -> None:
    """A commit is made, cloned and read without a warning; a database is made and asked."""
    await shown(session, "git config --global user.name a; git config --global user.email a@b")
    made = "git init -qb main r && cd r && echo one >f && git add f && git commit -qm one && cd .. && git clone -q r s"
    assert await shown(session, f"{made} && git -C s log --format=%s && cat s/f") == "one\none\n"
    assert await shown(session, "sqlite3 x.db 'create table t(a); insert into t values (7); select a from t'") == "7\n"


@pytest.mark.parametrize("userland", ["workstation"], indirect=True)
async def test_curl_shows_no_meter(session: Session) -> None:
    """As at a terminal: a meter shows seconds and rates. Errors and help are curl's own."""
    assert await shown(session, "curl file:///etc/hostname -o name && cat name /etc/hostname | uniq | wc -l") == "1\n"
    assert await shown(session, "curl file:///etc/hostname | tail -n1") == await shown(session, "cat /etc/hostname")
    assert (await session.exec("curl nowhere")).output == "curl: (6) Could not resolve host: nowhere\n"
    assert (await session.exec("curl")).output.startswith("curl: try 'curl --help'")
    assert (await session.exec("curl --help")).output.startswith("Usage: curl")


PAGE = ".Dd 1\n.Dt CHIT 1\n.Os\n.Sh NAME\n.Nm chit\n.Nd keeps chits\n.Sh DESCRIPTION\nThe\n.Nm\ntool.\n"


async def test_man_shows_a_bundles_page(land: Landing) -> None:
    """As plain text without overstrikes, from /usr/local/share/man, with no database to rebuild."""
    session = await land(File(path="/usr/local/share/man/man1/chit.1", content=PAGE))
    page = await shown(session, "man chit")
    assert page.startswith("CHIT(1)")
    assert "chit - keeps chits" in page
    assert "\b" not in page
    assert "mandoc" not in page


async def test_man_reports_what_is_not_there(session: Session) -> None:
    """A missing page is said in man's own name, with a status that tells."""
    result = await session.exec("man nosuch")
    assert result.status != 0
    assert result.output.startswith("man: No entry for nosuch")


async def test_the_manual_can_be_searched(land: Landing) -> None:
    """apropos and man -k know the userland's pages and the bundle's."""
    session = await land(File(path="/usr/local/share/man/man1/chit.1", content=PAGE))
    assert "panic(1) - end the session" in await shown(session, "apropos panic")
    assert await shown(session, "man -k KEEPS") == "chit(1) - keeps chits\n"
    assert await shown(session, "whatis chit; whatis panic | cut -c1-8") == "chit(1) - keeps chits\npanic(1)\n"
    assert (await session.exec("apropos nonesuch")).status == 1


def test_an_unknown_userland_is_refused() -> None:
    """The message lists the known."""
    with pytest.raises(UsageError, match="busybox, gnu, workstation"):
        userlands.userland("arch")


def test_nothing_is_missing_after_prepare() -> None:
    """prepare() tells where the built things lie; missing() then has nothing to tell."""
    assert all(Path(path).is_dir() for path in sandboxes.prepare())
    assert sandboxes.missing() == []


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("SEKFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_everything_is_missing_from_an_empty_cache(empty_cache: Path) -> None:
    """missing() names what prepare() would build, and builds nothing."""
    assert sandboxes.missing() == ["runner and tools", *userlands.NAMES]
    assert not empty_cache.exists()


def test_a_failed_build_leaves_nothing(empty_cache: Path) -> None:
    """The next attempt starts afresh."""

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise SandboxUnavailable("no network")

    with pytest.raises(SandboxUnavailable, match="no network"):
        built("kind/name", fail)
    assert [path.name for path in (empty_cache / "kind").iterdir()] == [".name.lock"]


def test_concurrent_builders_build_once(empty_cache: Path) -> None:
    """Whoever comes second waits and finds it done."""
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "whole").touch()

    threads = [threading.Thread(target=built, args=("kind/name", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert (empty_cache / "kind/name/whole").exists()


def test_without_a_compiler_the_message_says_what_to_install(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No cc and no ziglang."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SandboxUnavailable, match="pip install ziglang"):
        build.runner()
    assert not list(empty_cache.glob("runner/[!.]*"))


def test_an_unwritable_cache_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file where the cache should be."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEKFT_CACHE", str(tmp_path / "file"))
    with pytest.raises(SandboxUnavailable, match="SEKFT_CACHE"):
        built("kind/name", lambda folder: None)
