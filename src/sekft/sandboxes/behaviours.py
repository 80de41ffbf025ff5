"""What every backend must be able to do, tried in fresh sandboxes: for `sekft doctor --self-test`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sekft.errors import SekftError
from sekft.protocols import ExecResult, Limits, Sandbox, SandboxSpec, Session
from sekft.scenario import File, Login

_LOGIN = Login(user="ada", host="vault", home="/home/ada", motd="welcome\n", prompt="$PWD $ ")
_FILES = (
    File(path="/srv/data/note", content="note\n"),
    File(path="/srv/data/sealed", content="sealed\n", mode="0000", owner="root"),
    File(path="/usr/local/bin/greet", content="#!/bin/sh\necho hello\n", mode="0755", owner="root"),
    File(path="/home/ada/.profile", content="echo profile\n"),
)
_LIMITS = Limits(command_s=2.0, writable_bytes=8 << 20, writable_inodes=512, processes=32)


@dataclass(frozen=True, slots=True)
class _Case:
    """One command and what its result must show; `before` runs first."""

    behaviour: str
    command: str
    holds: Callable[[ExecResult], bool]
    before: str = "true"


def _prints(text: str) -> Callable[[ExecResult], bool]:
    return lambda result: result.output == text and result.ended is None


def _ends(kind: str, status: int | None = None) -> Callable[[ExecResult], bool]:
    return lambda result: (
        result.ended is not None and result.ended.kind == kind and status in (None, result.ended.status)
    )


_CASES = (
    _Case("a command's output is shown", "echo hi", _prints("hi\n")),
    _Case("an unknown command is reported as a shell reports it", "nosuch", _prints("sh: 1: nosuch: not found\n")),
    _Case("cwd and variables are carried over", "echo $x $PWD", _prints("1 /srv\n"), "x=1; cd /srv"),
    _Case("functions and aliases are carried over", "f; g", _prints("f\ng\n"), "f() { echo f; }; alias g='echo g'"),
    _Case("exit ends the session", "exit 3", _ends("exit", 3)),
    _Case("panic ends the session", "panic no way", _ends("panic", 77)),
    _Case("an exit in a subshell ends nothing", "(exit 3); echo $?", _prints("3\n")),
    _Case("errexit ends the shell", "set -e; false; :", _ends("none")),
    _Case("a syntax error ends nothing", "if", lambda result: result.status == 2 and result.ended is None),
    _Case("an unterminated here-document is not run", "cat <<E\nx", lambda result: result.malformed is not None),
    _Case("a time-out ends the command", "sleep 30", lambda result: result.timed_out),
    _Case("a flood is cut", "yes | head -c 200000", lambda result: result.truncated and len(result.output) <= 32768),
    _Case("standard input is empty", "cat; echo $?", _prints("0\n")),
    _Case("manual pages are there", "man panic | grep -c '^NAME'", _prints("1\n")),
    _Case("a bundle's program runs", "greet", _prints("hello\n")),
    _Case("root's files cannot be read", "cat /srv/data/sealed 2>/dev/null || echo no", _prints("no\n")),
    _Case("root's files cannot be replaced", "mv /srv/data/note /srv/data/sealed", lambda result: result.status != 0),
    _Case("the system cannot be written", "touch /usr/x /etc/x 2>/dev/null; echo $?", _prints("1\n")),
    _Case("the agent is an ordinary user", "id -u; id -un", _prints("1000\nada\n")),
    _Case("there is no network", "cat /proc/net/dev | grep -vc -e lo: -e '|'", _prints("0\n")),
    _Case("the writable tree has a size", "head -c 20000000 /dev/zero > big", lambda result: result.status != 0),
    _Case("processes are counted", "for i in $(seq 60); do sleep 1 & done", lambda result: "fork" in result.output),
    _Case("no new namespaces", "unshare -U true 2>/dev/null || echo no", _prints("no\n")),
    _Case("PID 1 cannot be killed", "kill -9 1; echo on", lambda result: result.output.endswith("on\n")),
)


async def self_test(sandbox: Sandbox) -> list[tuple[str, bool, str]]:
    """(behaviour, holds, what was seen when it does not), each in a fresh sandbox."""
    spec = SandboxSpec("busybox", _LOGIN, _FILES, _LIMITS)
    trials = {**{case.behaviour: _tried(case) for case in _CASES}, **_TRIALS}
    faults = {}
    for name, trial in trials.items():
        try:
            async with sandbox.open(spec) as session:
                faults[name] = await trial(session)
        except SekftError as error:
            faults[name] = str(error)
    return [(name, not fault, fault) for name, fault in faults.items()]


_Trial = Callable[[Session], Awaitable[str]]


def _tried(case: _Case) -> _Trial:
    async def trial(session: Session) -> str:
        await session.exec(case.before)
        result = await session.exec(case.command)
        return "" if case.holds(result) else f"{case.command!r}: {result}"

    return trial


async def _greets(session: Session) -> str:
    seen = session.greeting, session.prompt()
    return "" if seen == ("welcome\nprofile\n", "/home/ada $ ") else repr(seen)


async def _checks(session: Session) -> str:
    await session.exec("(while :; do echo x > /home/ada/alive; done) &")
    first, second = (
        await session.check("[ -f /srv/data/note ]"),
        await session.check("kill -0 -1 2>/dev/null && echo alive; exit 1"),
    )
    return "" if (first.verdict, second.verdict) == ("pass", "fail") and second.output == "" else f"{first} {second}"


async def _sees(session: Session) -> str:
    before = await session.state()
    await session.exec("echo changed > /srv/data/note; mkdir /srv/data/new; chmod 000 /srv/data/new")
    after = await session.state()
    changed = sorted(path for path in after if before.get(path) != after[path])
    return "" if changed == ["/srv/data/new", "/srv/data/note"] else repr(changed)


_TRIALS: dict[str, _Trial] = {
    "login greets and prompts": _greets,
    "a check runs when the agent's processes are dead": _checks,
    "changes of state are seen": _sees,
}
