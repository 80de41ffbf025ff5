"""What the agent cannot do: the list in docs/sandbox.md, each promise tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekft.protocols import Session
from sekft.scenario import File
from sekft.scenario.bounds import WRITABLE_ROOTS
from tests.sandboxes.conftest import NOBODY_ELSE, Landing, shown


async def test_the_agent_is_one_ordinary_user(session: Session) -> None:
    """uid 1000 under its own name, no other group, no capability, no new privileges."""
    assert await shown(session, "id -u; id -un; id -g; whoami; echo ~") == "1000\nada\n1000\nada\n/home/ada\n"
    status = await shown(session, "cat /proc/self/status")
    caps = {line.split()[1] for line in status.splitlines() if line.startswith("Cap")}
    assert caps == {"0000000000000000"}
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


async def test_system_files_are_roots(session: Session) -> None:
    """The userland shows as root's and cannot be written."""
    assert await shown(session, "stat -c %U /usr/bin/dash /usr/bin") in ("root\nroot\n", "ada\nada\n")
    for path in ("/usr/bin/x", "/bin/x", "/x", "/usr/lib/sekft/x", "/dev/x", "/proc/x", "/sys/x", "/root/x"):
        assert (await session.exec(f"touch {path} 2>/dev/null")).status != 0, path


@pytest.mark.parametrize("path", ["/etc/x", "/var/x", "/var/lib/x", "/usr/local/bin/x", "/home/x"])
async def test_system_folders_are_roots(session: Session, path: str) -> None:
    """An ordinary user makes nothing there."""
    assert (await session.exec(f"touch {path} 2>/dev/null")).status != 0


@pytest.mark.parametrize("path", ["/home/ada/x", "/tmp/x", "/var/tmp/x", "/srv/x", "/opt/x"])
async def test_the_agents_folders_are_its_own(session: Session, path: str) -> None:
    """It can make, change and remove files there."""
    assert await shown(
        session, f"echo a > {path} && chmod 600 {path} && mv {path} {path}2 && rm {path}2 && echo ok"
    ) == ("ok\n")


SECRET = File(path="/srv/vault/key", content="secret\n", mode="0000", owner="root")
GIVEN = File(path="/srv/vault/list", content="list\n")


@pytest.mark.parametrize("attack", [
    "cat /srv/vault/key", "chmod 644 /srv/vault/key", "mv /srv/vault/list /srv/vault/key", "rm -f /srv/vault/key",
    "cp /srv/vault/list /srv/vault/key", "echo x > /srv/vault/key", "ln -f /srv/vault/list /srv/vault/key",
    "ln /srv/vault/key /tmp/k", "dd if=/srv/vault/key of=/tmp/k", "truncate -s 0 /srv/vault/key",
    "mv /srv/vault/key /srv/vault/key2", "touch /srv/vault/key", "rm -rf /srv/vault",
])  # fmt: skip
async def test_roots_files_hold(land: Landing, attack: str) -> None:
    """A mode-0 file of root's can be neither read, changed, moved nor removed by any usual way."""
    session = await land(SECRET, GIVEN)
    before = (await session.state())[SECRET.path]
    result = await session.exec(attack)
    assert result.status != 0
    assert "secret" not in result.output
    assert (await session.state())[SECRET.path] == before


async def test_roots_folder_holds_what_is_in_it(land: Landing) -> None:
    """Nothing is made or changed in root's folder, except a file in it that is the agent's."""
    session = await land(
        File(path="/srv/r", kind="directory", mode="0755", owner="root"),
        File(path="/srv/r/own", content="a\n"),
        File(path="/srv/r/in/deep", content="b\n", owner="root"),
    )
    assert (await session.exec("touch /srv/r/new 2>/dev/null")).status != 0
    assert (await session.exec("echo x > /srv/r/in/deep")).status != 0
    assert await shown(session, "echo x > /srv/r/own; cat /srv/r/own /srv/r/in/deep") == "x\nb\n"


async def test_what_a_bundle_gives_in_a_system_folder_is_the_agents(land: Landing) -> None:
    """A folder that only its files imply is its own; the system folder above stays root's."""
    session = await land(File(path="/var/spool/q/1", content="a\n"), File(path="/etc/own.conf", content="a\n"))
    assert (
        await shown(session, "cd /var/spool/q && mv 1 2 && echo b > 3 && echo c > /etc/own.conf && echo ok") == "ok\n"
    )
    assert (await session.exec("touch /var/spool/x /etc/x 2>/dev/null")).status != 0


async def test_fixtures_are_made_as_given(land: Landing) -> None:
    """Kinds, modes, times, links and raw bytes."""
    session = await land(
        File(path="/srv/a/x", content="x", mode="0751", mtime=1600000000),
        File(path="/srv/a/raw", content_b64="AP8K"),
        File(path="/srv/a/d", kind="directory", mode="0500", mtime=1500000000),
        File(path="/srv/a/d/in", content="in"),
        File(path="/srv/a/l", kind="symlink", target="d/in", mtime=1400000000),
    )
    assert await shown(session, "cd /srv/a; stat -c '%a %Y %n' x d l .") == (
        "751 1600000000 x\n500 1500000000 d\n777 1400000000 l\n755 1700000000 .\n"
    )
    assert await shown(session, "od -An -tx1 raw; cat l") == " 00 ff 0a\nin"


