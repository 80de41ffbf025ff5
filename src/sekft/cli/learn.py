"""What makes a student of an export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.options import Json
from sekft.cli.running import command, resumable, say

GGUF = "student.gguf"


def train(
    data: Annotated[Path, typer.Option("--data", help="An export, one of its files, or a folder of them.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the student; the same command over it resumes.")],
    base: Annotated[
        str, typer.Option("--base", help="smollm2, or a local Hugging Face folder; for DPO a student of SFT.")
    ] = "smollm2",
    method: Annotated[
        str | None, typer.Option("--method", help="sft or dpo; default: what the rows are, of an export sft.")
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(
            "--layers", min=0, help="Layers that learn, from the top; 0 all weights. Default: CPU half, GPU 0."
        ),
    ] = None,
    lora: Annotated[
        int, typer.Option("--lora", min=0, help="Rank of adapters to learn instead, merged at the end.")
    ] = 0,
    rate: Annotated[
        float | None, typer.Option("--rate", min=0.0, help="Peak learning rate; default by method and what learns.")
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Times that every row is learnt from.")] = 1,
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=1, help="End with the step that reaches so many tokens.")
    ] = None,
    step_tokens: Annotated[
        int | None, typer.Option("--step-tokens", min=1, help="Tokens of one step; default: CPU 1600, GPU 16384.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option("--max-length", min=1, help="Leave out longer rows; default: what the base can read.")
    ] = None,
    beta: Annotated[float, typer.Option("--beta", min=0.0, help="How strongly DPO holds on to its base.")] = 0.1,
    seed: Annotated[int, typer.Option("--seed", help="Order of the rows, first values of adapters.")] = 0,
    checkpoint_s: Annotated[
        float, typer.Option("--checkpoint-s", min=0.0, help="Least seconds between checkpoints.")
    ] = 300.0,
    gguf: Annotated[bool, typer.Option("--gguf", help="Also student.gguf, for llama.cpp.")] = False,
    as_json: Json = False,
) -> None:
    """Train a student on an export: loss on what the assistant types and its end token alone."""
    from sekft.cli.progress import reporter
    from sekft.errors import UsageError
    from sekft.training.config import Choices
    from sekft.training.gguf import write_gguf
    from sekft.training.train import train as run

    if method not in (None, "sft", "dpo"):
        raise UsageError(f"--method {method}: want sft or dpo")
    choices = Choices(method, layers, lora, rate, epochs, tokens, step_tokens, max_length, beta, seed)  # type: ignore[arg-type]
    with resumable(out), reporter() as progress:
        found = run(choices, base, data, out, command(), progress, checkpoint_s)
    if gguf and not (out / GGUF).exists():
        write_gguf(out, out / GGUF)
    if as_json:
        say(found.model_dump_json(indent=1) + "\n")
    else:
        say(
            f"{found.steps} steps, {found.tokens:,} tokens, {found.tokens_per_s:.0f} tokens/s, "
            f"loss {found.loss_before:.3f} -> {found.loss_after:.3f}\nstudent: {out}\n"
        )
