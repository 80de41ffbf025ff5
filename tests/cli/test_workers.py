"""The same work in several processes: the same files, and nothing left behind however it ends."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

import sekft
from sekft.folder import documents, load_scenarios
from sekft.runs.library import Silent
from tests.cli.test_interrupted import gone, stop_when
from tests.commands import forked, start
from tests.processes import alive, descendants
from tests.scripted import logins, mixed, serving
from tests.test_plugin import installed as installed  # a fixture

N, SAMPLES = 12, 2
GENERATE = ("generate", "--n", str(N), "--seed", "3", "--where", "userland=busybox", "--out")
IN_PROCESSES = ("--engine", "processes", "--workers", "3", "--concurrency", "4")


def rolling(scenarios: Path, out: Path, operator: str = "explorer") -> tuple[str | Path, ...]:
    return (
        "rollout", "--scenarios", scenarios, "--samples", str(SAMPLES), "--operator", operator, "--out", out,
    )  # fmt: skip


def stored(folder: Path) -> dict[str, object]:
    """Every file of a stage, timings aside."""
    bodies: dict[str, object] = {}
    for path in [*documents(folder), *documents(folder, "*/*.json"), *documents(folder / "errors", "*/*.json")]:
        body = path.read_bytes()
        made = json.loads(body)
        bodies[str(path.relative_to(folder))] = {**made, "timing": None} if "timing" in made else body
    return bodies


def workers_of(pid: int) -> list[int]:
    """The worker processes of a command."""
    return [int(each) for each in alive("engines.processes", pid)]


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one process."""
    folder = tmp_path_factory.mktemp("local")
    done = forked(*GENERATE, folder, "--engine", "local")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def rollouts(tmp_path_factory: pytest.TempPathFactory, scenarios: Path) -> Path:
    """Of one process."""
    folder = tmp_path_factory.mktemp("rolled")
    done = forked(*rolling(scenarios, folder), "--engine", "local")
    assert done.returncode == 0, done.stderr
    return folder


def test_scenarios_are_the_same_byte_for_byte(tmp_path: Path, scenarios: Path) -> None:
    """However many processes author and gate, whatever is ready first."""
    done = forked(*GENERATE, tmp_path, *IN_PROCESSES)
    assert done.returncode == 0, done.stderr
    assert stored(tmp_path) == stored(scenarios)


def test_rejected_draws_and_notes_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What workers refuse lies in rejected/ with its reason, as where one process draws, and a person reads of it."""
    metadata = tmp_path / "site" / "refusing-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: refusing\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text("[sekft.authors]\nrefusing = refusing_author:make\n")
    (tmp_path / "site" / "refusing_author.py").write_text(REFUSING)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    made = {}
    for engine in ("local", "processes"):
        heard = Hearing()
        run = sekft.Run(tmp_path / engine, heard)
        run.generate(n=6, seed=5, author="refusing", where=["ending=work"], engine=engine)
        assert any("draw 1 of 20 refused (schema)" in note for note in heard.notes)
        made[engine] = stored(tmp_path / engine / "rejected") | stored(tmp_path / engine / "scenarios")
    assert made["local"] == made["processes"]
    assert len(made["local"]) > 6


class Hearing(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


REFUSING = """
from sekft.authors import DrawingAuthor
from sekft.authors.procedural.author import make as procedural
from sekft.rejection import Reason, Rejected

class Refusing(DrawingAuthor):
    name = "refusing"
    def __init__(self, config):
        self.other = procedural(config)
    async def draw(self, cell, seed, skin=0):
        if seed % 2:
            return Rejected(Reason.SCHEMA, f"odd seed {seed}")
        return await self.other.draw(cell, seed, skin)

