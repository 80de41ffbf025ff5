"""At equal userland digest a scenario comes out the same on bubblewrap and on docker, turn by turn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sekft.scenario import load_scenario
from sekft.trajectory import load_trajectory
from tests.commands import sekft

CLOCK = re.compile(r"\b[A-Z][a-z]{2} +\d+ \d\d:\d\d\b")
"""The time at which the agent made a file, as `ls -l` shows it."""

pytestmark = pytest.mark.live


def rolled(scenarios: Path, out: Path, backend: str) -> dict[str, dict[str, Any]]:
    """What each record says, less what differs by nature: where and when it ran, and the id over that."""
    done = sekft("rollout", "--scenarios", scenarios, "--samples", "1", "--sandbox", backend, "--out", out)
    assert done.returncode == 0, done.stderr
    records = {}
    for path in sorted(out.glob("*/explorer-*.json")):
        record = load_trajectory(path).model_dump(mode="json", exclude={"id", "timing"})
        assert record["sandbox"].pop("backend") == backend
        for turn in record["turns"]:
            shown, content = turn.pop("raw_sha256"), turn["content"]
            turn["content"] = CLOCK.sub("now", content)
            turn["raw"] = shown if turn["content"] == content else None
        records[record["scenario_id"]] = record
    return records


def test_two_hundred_scenarios_come_out_the_same(tmp_path: Path) -> None:
    """Verdict, outcome, effects, userland digest and every turn of 200 explorer rollouts, both userlands among them."""
    scenarios = tmp_path / "scenarios"
    made = sekft("generate", "--n", "200", "--seed", "7", "--sandbox", "bubblewrap", "--out", scenarios)
    assert made.returncode == 0, made.stderr
    assert {load_scenario(path).userland for path in scenarios.glob("*.json")} == {"busybox", "gnu"}
    ours, theirs = (rolled(scenarios, tmp_path / name, name) for name in ("bubblewrap", "docker"))
    assert len(ours) == 200
    assert ours == theirs
