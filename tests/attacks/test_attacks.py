"""Each attack fails, and after it the sandbox, its sibling and the host are as they were."""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sekft.errors import InfraError
from sekft.protocols import ExecResult, Limits, Sandbox, SandboxSpec, Session
from sekft.scenario import File
from tests.attacks import health
from tests.attacks.attack import Attack
from tests.attacks.cases import CLASSES, TAMPERING
from tests.sandboxes.conftest import LOGIN, NOBODY_ELSE, Landing, shown

ATTACKS = [pytest.param(attack, id=f"{kind}: {attack.name}") for kind, attacks in CLASSES.items() for attack in attacks]
CAP_DAC_READ_SEARCH, CAP_SYS_CHROOT, CAP_SYS_ADMIN = 2, 18, 21
PID_ONES = 1 << CAP_DAC_READ_SEARCH | 1 << CAP_SYS_CHROOT | 1 << CAP_SYS_ADMIN
Attacking = Callable[[Attack], Awaitable[ExecResult]]


@pytest.fixture
def attacking(sandbox: Sandbox, userland: str, land: Landing, probe: File) -> Attacking:
    """Carry an attack out in a fresh sandbox, beside a sibling, and look at all three afterwards."""

    async def attacking(attack: Attack) -> ExecResult:
        sibling = await land()
        await shown(sibling, "sleep 300 & echo kept > mine")
        before = health.host(sandbox)
        spec = SandboxSpec(userland, LOGIN, (probe,), Limits(**attack.limits))
        async with sandbox.open(spec) as session:
            inside = await health.namespaces(session)
            runner = health.living(inside["pid"])
            if attack.changes_host:
                assert not health.shared(inside)
                assert "CapEff:\t0000000000000000" in await shown(session, "cat /proc/self/status")
            result = await carried_out(session, attack)
            await goes_on(session, result)
            await is_judged(session)
        assert health.until(lambda: not runner & health.living(inside["pid"]))
        assert health.host(sandbox) == before
        assert await shown(sibling, "cat mine; kill -0 $! 2>/dev/null; ls | wc -l; (echo forks)") == "kept\n1\nforks\n"
        return result

    return attacking


async def carried_out(session: Session, attack: Attack) -> ExecResult:
    for command in attack.commands[:-1]:
        assert (await session.exec(command, attack.timeout_s)).ended is None
    result = await session.exec(attack.commands[-1], attack.timeout_s)
    assert (result.ended.kind if result.ended else "") == attack.ends
    assert len(result.output.encode()) <= Limits().output_bytes
    return result


async def goes_on(session: Session, result: ExecResult) -> None:
    """The next command runs, in the shell that was; whoever broke the shell's own state is told so again."""
    if result.ended is None:
        after = await session.exec("echo on")
        assert (after.output[:3], after.status, after.ended) == ("on\n", 0, None)
        assert after.output == "on\n" or not after.state_kept


async def is_judged(session: Session) -> None:
    """The state is told, nothing of the agent's runs any more, and verdicts are the checker's."""
    assert "/home/ada" in await session.state()
    assert (await session.check(NOBODY_ELSE)).passed
    assert (await session.check("exit 3")).status == 3


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_gets_nowhere(attacking: Attacking, attack: Attack) -> None:
    """It comes to what the case says; sandbox, sibling and host stay healthy; nothing is left behind."""
    result = await attacking(attack)
    if attack.shows is not None:
        assert re.fullmatch(attack.shows, result.output), result.output[-2000:]
    if attack.hides is not None:
        assert not re.search(attack.hides, result.output), result.output[-2000:]
    if attack.status is not None:
        assert result.status == attack.status
    if attack.kept is not None:
        assert result.state_kept == attack.kept


@pytest.mark.parametrize("tampering", TAMPERING)
async def test_a_tampered_check_never_passes(land: Landing, tampering: str) -> None:
    """It fails or runs into its limit, and the next check is not hindered by it."""
    session = await land(limits={"check_s": 3, "processes": 40})
    await session.exec(tampering, 1)
    verdict = await session.check("sleep 0.1; find /home -type f -exec sha256sum {} +; grep -qx 42 /home/ada/answer")
    assert not verdict.passed
    await is_judged(session)


async def test_every_namespace_is_the_sandboxes_own(session: Session) -> None:
    """None of them is the host's."""
    assert health.shared(await health.namespaces(session)) == []


async def test_siblings_share_no_namespace(land: Landing) -> None:
    """Two sandboxes see nothing of each other."""
    one, other = await health.namespaces(await land()), await health.namespaces(await land())
    assert [name for name in health.NAMESPACES if one[name] == other[name]] == []


async def test_no_capability_is_kept(session: Session) -> None:
    """PID 1 keeps the rights to read and to enter a view for itself; whatever it starts has none, and can gain none."""
    text = await shown(session, "grep Cap /proc/self/status; grep Cap /proc/1/status")
    agents, ones = (dict(re.findall(r"Cap(\w+):\t(\w+)", part)) for part in text.split("CapInh")[1:])
    assert {int(value, 16) for value in agents.values()} == {0}
    assert int(ones.pop("Prm"), 16) in (0, PID_ONES)
    assert int(ones.pop("Eff"), 16) in (0, PID_ONES)
    assert {int(value, 16) for value in ones.values()} == {0}


