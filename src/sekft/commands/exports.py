"""From what is stored to what a trainer takes."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from sekft.commands.running import counting, say
from sekft.errors import UsageError
from sekft.options import Json, Out, Selecting, TheirScenarios, Trajectories, flat


@flat
def export(
    out: Out,
    trajectories: Trajectories,
    selecting: Selecting,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", help="sft, dpo, kto, atif, …: forms to write; default: sft, with pairs dpo and kto, too."),
    ] = None,
    scenarios: TheirScenarios = None,
    pairs: Annotated[
        Path | None, typer.Option("--pairs", help="What `sekft pairs` made; default: in the run folder, or beside.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="parquet or jsonl; default: what the form's trainer takes best.")
    ] = None,
    shard_rows: Annotated[int, typer.Option("--shard-rows", min=1, help="Rows of one file.")] = 100_000,
    against: Annotated[
        list[Path] | None, typer.Option("--against", help="A file that our texts should have nothing in common with.")
    ] = None,
    title: Annotated[str, typer.Option("--title", help="The data card's.")] = "Sessions in a shell",
    licence: Annotated[str, typer.Option("--license", help="The data card's, as the Hub spells it.")] = "apache-2.0",
    no_card: Annotated[
        bool, typer.Option("--no-card", help="Write no data card; it audits and compares up to 2,000 scenarios.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write kept trajectories and pairs as trainers read them, train and held-out apart."""
    from sekft import card, contamination
    from sekft.card import Described
    from sekft.export import Exporting, Sources, default, render
    from sekft.export import export as stage
    from sekft.exporters import FORMATS
    from sekft.progress import reporter
    from sekft.selection import wanted

    known = next((each for each in FORMATS if each == form), None)
    if form and known is None:
        raise UsageError(f"--format {form}: want {' or '.join(FORMATS)}")
    sources = Sources.of(trajectories, scenarios, pairs)
    plan = Exporting(tuple(to or default(sources)), wanted(selecting, kept=True), known, shard_rows)
    with reporter() as progress:
        made = stage(plan, sources, out, counting(selecting.tokenizer), progress)
        told = Described(title, licence, tuple(against or ()), shlex.join(["sekft", *sys.argv[1:]]))
        common = [] if no_card else card.write(out, made, sources, told)
    if as_json:
        body = made.model_dump(mode="json") | {"overlaps": [each.model_dump(mode="json") for each in common]}
        return say(json.dumps(body, indent=1) + "\n")
    return say(render(made, out) + contamination.render(common))
