"""Runs that are killed or interrupted, and the same command again: real processes, real sandboxes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sekft.folder import documents
from tests.commands import forked, sekft, start
from tests.processes import descendants, is_dead, until

N, SAMPLES = 6, 3
GENERATE = ("generate", "--n", str(N), "--seed", "3", "--concurrency", "2", "--out")


def rolling(scenarios: Path, out: Path) -> tuple[str | Path, ...]:
    return (
        "rollout",
        "--scenarios",
        scenarios,
        "--samples",
        str(SAMPLES),
        "--operator",
        "reference",
        "--concurrency",
        "2",
        "--out",
        out,
    )


def visible(folder: Path, pattern: str = "*.json") -> list[Path]:
    return documents(folder, pattern)


def stop_when(process: subprocess.Popen[str], reached: Callable[[], bool], number: signal.Signals) -> tuple[int, str]:
    """Send the signal once the work has got that far; returns the exit status and stderr."""
    deadline = time.monotonic() + 120
    while not reached() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.poll() is None, "the command ended before it could be stopped"
    family = descendants(process.pid)
    process.send_signal(number)
    _, log = process.communicate(timeout=60)
    assert gone(family), "a sandbox outlived its command"
    return process.returncode, log


def gone(pids: set[int]) -> bool:
    """Whether all of them end in half a minute; a sandbox needs a moment to see its stream closed."""
    return until(lambda: all(map(is_dead, pids)), 30)


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Undisturbed scenarios to compare with and to roll."""
    folder = tmp_path_factory.mktemp("whole")
    done = sekft(*GENERATE, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_kill_9_in_the_middle_of_generate(tmp_path: Path, scenarios: Path) -> None:
    """A killed generate, run again, ends with exactly the files of an undisturbed one."""
    out = tmp_path / "out"
    status, _ = stop_when(start(*GENERATE, out), lambda: len(visible(out)) >= 3, signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert 3 <= len(visible(out)) < N
    again = forked(*GENERATE, out)
    assert again.returncode == 0, again.stderr
    assert "done before" in again.stderr
    assert {path.name: path.read_bytes() for path in visible(out)} == {
        path.name: path.read_bytes() for path in visible(scenarios)
    }
    assert not list(out.rglob("*.unfinished"))


def test_kill_9_in_the_middle_of_rollout(tmp_path: Path, scenarios: Path) -> None:
    """A killed rollout, run again, ends with every sample once, each a whole file; done ones are untouched."""
    out = tmp_path / "out"
    stop_when(start(*rolling(scenarios, out)), lambda: len(visible(out, "*/*.json")) >= 5, signal.SIGKILL)
    before = {path: path.stat().st_mtime_ns for path in visible(out, "*/*.json")}
    assert 5 <= len(before) < N * SAMPLES
    again = forked(*rolling(scenarios, out))
    assert again.returncode == 0, again.stderr
    after = visible(out, "*/*.json")
    wanted = {(path.stem, f"reference-{sample}.json") for path in visible(scenarios) for sample in range(SAMPLES)}
    assert {(path.parent.name, path.name) for path in after} == wanted
    assert {json.loads(path.read_text())["outcome"] for path in after} <= {"solved", "idle", "rightly_blocked"}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not list(out.rglob("*.unfinished"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end cleanly with status 130, what was done is kept and no sandbox is left."""
    out = tmp_path / "out"
    status, log = stop_when(start(*GENERATE, out), lambda: len(visible(out)) >= 1, number)
    assert status == 130
    assert ("run the same command to resume" if number == signal.SIGINT else "is kept") in log  # SIGTERM has a timer
    assert "Traceback" not in log
    assert visible(out)


def test_samples_may_grow(tmp_path: Path, scenarios: Path) -> None:
    """More samples over the same folder adds to it, and another seed is refused."""
    out = tmp_path / "out"
    few = [argument if argument != str(SAMPLES) else "1" for argument in rolling(scenarios, out)]
    assert forked(*few).returncode == 0
    assert len(visible(out, "*/*.json")) == N
    more = [argument if argument != str(SAMPLES) else "2" for argument in rolling(scenarios, out)]
    assert forked(*more).returncode == 0
    assert len(visible(out, "*/*.json")) == 2 * N
    refused = forked(*more, "--seed", "5")
    assert refused.returncode == 2
    assert "seed was 0, now 5" in refused.stderr
