"""The console command as a user runs it: another process, its output and its exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

SEKFT = (sys.executable, "-c", "from sekft.cli import main; main()")


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without any model service in it, and a plain terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEKFT_")}
    return kept | {"COLUMNS": "120", "NO_COLOR": "1"} | changes


def sekft(*arguments: str | Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run to the end. changes: environment variables."""
    command = [*SEKFT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment(**changes), timeout=900)


def start(*arguments: str | Path, **changes: str) -> subprocess.Popen[str]:
    """Start and leave running; it can be interrupted, also where these tests run in the background."""
    command = [*SEKFT, *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**changes),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
