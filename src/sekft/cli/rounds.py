"""Rounds of self-training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.bridge import configured
from sekft.cli.options import Json, Out
from sekft.cli.running import resumable, work
from sekft.cli.tables import print_report
from sekft.runs.star import StarConfig


@configured()
def star(
    scenarios: Annotated[Path, typer.Option("--scenarios", help="Bundles of both splits, or a run folder.")],
    out: Out,
    config: StarConfig,
    as_json: Json = False,
) -> None:
    """Let a student learn from what it does itself: act, keep, pair, train from the base, evaluate, again."""
    from sekft.cli.progress import reporter
    from sekft.folder import load_scenarios
    from sekft.runs.star import star as run

    with resumable(out), reporter() as progress:
        report = run(config, load_scenarios(scenarios), out, progress, lambda stage: work(stage, out))
    print_report(report, as_json)