async def test_what_is_no_request_comes_to_nothing(land: Landing, probe: File) -> None:
    """PID 1 drops malformed packets, foreign descriptors and silent callers, and goes on serving."""
    tool = File(path="/opt/errand/tool", content="#!/bin/sh\necho answer\n", mode="0755")
    session = await land(probe, tool, hidden=(tool.path,))
    assert await shown(session, f"./probe door {tool.path}") == "0 answered\n"
    silent = f"./probe knocks 200 & p=$!; sleep 1; timeout 1 {tool.path} || echo waits; kill $p; {tool.path}"
    assert (await shown(session, silent)).replace("Terminated\n", "") == "waits\nanswer\n"
    assert (await session.check("true")).passed


async def test_a_listener_of_the_host_is_out_of_reach(land: Landing, probe: File) -> None:
    """Neither a port on loopback nor an abstract UNIX socket, both opened here, can be connected to."""
    name = f"sekft-attack-{id(probe)}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(f"\0{name}")
        unix.listen()
        session = await land(probe)
        port = tcp.getsockname()[1]
        assert await shown(session, f"./probe tcp {port}; ./probe abstract {name}") == "EAFNOSUPPORT\nECONNREFUSED\n"


async def test_a_file_of_the_host_is_out_of_reach(land: Landing, tmp_path: Path) -> None:
    """A file that anybody on the host may read does not exist inside."""
    marker = tmp_path / "marker"
    marker.write_text("of the host\n")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    session = await land()
    result = await session.exec(
        f"cat {marker} /proc/1/root{marker} /proc/self/root{marker}; cd /tmp; find / -name marker"
    )
    assert "of the host" not in result.output
    assert "/marker\n" not in result.output.replace(": No such file", "").replace(f"{marker}", "")
    assert marker.read_text() == "of the host\n"


async def test_pid_one_gives_away_nothing_of_the_host(session: Session) -> None:
    """PID 1 is nobody's to inspect: its files are root's, so it is not dumpable, and its name says little."""
    shown_by_stat = await shown(session, "stat -c %u /proc/1/fd /proc/1/environ /proc/1/mem; cat /proc/1/comm")
    assert "1000" not in shown_by_stat.split()
    assert shown_by_stat.endswith("init\n")


@pytest.mark.parametrize("hog", [
    "for i in $(seq 20); do ./probe sockets 125 & done >/dev/null; sleep 2",
    "for i in $(seq 20); do setsid ./probe pipes 100 & done; for i in $(seq 20); do ./probe sockets 99 & done; sleep 2",
    "for i in $(seq 20); do awk 'BEGIN { s = \"x\"; while (length(s) < 9e6) s = s s; while (1); }' & done; sleep 2",
    "head -c 60000000 /dev/zero > own; while :; do ./probe sockets 125 & done >/dev/null",
])  # fmt: skip
async def test_pid_one_survives_when_memory_runs_out(land: Landing, probe: File, hog: str) -> None:
    """Whatever the kernel kills then is the agent's: its shell may be gone, and the sandbox still answers."""
    session = await land(probe, limits={"memory_bytes": 48 << 20})
    await session.exec(hog, 4)
    assert "/home/ada" in await session.state()
    await is_judged(session)


async def test_the_agent_dies_before_pid_one_when_memory_runs_out(session: Session) -> None:
    """Its processes have the kernel's worst score, and may not change it."""
    scores = await shown(
        session, "cat /proc/1/oom_score_adj /proc/self/oom_score_adj; echo 0 > /proc/self/oom_score_adj"
    )
    ones, agents, refusal = scores.split("\n", 2)
    assert int(ones) < int(agents) == 1000
    assert "Read-only" in refusal


async def test_a_snapshot_under_attack_is_whole_or_refused(sandbox: Sandbox, land: Landing) -> None:
    """Links, FIFOs and a job that swaps folders for links write nothing outside the fork's own tree."""
    session = await land()
    await shown(session, "mkfifo p; ln -s /proc/self l; ln -s loop loop; mkdir -p d/e; echo x > d/e/f; chmod 000 d/e")
    await shown(session, "(while :; do mkdir s; : > s/f; rm -r s; ln -s /run s; rm s; done) >/dev/null 2>&1 &")
    refused = 0
    for _ in range(5):
        try:
            async with sandbox.fork(await session.snapshot()) as fork:
                assert await shown(fork, "ls -A /run") == "sekft\n"
                assert (await fork.check("[ -d /home/ada/d ] && [ ! -e /run/f ]")).passed
        except InfraError:  # what moved under the walk cannot be made again
            refused += 1
    assert refused < 5
    assert await shown(session, "echo on") == "on\n"