make = Refusing
"""


def test_rollouts_are_the_same_byte_for_byte(tmp_path: Path, scenarios: Path, rollouts: Path) -> None:
    """Timings aside; and none is there twice."""
    done = forked(*rolling(scenarios, tmp_path), *IN_PROCESSES)
    assert done.returncode == 0, done.stderr
    assert len(stored(rollouts)) == N * SAMPLES
    assert stored(tmp_path) == stored(rollouts)


def test_killed_workers_cost_nothing(tmp_path: Path, scenarios: Path, rollouts: Path) -> None:
    """Two of them are killed, one after the other: others do their work, and their sandboxes are gone."""
    running = start(*rolling(scenarios, tmp_path), *IN_PROCESSES)
    for reached in (2, 8):
        wait_for(tmp_path, reached)
        worker = workers_of(running.pid)[0]
        below = descendants(worker)
        os.kill(worker, signal.SIGKILL)
        assert gone({worker, *below}), "a sandbox outlived its worker"
    _, log = running.communicate(timeout=120)
    assert running.returncode == 0, log
    assert stored(tmp_path) == stored(rollouts)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_driver_that_is_stopped_leaves_no_process(
    tmp_path: Path, scenarios: Path, rollouts: Path, number: signal.Signals
) -> None:
    """Neither worker nor sandbox, whatever stops it; the same command, run again, ends with the same files."""
    begun = start(*rolling(scenarios, tmp_path), *IN_PROCESSES)
    asked = time.monotonic()

    def reached() -> bool:
        nonlocal asked
        asked = time.monotonic()
        return len(documents(tmp_path, "*/*.json")) >= 3 and len(workers_of(begun.pid)) == 3

    status, log = stop_when(begun, reached, number)
    assert time.monotonic() - asked < 60
    assert status == (-signal.SIGKILL if number == signal.SIGKILL else 130), log
    assert "Traceback" not in log
    assert len(documents(tmp_path, "*/*.json")) < N * SAMPLES
    again = forked(*rolling(scenarios, tmp_path), "--engine", "local")
    assert again.returncode == 0, again.stderr
    assert stored(tmp_path) == stored(rollouts)


async def test_one_endpoint_asks_for_all_workers(tmp_path: Path, scenarios: Path) -> None:
    """The same rollouts as by one process, one journal, each answer paid for once; a spent budget stops all of them."""
    known = await logins(load_scenarios(scenarios)[:4])
    some = tmp_path / "some"
    some.mkdir()
    for scenario in known.values():
        (some / f"{scenario.id}.json").write_text(scenario.to_json(), encoding="utf-8")
    with serving(known, mixed) as url:
        service = {"SEKFT_OP_MODEL": "scripted", "SEKFT_OP_URL": url, "SEKFT_KEY": "sk-0123456789abcdef"}
        for engine in ("local", "processes"):
            done = forked(*rolling(some, tmp_path / engine, "model"), "--no-scaffold", "--engine", engine, **service)
            assert done.returncode == 0, done.stderr
        spent = forked(
            *rolling(some, tmp_path / "spent", "model"),
            "--no-scaffold",
            *IN_PROCESSES,
            "--max-total-tokens",
            "30",
            **service,
        )
    assert stored(tmp_path / "local") == stored(tmp_path / "processes")
    calls = [sorted((tmp_path / each / ".sekft" / "calls.jsonl").read_text().splitlines()) for each in
             ("local", "processes")]  # fmt: skip
    assert [json.loads(line)["key"] for line in calls[0]] == [json.loads(line)["key"] for line in calls[1]]
    assert spent.returncode == 1
    assert "tokens" in spent.stderr
    assert "finished work is kept" in spent.stderr


@pytest.mark.usefixtures("installed")
def test_a_plugin_acts_in_workers(tmp_path: Path, scenarios: Path) -> None:
    """An operator and a backend of another package are found there by their names."""
    run = sekft.Run(tmp_path / "run")
    run.generate(n=2, seed=3, author="greeting", sandbox="logged", engine="processes")
    run.rollout(operator="visitor", samples=1, engine="processes")
    assert {trajectory.operator.kind for trajectory in run.trajectories()} == {"visitor"}
    assert {scenario.gate.backend for scenario in run.scenarios() if scenario.gate} == {"logged"}


def wait_for(folder: Path, files: int) -> None:
    deadline = time.monotonic() + 120
    while len(documents(folder, "*/*.json")) < files:
        assert time.monotonic() < deadline
        time.sleep(0.01)
