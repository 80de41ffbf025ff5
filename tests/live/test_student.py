"""SmolLM2-135M as a student: evaluated as it comes, and through two rounds of self-training, killed on their way."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from sekft.cli.stopping import INTERRUPTED
from tests.commands import sekft, start

BASE = "smollm2"
START_S = 300.0


@pytest.mark.live
def test_the_untrained_base_is_evaluated(fifty: Path, tmp_path: Path) -> None:
    """Ten scenarios in deploy form: hardly anything is right, within its interval; asked again, it is there."""
    asked: list[str | Path] = [
        "eval",
        "--scenarios",
        fifty,
        "--out",
        tmp_path / "base",
        "--model",
        BASE,
        "--most",
        "10",
    ]
    asked += ["--max-turns", "8", "--max-tokens", "48", "--json"]
    done = sekft(*asked)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    right = found["all"]["rates"]["right"]
    assert (right["of"], found["missing"]) == (10, 0)
    assert 0 <= right["low"] <= right["value"] <= right["high"] <= 0.5
    began = time.monotonic()
    assert sekft(*asked).stdout == done.stdout
    assert time.monotonic() - began < 60


@pytest.mark.soak
def test_two_rounds_of_which_one_is_killed(two_hundred: Path, six_hundred: Path, tmp_path: Path) -> None:
    """Killed among its rollouts, the same command goes on from them; both rounds train from the base and evaluate."""
    export, out = tmp_path / "export", tmp_path / "star"
    made = sekft("export", "--trajectories", six_hundred, "--scenarios", two_hundred, "--out", export, "--no-card")
    assert made.returncode == 0, made.stderr
    asked: list[str | Path] = [
        "star",
        "--scenarios",
        two_hundred,
        "--out",
        out,
        "--base",
        BASE,
        "--also",
        export,
        "--rounds",
        "2",
    ]
    asked += [
        "--patience",
        "2",
        "--per-round",
        "3",
        "--samples",
        "2",
        "--judged",
        "3",
        "--pass-k",
        "2",
        "--max-turns",
        "4",
    ]
    asked += ["--max-tokens", "32", "--tokens", "6000", "--json"]
    process, deadline = start(*asked), time.monotonic() + START_S
    while not (rolled := list((out / "round-1/rollouts").glob("*/student-*.json"))):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.kill()
    process.communicate()
    assert process.returncode not in (0, INTERRUPTED)
    before = {path: path.read_bytes() for path in rolled}
    done = sekft(*asked)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [each["number"] for each in found["rounds"]] == [0, 1, 2]
    assert {path: path.read_bytes() for path in rolled} == before
    for number in (1, 2):
        trained = json.loads((out / f"round-{number}/sft/training.json").read_text())
        assert (trained["recipe"]["base"], trained["steps"] > 1) == (BASE, True)
