"""Rounds of self-training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.options import Json, MaxTokens, MaxTurns, Out, SandboxName, Seed
from sekft.cli.running import resumable, say, work


def star(
    scenarios: Annotated[Path, typer.Option("--scenarios", help="Bundles of both splits, or a run folder.")],
    out: Out,
    base: Annotated[
        str, typer.Option("--base", help="What every round is trained from: smollm2, or a folder.")
    ] = "smollm2",
    student: Annotated[str | None, typer.Option("--student", help="Who acts first; default: the base.")] = None,
    also: Annotated[
        Path | None, typer.Option("--also", help="An export that every round learns from, too: the explorer's, say.")
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="At most so many.")] = 3,
    samples: Annotated[int, typer.Option("--samples", min=1, help="Rollouts of a training scenario in a round.")] = 4,
    keep: Annotated[int, typer.Option("--keep", min=1, help="Of a scenario's kept rollouts, learn from so many.")] = 2,
    per_round: Annotated[
        int | None,
        typer.Option("--per-round", min=1, help="Training scenarios of a round; default all."),
    ] = None,
    judged: Annotated[
        int | None, typer.Option("--judged", min=1, help="Held-out scenarios to be judged by; default all.")
    ] = None,
    pass_k: Annotated[int, typer.Option("--pass-k", min=2, help="Rollouts of a held-out scenario.")] = 4,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, help="By which pass@k or variety may fall and be unchanged.")
    ] = 0.02,
    patience: Annotated[
        int, typer.Option("--patience", min=1, help="Rounds in a row that may improve nothing; then it ends.")
    ] = 1,
    temperature: Annotated[float, typer.Option("--temperature", min=0.0, help="Of every rollout.")] = 0.7,
    no_dpo: Annotated[bool, typer.Option("--no-dpo", help="Learn from keepers alone, not from pairs.")] = False,
    layers: Annotated[int | None, typer.Option("--layers", min=0, help="Layers that learn, as in sekft train.")] = None,
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=1, help="End each training with the step that reaches so many.")
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Times that every row is learnt from.")] = 1,
    max_turns: MaxTurns = 40,
    max_tokens: MaxTokens = None,
    seed: Seed = 0,
    sandbox: SandboxName = "auto",
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Rollouts at once.")] = 16,
    as_json: Json = False,
) -> None:
    """Let a student learn from what it does itself: act, keep, pair, train from the base, evaluate, again."""
    from sekft.cli.progress import reporter
    from sekft.runs.pipeline import load_scenarios
    from sekft.runs.star import Plan, render
    from sekft.runs.star import star as run
    from sekft.training.config import TrainConfig

    learning = TrainConfig(layers=layers, tokens=tokens, epochs=epochs, seed=seed)
    plan = Plan(
        base, student, also, rounds, samples, keep, per_round, judged, pass_k, tolerance, patience, temperature,
        not no_dpo, seed, sandbox, concurrency, max_turns, max_tokens, learning,
    )  # fmt: skip
    with resumable(out), reporter() as progress:
        found = run(plan, load_scenarios(scenarios), out, progress, lambda stage: work(stage, out))
    say(found.model_dump_json(indent=1) + "\n" if as_json else render(found))
