"""SIGKILL in the middle of a run, of the harness and of a sandbox's PID 1; then the same command again."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from sekft import sandboxes
from sekft.folder import documents
from sekft.sandboxes import BACKENDS
from sekft.sandboxes.docker import LABEL, client
from sekft.scenario import Scenario
from sekft.trajectory import KEPT
from tests.bundles import blocked, empty, sealed, work
from tests.commands import forked, start
from tests.processes import alive, until

MARK, LONG_MARK = "sleep 2.4713", "sleep 247.13"
TRIES = 3


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.live] * (name == "docker")) for name in BACKENDS])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sleeper() -> Scenario:
    """Its reference rests long enough to be met there, with a job that would outlive it."""
    return sleeping(MARK)


def sleeping(mark: str) -> Scenario:
    body = work()
    body["reference"] = [f"setsid {mark}1 & {mark}2", *body["reference"]]
    return sealed(body)


def rolling(scenarios: list[Scenario], folder: Path, backend: str) -> tuple[str | Path, ...]:
    (folder / "scenarios").mkdir()
    for scenario in scenarios:
        (folder / "scenarios" / f"{scenario.id}.json").write_text(scenario.to_json())
    options = ("--operator", "reference", "--samples", "2", "--concurrency", "2", "--sandbox", backend)
    return ("rollout", "--scenarios", folder / "scenarios", *options, "--out", folder / "out")


def kept(out: Path) -> dict[str, dict[str, Any]]:
    found = documents(out, "*/reference-*.json")
    return {str(path.relative_to(out)): json.loads(path.read_text()) for path in found}


def control_groups(pids: list[str]) -> set[Path]:
    """The folders of those processes' control groups that are not this process's own."""

    def lines(pid: str) -> set[str]:
        return set(Path(f"/proc/{pid}/cgroup").read_text().splitlines())

    own, mounts = lines("self"), [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    paths = {line.split(":", 2)[2].lstrip("/") for pid in pids for line in lines(pid) - own}
    roots = [Path(mount[1]) for mount in mounts if mount[2] in ("cgroup", "cgroup2")]
    return {root / path for root in roots for path in paths if (root / path).is_dir()}


def containers(harness: int) -> list[str]:
    return [each["Id"] for each in client().containers(all=True, filters={"label": f"{LABEL}={harness}"})]


def mounts(containers: list[str]) -> list[str]:
    """Lines of this machine's mount table that are those containers'."""
    told = [client().inspect_container(each) for each in containers]
    names = [*containers, *(Path(each["GraphDriver"]["Data"]["MergedDir"]).parent.name for each in told)]
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if any(name in line for name in names)]


def test_a_killed_harness_leaves_nothing_of_its_run(backend: str, tmp_path: Path) -> None:
    """No process, mount, container or control group, and no half-written file."""
    with start(*rolling([sleeping(LONG_MARK)], tmp_path, backend)) as run:
        assert until(lambda: len(alive(LONG_MARK)) >= 4)
        groups = control_groups(alive(LONG_MARK))
        made = containers(run.pid) if backend == "docker" else []
        mounted = mounts(made) if made else []
        assert bool(groups) == (backend == "docker" or sandboxes.no_memory_bound() is None)
        assert bool(mounted) == (backend == "docker")
        run.kill()
    assert until(lambda: not alive(LONG_MARK))
    assert until(lambda: not [group for group in groups if group.exists()])
    table = Path("/proc/self/mounts").read_text
    assert until(lambda: not [line for line in mounted if line in table().splitlines()])
    assert backend != "docker" or until(lambda: not containers(run.pid))
    assert [path.name for path in tmp_path.glob("out/**/*") if path.is_file() and path.parent.name != ".sekft"] == []


def runners() -> set[int]:
    """PID 1 of every sandbox in which the mark sleeps, by this machine's pids."""
    first, asleep = dict[Path, int](), set[Path]()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            space, status = (folder / "ns" / "pid").readlink(), (folder / "status").read_text()
            if MARK in (folder / "cmdline").read_text().replace("\0", " "):
                asleep.add(space)
            elif next(line for line in status.splitlines() if line.startswith("NSpid")).endswith("\t1"):
                first[space] = int(folder.name)
        except OSError:
            continue
    return {first[space] for space in asleep & first.keys()}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees and kills the PID 1 of every backend")
def test_a_killed_runner_is_an_infra_error_and_is_done_again(backend: str, sleeper: Scenario, tmp_path: Path) -> None:
    """Killed as often as it is tried, a rollout is no verdict; the others are judged; a resume does it."""
    out, others = tmp_path / "out", [sealed(body) for body in (work(), empty(), blocked())]
    command = rolling([sleeper, *others], tmp_path, backend)
    killed: set[int] = set()
    with start(*command) as run:
        while run.poll() is None:
            for pid in runners() - killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            time.sleep(0.05)
        _, log = run.communicate()
    assert (run.returncode, "2 rollouts met an infra error" in log) == (1, True), log
    assert len(killed) == 2 * TRIES
    lost, done = kept(out / "errors"), kept(out)
    assert set(lost) == {f"{sleeper.id}/reference-{sample}.json" for sample in range(2)}
    for each in lost.values():
        assert (each["outcome"], each["keep"], each["check"]["verdict"]) == ("infra_error", False, "not_run")
        assert "ended unexpectedly" in each["ending"]["reason"]
    assert set(done) == {f"{other.id}/reference-{sample}.json" for other in others for sample in range(2)}
    assert {each["outcome"] for each in done.values()} == {*KEPT}

    again = forked(*command)
    assert again.returncode == 0, again.stderr
    assert kept(out / "errors") == {}
    assert {name: each for name, each in kept(out).items() if name in done} == done
    assert {each["outcome"] for each in kept(out).values()} == {*KEPT}
    assert len(kept(out)) == 8
