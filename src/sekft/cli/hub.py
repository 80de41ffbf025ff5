"""A set that others use: put on the Hub, verified again by whoever has it, served to their trainers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.options import Json, configured
from sekft.cli.running import reporter, say, work
from sekft.cli.tables import all_visible, print_report
from sekft.env.hub import PushConfig
from sekft.env.hub import push as pushed
from sekft.env.serve import ServeConfig
from sekft.env.serve import serve as served
from sekft.env.source import scenarios
from sekft.env.verify import VerifyConfig
from sekft.env.verify import verify as verified


@configured()
def push(
    folder: Annotated[Path, typer.Argument(help="An export folder with its card.")],
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Data set on the Hub; created if missing.")],
    config: PushConfig,
    as_json: Json = False,
) -> None:
    """Upload an export to the Hub as a data set; without --yes, show what would be uploaded.

    The token is that of huggingface_hub: HF_TOKEN, or what `hf auth login` stored. HF_ENDPOINT names another hub.
    """
    print_report(all_visible(pushed(config, folder, name)), as_json)


@configured()
def verify(
    folder: Annotated[Path, typer.Argument(help="An export with the form scenarios, as written or downloaded.")],
    config: VerifyConfig,
    as_json: Json = False,
) -> None:
    """Run the gate and the sessions of a published set again. If something does not hold, exit with status 1."""
    with reporter() as progress:
        report = work(verified(config, folder, progress), folder)
    print_report(all_visible(report), as_json)  # what a set says must not drive the reader's terminal
    if not report.holds:
        raise typer.Exit(1)


@configured()
def serve(
    source: Annotated[Path, typer.Argument(help="A run folder, an export, or a Parquet file of scenarios.")],
    config: ServeConfig,
    as_json: Json = False,
) -> None:
    """Serve scenarios as environments over HTTP (reset and step) until stopped.

    If SEKFT_ENV_TOKEN is set, clients must send it.
    """
    chosen = scenarios(source, config.split, config.where)
    told = {"url": f"http://{config.host}:{config.port}", "scenarios": len(chosen), "sessions": config.sessions}
    say(json.dumps(told) + "\n" if as_json else f"{told['scenarios']} scenarios at {told['url']}\n")
    served(config, chosen)
