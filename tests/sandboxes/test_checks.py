"""Verdicts that the agent cannot reach, and the state of the tree as data."""

from __future__ import annotations

import hashlib

import pytest

from sekft.protocols import Session
from sekft.scenario import File
from sekft.trajectory import PathState
from tests.sandboxes.conftest import NOBODY_ELSE, Landing, shown

VERDICTS = {
    "true": ("pass", 0),
    "exit 0": ("pass", 0),
    "false": ("fail", 1),
    "exit 3": ("fail", 3),
    "exit 125": ("fail", 125),
    "exit 126": ("checker_error", 126),
    "nosuch": ("checker_error", 127),
    "kill -9 $$": ("checker_error", 137),
    "echo )": ("fail", 2),
    "[ -f /etc/passwd ] && grep -q ada /etc/passwd": ("pass", 0),
    "": ("pass", 0),
}


@pytest.mark.parametrize(("script", "verdict"), VERDICTS.items())
async def test_the_wait_status_is_the_verdict(session: Session, script: str, verdict: tuple[str, int]) -> None:
    """0 passes; 126, 127 and a signal are the checker's own error; the rest fails."""
    result = await session.check(script)
    assert (result.verdict, result.status) == verdict


async def test_a_checker_has_its_own_time_limit(land: Landing) -> None:
    """One that does not end is in error, and is killed with all that it started."""
    session = await land(limits={"check_s": 2})
    assert (await session.check("sleep 60 & sleep 60")).verdict == "checker_error"
    assert (await session.check(NOBODY_ELSE)).passed


async def test_a_checkers_output_is_shown_and_bounded(session: Session) -> None:
    """Its output is for people: kept, cut, and never parsed."""
    assert (await session.check("echo why; exit 1")).output == "why\n"
    flood = await session.check("yes | head -c 300000; exit 0")
    assert flood.verdict == "pass"
    assert len(flood.output) <= 32 * 1024


async def test_every_process_is_dead_before_the_check(session: Session) -> None:
    """A daemon of the agent's neither runs nor writes while the checker does."""
    await session.exec(
        "(sh -c 'trap \"\" TERM HUP; while :; do echo x >> /tmp/alive; done' &)"
        "; until [ -s /tmp/alive ]; do sleep 0.05; done"
    )
    result = await session.check(f"cp /tmp/alive /tmp/a; sleep 0.2; cmp /tmp/alive /tmp/a && {NOBODY_ELSE}")
    assert result.passed


TROJANS = [
    "mkdir -p bin; printf '#!/bin/sh\\nexit 0\\n' > bin/grep; chmod +x bin/grep; PATH=$HOME/bin:$PATH; export PATH",
    "grep() { return 0; }; alias grep=true",
    "export ENV=/tmp/env; echo 'grep() { return 0; }' > /tmp/env",
    "echo 'exit 0' > .profile; echo 'exit 0' > .ashrc; echo 'exit 0' > .shrc",
    "export LD_PRELOAD=/tmp/x.so; echo junk > /tmp/x.so",
    "cd /tmp; rmdir /tmp/x 2>/dev/null; chmod 000 /tmp",
    "ulimit -n 3; ulimit -t 1; umask 777",
    "trap 'exit 0' EXIT; set -e",
]


@pytest.mark.parametrize("trojan", TROJANS)
async def test_nothing_the_agent_left_reaches_the_checker(session: Session, trojan: str) -> None:
    """Planted tools, profiles, preloads, limits and shell state change no verdict."""
    await session.exec(trojan)
    assert (await session.check("grep -q nothing-like-it /etc/passwd")).verdict == "fail"
    assert (await session.check('grep -q ada /etc/passwd && [ "$(umask)" = 0022 ]')).verdict == "pass"


async def test_the_checkers_environment_is_fixed(session: Session) -> None:
    """Whatever the session exported, the checker sees the same few variables."""
    await session.exec("export A=1 TZ=Asia/Tokyo; cd /srv")
    lines = (await session.check("pwd; env")).output.splitlines()
    names = sorted(line.split("=")[0] for line in lines[1:])
    assert lines[0] == "/"
    assert [name for name in names if name not in ("OLDPWD", "PWD", "SHLVL")] == ["HOME", "LANG", "PATH", "TZ"]


