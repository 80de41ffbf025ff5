"""What makes a student of an export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.bridge import configured
from sekft.cli.options import Json
from sekft.cli.running import command, resumable, say
from sekft.training.config import TrainConfig


@configured()
def train(
    data: Annotated[Path, typer.Option("--data", help="An export, one of its files, or a folder of them.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the student; the same command over it resumes.")],
    config: TrainConfig,
    as_json: Json = False,
) -> None:
    """Train a student on an export: loss on what the assistant types and its end token alone."""
    from sekft.cli.progress import reporter
    from sekft.training.train import train as run

    with resumable(out), reporter() as progress:
        trained = run(config, data, out, progress, command())
    say(trained.to_json() if as_json else f"{trained}student: {out}\n")
