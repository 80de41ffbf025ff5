"""Whose fault it is that a session could not be gone on with, found out with real loads and real runners."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bench.pipeline import Quiet
from sekft import sandboxes
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.errors import InfraError
from sekft.folder import Folder, Layout
from sekft.protocols import Action, Limits, Operator, Sandbox, SandboxSpec
from sekft.quality.audit import audit
from sekft.rejection import Rejected
from sekft.rollouts.record import record, replay
from sekft.rollouts.rollout import Rollout, RolloutLimits, RolloutResult, rollout
from sekft.rollouts.verify import judge
from sekft.runs import generate as generating
from sekft.runs import rollout as running
from sekft.runs.generate import gated
from sekft.runs.resources import Tally
from sekft.runs.rollout import Roller, RolloutConfig
from sekft.sandboxes import session as sessions
from sekft.sandboxes.runner.build import FLAGS, compilers
from sekft.scenario import File, Scenario
from sekft.trajectory import Ending, OperatorInfo, Trajectory, Turn
from tests.bundles import empty, sealed, work
from tests.commands import forked
from tests.processes import alive, until
from tests.sandboxes.conftest import one_processor, sandbox

__all__ = ["one_processor", "sandbox"]

LOOPS = "for i in $(seq 60); do setsid sh -c 'while :; do :; done' & done"
LOAD = f"cd; truncate -s 16M a b c; {LOOPS}"
"""On one processor PID 1 is left a sixtieth of it, so that it cannot read the files in the time that it has."""
RESOURCES = Ending(kind="none", reason="resources")
SOLUTION = ("chit --help", "chit open", "chit read 7", "echo granite > stone.txt", "chit close 7", "exit")
HOG = r"""
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
/* Sixteen processes that hold 120 pairs of sockets each, with all that their buffers take. */
int main(void) {
    static char block[65536];
    for (int process = 0; process < 16; process++) {
        if (fork()) continue;
        for (int pair = 0, s[2]; pair < 120 && !socketpair(AF_UNIX, SOCK_STREAM, 0, s); pair++)
            for (int end = 0, most = 1 << 30; end < 2; end++) {
                setsockopt(s[end], SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
                fcntl(s[end], F_SETFL, O_NONBLOCK);
                while (write(s[end], block, sizeof block) > 0) {}
            }
        pause();
    }
    return 0;
}
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can stop the runner of every backend")


class Typist(Operator):
    """Types what it was given; what can be called is called first, with what was typed so far."""

    info = OperatorInfo(kind="typist")

    def __init__(self, *script: str | Callable[[], str]) -> None:
        self.script = script

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Typist:
        return self

    async def act(self, turns: Sequence[Turn]) -> Action:
        step = self.script[min(len(turns) // 2, len(self.script) - 1)]
        return Action(step if isinstance(step, str) else step())


@pytest.fixture
def scenario() -> Scenario:
    return sealed(work())


def recorded(scenario: Scenario, observed: RolloutResult) -> Trajectory:
    return record(scenario, observed, judge(scenario, observed))


_loaded: dict[str, Trajectory] = {}


async def loaded(sandbox: Sandbox, scenario: Scenario) -> Trajectory:
    """What becomes of a load on that backend, found out once: it takes PID 1 all of its five seconds."""
    if sandbox.name not in _loaded:
        typist = Typist("chit --help", LOAD, "exit")
        _loaded[sandbox.name] = recorded(scenario, await rollout(scenario, sandbox, typist, 0, 1))
    return _loaded[sandbox.name]


@pytest.mark.usefixtures("one_processor")
async def test_an_agents_load_is_never_an_infra_error(sandbox: Sandbox, scenario: Scenario) -> None:
    """Sixty loops beside large files: PID 1 ends them, the state is read, the operator has failed."""
    made = await loaded(sandbox, scenario)
    assert (made.outcome, made.check.verdict, made.keep) in {
        ("unfinished", "fail", False),
        ("false_exit", "fail", False),
    }
    if made.outcome == "unfinished":  # a daemon's sandbox on many processors is read in time
        assert (made.ending, made.turns[-1].role) == (RESOURCES, "env")
        assert "kept the harness waiting" in made.keep_reasons[1]
    assert "/home/ana/c" in {effect.path for effect in made.effects}


@pytest.mark.usefixtures("one_processor")
async def test_a_load_after_right_work_does_not_undo_it(sandbox: Sandbox, scenario: Scenario) -> None:
    """What was typed last is judged as ever: its processes die before the check, and the tree is what it is."""
    made = recorded(scenario, await rollout(scenario, sandbox, Typist(*SOLUTION[:-1], f"{LOOPS}; exit"), 0, 1))
    assert (made.outcome, made.ending.kind, made.check.passed) == ("solved", "exit", True)


@pytest.fixture
def hog(tmp_path: Path) -> File:
    source = tmp_path / "hog.c"
    source.write_text(HOG)
    subprocess.run([*compilers()[0], *FLAGS, "-o", str(tmp_path / "hog"), str(source)], check=True)
    content = base64.b64encode((tmp_path / "hog").read_bytes()).decode()
    return File(path="/home/ana/hog", content_b64=content, mode="0755")


async def test_memory_that_runs_out_is_the_operators_fault(sandbox: Sandbox, hog: File) -> None:
    """Sockets full of what nobody reads end the session or are ended, and break nothing that is ours."""
    body = empty()
    scenario = sealed({**body, "files": [*body["files"], hog.model_dump(mode="json", exclude_none=True)]})
    typist = Typist("./hog; sleep 2", "./hog; sleep 1", "exit")
    made = recorded(scenario, await rollout(scenario, sandbox, typist, 0, 1))
    assert made.outcome in {"unfinished", "false_exit", "unearned"}, made.keep_reasons


async def test_a_state_that_cannot_be_sent_is_the_operators_fault(sandbox: Sandbox, scenario: Scenario) -> None:
    """An alias that every one of many functions uses: what the next shell would have to read is too much."""
    alias = "alias zz=$(head -c 300000 /dev/zero | tr '\\0' z)"
    functions = 'i=0; while [ $i -lt 1500 ]; do i=$((i+1)); eval "f$i() { : zz; }"; done'
    typed = "; ".join(f"f{at}(){{ : zz;}}" for at in range(1500))
    made = recorded(scenario, await rollout(scenario, sandbox, Typist(alias, typed, functions, "true", "exit"), 0, 1))
    assert made.outcome in {"unfinished", "false_exit", "malformed"}, made.keep_reasons


def runner_of(mark: str) -> int:
    """The host's pid of the PID 1 whose child sleeps under that mark."""
    assert until(lambda: bool(alive(f"sleep {mark}")))
    (sleeper,) = alive(f"sleep {mark}")
    status = Path(f"/proc/{sleeper}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid")))


@asynccontextmanager
async def stopped(sandbox: Sandbox, scenario: Scenario, mark: str) -> AsyncIterator[tuple[Rollout, int]]:
    """A session whose runner stands still, as it does on a machine that has no time for it; yields its pid, too."""
    async with Rollout(scenario, sandbox, limits=RolloutLimits(session=Limits(command_s=1, check_s=1))) as session:
        await session.step(f"sleep {mark} &")
        runner = runner_of(mark)
        os.kill(runner, signal.SIGSTOP)
        try:
            yield session, runner
        finally:
            with suppress(ProcessLookupError):
                os.kill(runner, signal.SIGCONT)


@needs_root
async def test_a_late_answer_costs_nothing(
    sandbox: Sandbox, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that the machine answers too late is taken once more, and the session goes on as if nothing had been."""
    async with stopped(sandbox, scenario, "4713.1") as (session, runner):
        monkeypatch.setattr(sessions, "SETUP_S", 3.0)
        waiting = asyncio.ensure_future(session._again(session._session.state))
        await asyncio.sleep(3.2)
        os.kill(runner, signal.SIGCONT)
        assert "/home/ana" in await waiting
        for command in SOLUTION:
            await session.step(command)
    assert (session.result.exhausted, recorded(scenario, session.result).outcome) == (None, "solved")


@needs_root
async def test_a_session_that_does_not_answer_where_another_would_is_to_blame(
    sandbox: Sandbox, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended, and counts against its operator; nothing of it stays."""
    monkeypatch.setattr(sessions, "GRACE_S", 0.5)
    async with stopped(sandbox, scenario, "4713.2") as (session, _):
        await session.step("true")
        assert session.over
    made = recorded(scenario, session.result)
    assert (made.outcome, made.ending, made.check.verdict) == ("unfinished", RESOURCES, "not_run")
    assert made.keep_reasons[:2] == ["outcome unfinished", f"resources: {session.result.exhausted}"]
    assert not alive("sleep 4713.2")


@needs_root
async def test_where_no_other_works_either_it_is_ours(
    sandbox: Sandbox, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same silence, on a machine that starts no sandbox, is an infra error."""
    async with stopped(sandbox, scenario, "4713.3") as (session, _):
        monkeypatch.setattr(sessions, "GRACE_S", 0.5)
        monkeypatch.setattr(type(sandbox), "open", broken)
        await session.step("true")
    assert (recorded(scenario, session.result).outcome, session.result.alone) == ("infra_error", False)


def broken(self: Sandbox, spec: SandboxSpec) -> None:
    raise InfraError("this machine starts no sandbox any more")


async def test_what_a_load_left_behind_is_replayed_by_its_outputs(sandbox: Sandbox, scenario: Scenario) -> None:
    """How far processes came before they were killed is no difference; another output is."""
    limits = RolloutLimits(session=Limits(command_s=2))
    made = recorded(scenario, await rollout(scenario, sandbox, Typist("echo on", "exit"), 0, 1, limits))
    ended = made.model_copy(
        update={"ending": RESOURCES, "outcome": "unfinished", "final_state": "0" * 64, "effects": []}
    )
    assert (await replay(scenario, ended, sandbox)).difference is None
    turns = [*ended.turns[:2], ended.turns[2].model_copy(update={"content": "off\nana$ "}), *ended.turns[3:]]
    assert (await replay(scenario, ended.model_copy(update={"turns": turns}), sandbox)).difference is not None


@needs_root
async def test_twenty_broken_sessions_in_a_row_stop_no_run(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However an operator breaks its sandboxes, the others' rollouts are done as long as fresh sandboxes work."""
    monkeypatch.setattr(running, "PAUSES_S", ())
    layout, marks = Layout.of_run(tmp_path), iter(range(100))
    roller = Roller(RolloutConfig(sandbox="bubblewrap", concurrency=2, samples=24))
    jobs = [running.RolloutJob.of(scenario, sample, "typist", layout) for sample in range(24)]

    class Breaker(Typist):
        def policy(self, scenario: Scenario, sample: int, seed: int) -> Typist:
            mark = f"4714.{next(marks):02}"

            def kill() -> str:
                os.kill(runner_of(mark), signal.SIGKILL)
                return "true"

            return Typist(f"sleep {mark} &", kill)

    roller.operator = Breaker()
    with Folder(tmp_path).writing() as folder:
        assert await running._roll_all(roller, jobs, folder, Quiet(), Tally(roller.operator)) == 24
    assert len([*layout.errors.glob("*/*.json")]) == 24


def spinning() -> Scenario:
    """Its profile leaves behind what keeps any state from being read for long."""
    body = work()
    return sealed(
        {**body, "files": [*body["files"], {"path": "/home/ana/.profile", "content": f"{LOAD} >/dev/null\n"}]}
    )


@pytest.mark.usefixtures("one_processor")
async def test_a_bundle_that_takes_all_the_time_costs_itself(sandbox: Sandbox) -> None:
    """Where it was admitted all the same, its processes die at landing and it is played as it is."""
    scenario = spinning()
    made = recorded(scenario, await rollout(scenario, sandbox, Typist("exit"), 0, 1))
    assert (made.ending.kind, made.outcome) == ("exit", "false_exit")


@pytest.mark.usefixtures("one_processor")
async def test_the_gate_turns_away_a_bundle_that_takes_all_the_time(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a rejected draw, and no infra error."""
    monkeypatch.setattr(generating, "PAUSES_S", ())
    refused = await gated(spinning(), sandbox)
    assert isinstance(refused, Rejected)


@pytest.mark.usefixtures("one_processor")
async def test_what_ends_as_resources_is_data_like_any_failure(tmp_path: Path, scenario: Scenario) -> None:
    """It lies with the trajectories, is not done again, stands on the rejected side, is audited and shown."""
    layout = Layout.of_run(tmp_path)
    with Folder(tmp_path).writing() as folder:
        folder.write(layout.scenarios / f"{scenario.id}.json", scenario.to_json())
        sandbox = sandboxes.pick("auto")
        right = recorded(scenario, await rollout(scenario, sandbox, Typist(*SOLUTION), 0, 1))
        for made in (right, await loaded(sandbox, scenario)):
            name = f"typist-{int(made.outcome != 'solved')}.json"
            job = running.RolloutJob(scenario, 0, f"{scenario.id}/{name}", layout.trajectories, layout.errors)
            job.keep(folder, made)
            assert [(place / job.name).exists() for place in (job.trajectories, job.errors)] == [True, False]
    assert (made.outcome, made.ending.reason) == ("unfinished", "resources")
    report = pair(layout, None, Layout.of_stage(tmp_path / "pairs"), PairConfig(), Quiet())
    assert (report.both, report.labels) == (1, {"right": 1, "wrong": 1})
    assert [finding.value for finding in audit(layout).findings if finding.name == "funnel.infra_errors"] == [0]
    assert "resources" in await asyncio.to_thread(shown, layout.trajectories / job.name)


def shown(path: Path) -> str:
    return forked("show", path).stdout


async def test_twenty_on_a_broken_machine_stop_the_run(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no sandbox starts, the run says so and does not go through the rest."""
    monkeypatch.setattr(running, "PAUSES_S", ())
    roller, layout = Roller(RolloutConfig(sandbox="bubblewrap")), Layout.of_run(tmp_path)
    jobs = [running.RolloutJob.of(scenario, sample, "typist", layout) for sample in range(24)]
    roller.operator = Typist("exit")
    monkeypatch.setattr(type(roller.sandbox), "open", broken)
    began = time.monotonic()
    with Folder(tmp_path).writing() as folder, pytest.raises(InfraError, match="20 rollouts in a row failed"):
        await running._roll_all(roller, jobs, folder, Quiet(), Tally(roller.operator))
    assert time.monotonic() - began < 20