async def test_a_full_disk_does_not_stop_the_check(land: Landing) -> None:
    """An agent that fills the tree still gets a verdict."""
    session = await land(limits={"writable_bytes": 1 << 20})
    await session.exec("head -c 9000000 /dev/zero > big; head -c 9000000 /dev/zero > /tmp/big")
    assert (await session.check("[ -f /home/ada/big ]")).passed
    assert "/home/ada/big" in await session.state()


async def test_state_tells_type_mode_target_and_content(land: Landing) -> None:
    """All that counts as state, and neither times nor sizes."""
    session = await land(File(path="/srv/given", content="given\n", mode="0640"))
    await shown(session, "cd /srv; mkdir -m 700 d; ln -s ../x d/l; mkfifo p; touch -d @1 given")
    state = await session.state()
    assert state["/srv/given"] == PathState("file", 0o640, None, hashlib.sha256(b"given\n").hexdigest())
    assert state["/srv/d"] == PathState("directory", 0o700)
    assert state["/srv/d/l"] == PathState("symlink", 0o777, "../x")
    assert state["/srv/p"].type == "other"


async def test_two_fresh_sandboxes_have_the_same_state(land: Landing) -> None:
    """Nothing in a fresh tree depends on when or where it was made."""
    file = File(path="/home/ada/a/b", content="x")
    assert await (await land(file)).state() == await (await land(file)).state()


async def test_state_sees_through_closed_modes(session: Session) -> None:
    """What the agent made unreadable is digested all the same; links are not followed out of the tree."""
    await shown(session, "mkdir d; echo x > d/f; chmod 000 d/f d; ln -s /proc link; ln -s /home loop")
    state = await session.state()
    assert state["/home/ada/d/f"].digest == hashlib.sha256(b"x\n").hexdigest()
    assert not any(path.startswith(("/home/ada/link/", "/home/ada/loop/")) for path in state)


async def test_oversized_and_deep_trees_have_a_state(session: Session) -> None:
    """A file too large to digest shows its size; a path too long to open is still walked."""
    await shown(session, "head -c 20000000 /dev/zero > big")
    await shown(session, f"n={'d' * 200}; for i in $(seq 23); do mkdir $n; cd $n; done; echo x > f")
    state = await session.state()
    assert state["/home/ada/big"].digest == "oversized:20000000"
    assert max(len(path) for path in state) > 4096


async def test_odd_names_have_a_state(session: Session) -> None:
    """Newlines stay; bytes that are not UTF-8 show as escapes."""
    await shown(session, "touch 'a\nb' \"$(printf 'c\\377')\"")
    state = await session.state()
    assert "/home/ada/a\nb" in state
    assert "/home/ada/c\\xff" in state


async def test_a_check_sees_what_the_session_did(session: Session) -> None:
    """Checker and agent look at one tree, before and after the ending."""
    await shown(session, "echo 42 > /srv/answer")
    await session.exec("exit")
    assert (await session.check('[ "$(cat /srv/answer)" = 42 ]')).passed


async def test_a_shifted_clock_is_told_to_agent_and_checker(land: Landing) -> None:
    """`date` tells another day, arguments that name a time still mean it, and the shim is no state."""
    session = await land(clock_offset_s=90 * 86400)
    plain = await land()
    shifted, now = int(await shown(session, "date +%s")), int(await shown(plain, "date +%s"))
    assert abs(shifted - now - 90 * 86400) < 60
    assert await shown(session, "date -d @0 +%Y") == "1970\n"
    assert abs(int((await session.check("date +%s")).output) - shifted) < 60
    assert set(await session.state()) == set(await plain.state())


async def test_hostname_and_mtimes_can_differ(land: Landing) -> None:
    """The gate's second run has another host name and other times, and the same files."""
    session = await land(File(path="/srv/f", content="x"), hostname="other", mtime_offset_s=86400)
    assert await shown(session, "hostname; cat /etc/hostname; echo $HOSTNAME") == "other\nother\nother\n"
    assert await shown(session, "stat -c %Y /srv/f /home/ada") == "1700086400\n1700086400\n"
