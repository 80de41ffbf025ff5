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

MAIL = re.compile(r"^you have mail\n", re.MULTILINE)
"""What dash may say at a prompt where $MAIL is set: with docker in some runs of a scenario and not in others."""
pytestmark = pytest.mark.live


def records(out: Path, backend: str) -> dict[str, dict[str, Any]]:
    """What the first samples' records say, less what differs by nature: where and when it ran, and the id over that."""
    found = {}
    for path in sorted(out.glob("*/explorer-0.json")):
        record = load_trajectory(path).model_dump(mode="json", exclude={"id", "timing"})
        assert record["sandbox"].pop("backend") == backend
        for turn in record["turns"]:
            shown, content = turn.pop("raw_sha256"), turn["content"]
            turn["content"] = MAIL.sub("", CLOCK.sub("now", content))
            turn["raw"] = shown if turn["content"] == content else None
        found[record["scenario_id"]] = record
    return found


def test_two_hundred_scenarios_come_out_the_same(two_hundred: Path, six_hundred: Path, tmp_path: Path) -> None:
    """Verdict, outcome, effects, userland digest and every turn of 200 explorer rollouts, both userlands among them."""
    assert {load_scenario(path).userland for path in two_hundred.glob("*.json")} == {"busybox", "gnu"}
    done = sekft("rollout", "--scenarios", two_hundred, "--samples", "1", "--sandbox", "docker", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    ours, theirs = records(six_hundred, "bubblewrap"), records(tmp_path, "docker")
    assert len(ours) == 200
    for name in ours:
        for one, other in zip(ours[name]["turns"], theirs[name]["turns"], strict=True):
            if None in (one["raw"], other["raw"]):
                one["raw"] = other["raw"] = None
    assert ours == theirs
