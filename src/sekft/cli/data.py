"""From what is stored to what a trainer takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sekft.cli.options import Json, Out, Selecting, TheirScenarios, Trajectories, flat
from sekft.cli.running import command, counting, say
from sekft.errors import NothingKept, UsageError

if TYPE_CHECKING:
    from sekft.dataset.card import Described
    from sekft.dataset.export import Exported, Exporting, Sources
    from sekft.dataset.overlap import Overlap
    from sekft.models.tokens import TokenCounter
    from sekft.protocols import Reporter


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
    from sekft.cli.progress import reporter
    from sekft.dataset import overlap
    from sekft.dataset.card import Described
    from sekft.dataset.export import Exporting, Sources, default, render
    from sekft.dataset.projections import FORMATS
    from sekft.dataset.select import wanted

    known = next((each for each in FORMATS if each == form), None)
    if form and known is None:
        raise UsageError(f"--format {form}: want {' or '.join(FORMATS)}")
    sources = Sources.of(trajectories, scenarios, pairs)
    plan = Exporting(tuple(to or default(sources)), wanted(selecting, kept=True), known, shard_rows)
    card = None if no_card else Described(title, licence, tuple(against or ()), command())
    with reporter() as progress:
        made, common = deliver(plan, sources, out, counting(selecting.tokenizer), card, progress)
    if as_json:
        return say(json.dumps(as_data(made, common), indent=1) + "\n")
    return say(render(made, out) + overlap.render(common))


def deliver(
    plan: Exporting, sources: Sources, out: Path, count: TokenCounter, told: Described | None, progress: Reporter
) -> tuple[Exported, list[Overlap]]:
    """An export and, where something is told of it, its card. Raises NothingKept where there is not a row."""
    from sekft.dataset.card import write
    from sekft.dataset.export import export as stage

    made = stage(plan, sources, out, count, progress)
    if not made.parts:
        raise NothingKept(f"{sources.layout.root}: not a row to export: no rollout is kept and passes the filters")
    return made, write(out, made, sources, told) if told else []


def as_data(made: Exported, common: Sequence[Overlap]) -> dict[str, object]:
    return made.model_dump(mode="json") | {"overlaps": [each.model_dump(mode="json") for each in common]}
