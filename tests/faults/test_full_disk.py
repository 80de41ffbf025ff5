"""A disk that is full in the middle of a run, and the same command again when there is room: real file systems."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from sekft.folder import documents
from sekft.trajectory import KEPT
from tests.bundles import blocked, empty, sealed, work
from tests.commands import SEKFT, environment

SAMPLES = 16
FULL_THEN_NOT = """
mount -t tmpfs -o size=120k none "$1" || { echo "cannot mount"; exit 0; }
out=$1; shift
"$@" --out "$out"; echo "status $?"
mkdir "$out.full" && cp -rp "$out/." "$out.full"
mount -o remount,size=8m "$out"
"$@" --out "$out"; echo "status $?"
mkdir "$out.done" && cp -rp "$out/." "$out.done"
"""


@pytest.fixture
def rolling(tmp_path: Path) -> tuple[str | Path, ...]:
    (tmp_path / "scenarios").mkdir()
    for bundle in (sealed(body) for body in (work(), empty(), blocked())):
        (tmp_path / "scenarios" / f"{bundle.id}.json").write_text(bundle.to_json())
    options = ("--operator", "reference", "--samples", str(SAMPLES), "--concurrency", "2")
    return ("rollout", "--scenarios", tmp_path / "scenarios", *options)


def judged(out: Path) -> dict[str, bytes]:
    """Every trajectory, which is whole and earned."""
    found = {str(path.relative_to(out)): path.read_bytes() for path in documents(out, "*/reference-*.json")}
    assert {json.loads(body)["outcome"] for body in found.values()} <= {*KEPT}
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a tiny file system")
def test_a_full_run_folder_keeps_what_was_judged(tmp_path: Path, rolling: tuple[str | Path, ...]) -> None:
    """The run stops and says so; nothing is half-written; with room again it does the rest, and that alone."""
    out = tmp_path / "out"
    out.mkdir()
    command = ["unshare", "-m", "sh", "-c", FULL_THEN_NOT, "sh", str(out), *SEKFT, *map(str, rolling)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), timeout=120)
    if "cannot mount" in done.stdout:
        pytest.skip("this kernel lets not even root mount here")
    full, whole = tmp_path / "out.full", tmp_path / "out.done"
    assert [line for line in done.stdout.splitlines() if line.startswith("status")] == ["status 1", "status 0"]
    assert "the disk is full" in done.stderr
    assert 0 < len(judged(full)) < len(judged(whole)) == 3 * SAMPLES
    assert judged(full).items() <= judged(whole).items()
    assert not [*documents(full, "errors/*/*.json"), *full.rglob("*.unfinished"), *whole.rglob("*.unfinished")]
