"""A command line whose training steps take twenty seconds each."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sekft import cli
from sekft.training import loop


def main() -> None:
    """The file that STEP names is there once a step has begun."""

    def slow(*_: object) -> None:
        Path(os.environ["STEP"]).touch()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            pass

    loop.take_step = slow  # type: ignore[assignment]
    cli.main()
