"""`--engine ray` on a real cluster of two nodes, each in a network namespace that these tests make.

The results are those of one process, byte for byte, timings aside, whatever dies meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sekft.folder import documents, load_scenarios
from tests import cluster
from tests.cli.test_workers import stored
from tests.cluster import Cluster
from tests.commands import sekft
from tests.live.test_environments import tool
from tests.processes import descendants

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(cluster.why_not() is not None, reason=f"no cluster here: {cluster.why_not()}"),
]
N, SAMPLES = 12, 3
KEY = "sk-of-the-driver-4b1d77e0"
DONE_S = 600.0
SERVED = """
import asyncio, sys, time
from pathlib import Path
from sekft.folder import load_scenarios
from tests.scripted import logins, mixed, serving
known = asyncio.run(logins(load_scenarios(Path(sys.argv[1]))))
with serving(known, mixed) as url:
    print(url, flush=True)
    time.sleep(1e6)
"""


@pytest.fixture(scope="module")
def two() -> Iterator[Cluster]:
    with Cluster(tool("ray") / "python").up(2) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one process."""
    folder = tmp_path_factory.mktemp("scenarios")
    done = sekft("generate", "--n", str(N), "--seed", "3", "--engine", "local", "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def rollouts(tmp_path_factory: pytest.TempPathFactory, scenarios: Path) -> Path:
    """Of one process."""
    folder = tmp_path_factory.mktemp("rollouts")
    done = sekft(*rolling(scenarios, folder), "--engine", "local")
    assert done.returncode == 0, done.stderr
    return folder


def rolling(scenarios: Path, out: Path, samples: int = SAMPLES, operator: str = "explorer") -> tuple[str | Path, ...]:
    return (
        "rollout", "--scenarios", scenarios, "--samples", str(samples), "--operator", operator, "--out", out,
    )  # fmt: skip


def ended(running: subprocess.Popen[str]) -> str:
    """What it said, once it has ended well."""
    _, log = running.communicate(timeout=DONE_S)
    assert running.returncode == 0, log
    assert "Traceback" not in log
    return log


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DONE_S
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def sandboxes_of(node: int, nodes: Cluster) -> set[int]:
    """Processes below the node's that are in namespaces of their own."""
    own = nodes.processes(node)
    return descendants(*own) - {*nodes.processes(node)}


def test_two_nodes_make_what_one_process_makes(two: Cluster, scenarios: Path, rollouts: Path, tmp_path: Path) -> None:
    """Scenarios and rollouts alike, and sandboxes are at work on the nodes: on both, unless one was slow to start."""
    authored, rolled = tmp_path / "scenarios", tmp_path / "rollouts"
    ended(two.begin("generate", "--n", str(N), "--seed", "3", "--engine", "ray", "--out", authored))
    assert stored(authored) == stored(scenarios)
    running, seen = two.begin(*rolling(authored, rolled), "--engine", "ray"), set[int]()
    while running.poll() is None:
        seen |= {node for node in (0, 1) if sandboxes_of(node, two)}
        time.sleep(0.1)
    ended(running)
    assert seen
    assert len(documents(rolled, "*/*.json")) == N * SAMPLES
    assert stored(rolled) == stored(rollouts)


def test_a_node_that_dies_takes_nothing_with_it(two: Cluster, scenarios: Path, rollouts: Path, tmp_path: Path) -> None:
    """Its rollouts are done by the other one, and by itself once it is back: each once, none broken."""
    running = two.begin(*rolling(scenarios, tmp_path), "--engine", "ray")
    until(lambda: len(documents(tmp_path, "*/*.json")) >= 4 and bool(sandboxes_of(1, two)))
    two.kill(1)
    assert running.poll() is None
    two.start(1)
    ended(running)
    assert stored(tmp_path) == stored(rollouts)


@pytest.mark.soak
def test_ten_nodes_that_die(two: Cluster, tmp_path: Path) -> None:
    """Each kill at a random moment; every rollout is there once, and right."""
    rng, scenarios, whole, out = random.Random(22), tmp_path / "s", tmp_path / "whole", tmp_path / "out"
    sekft("generate", "--n", "40", "--seed", "5", "--out", scenarios)
    sekft(*rolling(scenarios, whole, 40), "--engine", "local")
    running = two.begin(*rolling(scenarios, out, 40), "--engine", "ray")
    for _ in range(10):
        known = len(documents(out, "*/*.json"))
        until(lambda known=known: len(documents(out, "*/*.json")) > known and bool(sandboxes_of(1, two)))  # type: ignore[misc]
        time.sleep(rng.uniform(0.0, 3.0))
        assert running.poll() is None, "the run ended before ten kills: make it longer"
        two.kill(1)
        two.start(1)
    ended(running)
    assert stored(out) == stored(whole)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_driver_that_dies_is_resumed(
    two: Cluster, scenarios: Path, rollouts: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Its actors and their sandboxes end; the same command goes on, and no rollout is done twice."""
    running = two.begin(*rolling(scenarios, tmp_path), "--engine", "ray")
    until(lambda: len(documents(tmp_path, "*/*.json")) >= 4)
    running.send_signal(number)
    _, log = running.communicate(timeout=30)
    assert running.returncode == (-number if number == signal.SIGKILL else 130), log
    before = {path: path.stat().st_mtime_ns for path in documents(tmp_path, "*/*.json")}
    assert 4 <= len(before) < N * SAMPLES
    until(lambda: not sandboxes_of(0, two) and not sandboxes_of(1, two))
    ended(two.begin(*rolling(scenarios, tmp_path), "--engine", "ray"))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert stored(tmp_path) == stored(rollouts)


def test_the_driver_alone_asks_the_model(two: Cluster, scenarios: Path, tmp_path: Path) -> None:
    """It answers on the head's loopback alone. One journal and one budget hold; no key is anywhere in the cluster."""
    some = tmp_path / "some"
    some.mkdir()
    for scenario in load_scenarios(scenarios)[:6]:
        (some / f"{scenario.id}.json").write_text(scenario.to_json(), encoding="utf-8")
    local = tmp_path / "local"
    with two.run(0, "-c", SERVED, str(some)) as served:
        try:
            assert served.stdout
            url = served.stdout.readline().strip()
            service = {"SEKFT_OP_MODEL": "scripted", "SEKFT_OP_URL": url, "SEKFT_KEY": KEY}
            options = ("--no-scaffold",)
            ended(two.begin(*rolling(some, local, 2, "model"), *options, "--engine", "local", **service))
            running = two.begin(*rolling(some, tmp_path / "far", 2, "model"), *options, "--engine", "ray", **service)
            until(lambda: bool(sandboxes_of(1, two)))
            holding = [pid for node in (0, 1) for pid in two.processes(node) if holds(pid, KEY)]
            assert set(holding) <= {running.pid}
            ended(running)
            spent = two.begin(
                *rolling(some, tmp_path / "spent", 2, "model"), *options, "--engine", "ray",
                "--max-total-tokens", "50", **service,
            )  # fmt: skip
            _, log = spent.communicate(timeout=DONE_S)
        finally:
            served.kill()
    assert (spent.returncode, "finished work is kept" in log) == (1, True)
    assert stored(tmp_path / "far") == stored(local)
    assert keys_of(tmp_path / "far") == keys_of(local)
    told = [path for path in two.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert not told


def holds(pid: int, text: str) -> bool:
    """Whether a process has it in its environment or on its command line."""
    with contextlib.suppress(OSError):
        return any(text.encode() in Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline"))
    return False


def keys_of(folder: Path) -> list[str]:
    """What was paid for, each once."""
    lines = (folder / ".sekft" / "calls.jsonl").read_text().splitlines()
    return sorted(json.loads(line)["key"] for line in lines)


def test_a_node_that_cannot_sandbox_gets_no_work(scenarios: Path, rollouts: Path, tmp_path: Path) -> None:
    """It is named, with the reason, and the other one does all of it."""
    bare = tmp_path / "bin"
    bare.mkdir()
    with Cluster(tool("ray") / "python").up(1, 1) as nodes:
        nodes.start(1, PATH=str(bare))
        log = ended(nodes.begin(*rolling(scenarios, tmp_path / "out"), "--engine", "ray"))
    assert "node 10.213.0.2 gets no work: bubblewrap: no bwrap on PATH" in log
    assert stored(tmp_path / "out") == stored(rollouts)


def test_ray_starts_where_there_is_no_cluster(scenarios: Path, rollouts: Path, tmp_path: Path) -> None:
    """For the command alone: nothing of it is left afterwards, and its processes have no key."""
    command = [str(tool("ray") / "python"), "-c", cluster.SEKFT, *map(str, rolling(scenarios, tmp_path / "out"))]
    environ = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | {"SEKFT_KEY": KEY}
    running = subprocess.Popen(
        [*command, "--engine", "ray"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    )
    until(lambda: len(documents(tmp_path / "out", "*/*.json")) >= 4)
    below = descendants(running.pid)
    assert not [pid for pid in below if holds(pid, KEY)]
    ended(running)
    until(lambda: not [pid for pid in below if Path(f"/proc/{pid}").exists()])
    assert stored(tmp_path / "out") == stored(rollouts)