NAMESPACES = ["unshare -U true", "unshare -m true", "unshare -n true", "unshare -r true", "unshare -p true"]


@pytest.mark.parametrize("command", [
    *NAMESPACES, "mount -t tmpfs x /tmp", "umount /etc", "chroot / true", "hostname evil",
    "mknod /tmp/d b 8 0", "chown 0 /home/ada", "renice -n 5 -p 1",
    "echo 1 > /proc/sys/kernel/hostname", "echo x > /proc/sysrq-trigger", "cat /proc/1/mem", "ls /proc/1/fd",
    "cat /proc/1/environ", "echo -17 > /proc/1/oom_score_adj", "cat /proc/kcore", "cat /usr/lib/sekft/state",
    "dmesg", "swapon /tmp/x", "ls /host /mnt/host", "nsenter -t 1 -m true", "taskset -p 1 1",
])  # fmt: skip
async def test_refused(session: Session, command: str) -> None:
    """Namespaces, mounts, devices, the clock, the kernel's knobs and PID 1 are out of reach."""
    result = await session.exec(command)
    assert result.status != 0, result.output
    assert await shown(session, "hostname") == "vault\n"


async def test_no_user_namespace_is_left_to_make(session: Session) -> None:
    """Behind the seccomp filter the kernel itself would refuse one more."""
    assert await shown(session, "cat /proc/sys/user/max_user_namespaces") == "0\n"


async def test_nothing_hides_from_the_state(session: Session) -> None:
    """Every folder that can be written is one that state() walks, but for the shell's own state."""
    await shown(session, "find / -path /proc -prune -o -type d -print > /tmp/folders 2>/dev/null")
    probe = (
        'while read -r d; do { echo > "$d/probe" && rm "$d/probe" && echo "$d"; } 2>/dev/null; done < /tmp/folders; :'
    )
    writable = (await shown(session, probe)).splitlines()
    assert [path for path in writable if not f"{path}/".startswith(tuple(f"{root}/" for root in WRITABLE_ROOTS))] == [
        "/run/sekft"
    ]


async def test_the_clock_cannot_be_set(session: Session) -> None:
    """Whatever the tool says, the time stays."""
    await shown(session, "date -s 2001-01-01")
    assert await shown(session, "[ $(date +%Y) -gt 2001 ] && echo now") == "now\n"


async def test_there_is_no_network(session: Session) -> None:
    """One interface, the loopback, and no route."""
    devices = await shown(session, "cat /proc/net/dev")
    assert [line.split(":")[0].strip() for line in devices.splitlines()[2:]] == ["lo"]
    assert (await shown(session, "cat /proc/net/route")).count("\n") <= 1


async def test_the_tree_is_limited_in_bytes_and_inodes(land: Landing) -> None:
    """One cap over all writable places together; a full tree loses no shell state."""
    session = await land(limits={"writable_bytes": 1 << 20, "writable_inodes": 200})
    full = await session.exec("head -c 700000 /dev/zero > /srv/a && head -c 700000 /dev/zero > /tmp/b")
    assert full.status != 0
    result = await session.exec(
        "x=kept; i=0; while [ $i -lt 300 ]; do i=$((i+1)); : > /tmp/f$i || break; done 2>/dev/null"
    )
    assert result.state_kept
    assert await shown(session, "echo $x; ls /tmp | wc -l | grep -c '^1[0-9][0-9]$'") == "kept\n1\n"


async def test_memory_is_limited(land: Landing) -> None:
    """A process that asks for more than limits.memory_bytes is refused."""
    session = await land(limits={"memory_bytes": 64 << 20})
    result = await session.exec("awk 'BEGIN { s = \"x\"; while (length(s) < 200000000) s = s s; print length(s) }'")
    assert result.status != 0
    assert await shown(session, "echo on") == "on\n"


async def test_processes_are_limited(land: Landing) -> None:
    """A fork bomb meets its limit, and dies with the time-out."""
    session = await land(limits={"processes": 40})
    result = await session.exec("f() { f | f & }; f; sleep 30", timeout_s=1)
    assert result.timed_out or "fork" in result.output
    assert (await session.check(NOBODY_ELSE)).passed


async def test_files_and_descriptors_are_limited(land: Landing) -> None:
    """limits.file_bytes and limits.open_files hold for every process."""
    session = await land(limits={"file_bytes": 100_000, "open_files": 32})
    assert (await session.exec("head -c 200000 /dev/zero > f")).status != 0
    assert int(await shown(session, "stat -c %s f")) <= 100_000
    assert await shown(session, "ulimit -n; ulimit -c") == "32\n0\n"


async def test_no_way_to_the_harness(session: Session) -> None:
    """No inherited descriptor, variable or control group tells of the host."""
    assert str(Path.cwd()) not in await shown(session, "env; ls -l /proc/self/fd; cat /proc/self/cgroup")
    assert (await session.exec("echo x > /dev/tty")).status != 0


async def test_pid_one_does_not_heed_signals(session: Session) -> None:
    """Every signal to PID 1 is lost on it."""
    await shown(session, "for s in 1 2 3 6 9 10 12 13 14 15 17 18 19 20 24 25 31; do kill -$s 1 2>/dev/null; done")
    assert await shown(session, "echo on") == "on\n"
