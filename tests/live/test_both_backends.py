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
LISTED = re.compile(r"^([bcdlps-][rwxsStT-]{9}[ \t]+\d+)[ \t]+\S+[ \t]+\S+[ \t]+(.*)$", re.MULTILINE)
"""A line of `ls -l`: bubblewrap may have a second uid for what is root's, docker has not."""
pytestmark = pytest.mark.live


def records(out: Path, backend: str) -> dict[str, dict[str, Any]]:
    """What the first samples' records say, less what differs by nature: where and when it ran, and the id over that."""
    found = {}
    for path in sorted(out.glob("*/explorer-0.json")):
        record = load_trajectory(path).model_dump(mode="json", exclude={"id", "timing"})
        assert record["sandbox"].pop("backend") == backend
        record["sandbox"].pop("uids")
        for turn in record["turns"]:
            shown, content = turn.pop("raw_sha256"), turn["content"]
            turn["content"] = LISTED.sub(_unowned, MAIL.sub("", CLOCK.sub("now", content)))
            turn["raw"] = shown if turn["content"] == content else None
        found[record["scenario_id"]] = record
    return found


def _unowned(line: re.Match[str]) -> str:
    return " ".join(f"{line[1]} {line[2]}".split())


def test_scenarios_come_out_the_same(users_set: Path, users_rollouts: Path, tmp_path: Path) -> None:
    """Verdict, outcome, effects, userland digest and every turn of an explorer's rollouts, both userlands among them.

    Where a fixture is root's, what is refused and what is looked at next may differ: there the outcome counts.
    """
    scenarios = [load_scenario(path) for path in users_set.glob("*.json")]
    assert {scenario.userland for scenario in scenarios} >= {"busybox", "gnu"}
    owned = {scenario.id for scenario in scenarios if any(file.owner == "root" for file in scenario.files)}
    assert len(owned) < 0.5 * len(scenarios)
    done = sekft("rollout", "--scenarios", users_set, "--samples", "1", "--sandbox", "docker", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    ours, theirs = records(users_rollouts, "bubblewrap"), records(tmp_path, "docker")
    assert len(ours) == len(scenarios)
    for name in ours.keys() - owned:
        for one, other in zip(ours[name]["turns"], theirs[name]["turns"], strict=True):
            if None in (one["raw"], other["raw"]):
                one["raw"] = other["raw"] = None
    for name in owned:
        for record in (ours[name], theirs[name]):
            record.update(dict.fromkeys(("turns", "ending", "effects", "mechanism", "check", "final_state")))
    assert ours == theirs
