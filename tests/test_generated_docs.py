"""Pages that show real output are current."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_pages_made_from_rollouts_are_current() -> None:
    """What README, quickstart, trajectories and gallery show is what this version records."""
    command = [sys.executable, str(ROOT / "docs/generate.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    if checked.returncode == 3:
        pytest.skip(checked.stderr.strip())
    assert checked.returncode == 0, checked.stderr


def test_pages_made_from_the_code_are_current() -> None:
    """docs/python-api.md and docs/cli.md say what this version offers."""
    checked = subprocess.run(
        [sys.executable, ROOT / "docs/reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
