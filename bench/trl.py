"""Our training loop against TRL's trainers on this machine: tokens a second, the same loss, resuming.

    python -m bench.trl speed EXPORT [--method dpo] [--steps 5] [--ways trl …]
    python -m bench.trl loss EXPORT                        # the loss before training, row by row, on both sides
    python -m bench.trl resume EXPORT [--ways ours trl]    # kill -9 after a checkpoint, resume, compare

`speed` alternates in one process: before each step of TRL's, ours takes a step of the same two rows, and one as the
default recipe lays it, of other rows. Layers, optimiser and schedule are the same. The first step is not timed. A token
counts once, however often a way computes it. TRL gets our labels: it cannot leave mistakes out by itself.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from sekft.cli.running import Lines
from sekft.folder import Folder
from sekft.models import libraries
from sekft.training import loop
from sekft.training.base_model import base_folder, tokenizer_of
from sekft.training.config import TrainConfig, complete
from sekft.training.data import Method, examples, pack, part, steps
from sekft.training.student import Student

IGNORED = -100
ROWS = 2
"""Of a step: TRL's have a fixed number of rows, ours a number of tokens."""
SAVE_EVERY, KILL_AFTER, RESUME_STEPS = 2, 3, 4
OURS = "ours"


@dataclass(frozen=True, slots=True)
class Way:
    """How TRL is set up.

    weights: of what learns: float32 under autocast; bfloat16, which loses small updates; or copies: a model in bfloat16
             and an optimiser that moves float32 copies, which is the arithmetic of ours. What does not learn is in
             bfloat16.
    compact: the head on learnt tokens alone. On a CPU that takes a patch of a private name of TRL's.
    """

    weights: Literal["float32", "bfloat16", "copies"] = "float32"
    compact: bool = False


WAYS = {
    "trl": Way(),
    "trl-copies": Way("copies"),
    "trl-patched": Way(compact=True),
    "trl-patched-bf16": Way("bfloat16", compact=True),
    "trl-patched-copies": Way("copies", compact=True),
}


@dataclass(frozen=True, slots=True)
class Work:
    """What both sides learn from."""

    base: Path
    tokenizer: Any
    plan: loop.TrainingPlan

    @property
    def order(self) -> list[int]:
        return [index for step in self.plan.steps for index in step]

    def in_pairs(self) -> Work:
        """The same rows, two a step."""
        order = self.order
        pairs = [order[at : at + ROWS] for at in range(0, len(order) - ROWS + 1, ROWS)]
        return replace(self, plan=replace(self.plan, steps=pairs))


def work(options: argparse.Namespace) -> Work:
    """Enough of the default recipe's steps for so many steps of two rows."""
    libraries.prepare()
    method: Method = options.method
    base, data = base_folder(options.base), part(options.export, method)
    tokenizer = tokenizer_of(base)
    config = TrainConfig(base=options.base, method=method, checkpoint_s=0.0)
    recipe = complete(config, base, [data], libraries.device())
    rows = list(examples(data, tokenizer, method))
    plan = steps(rows, 0, 99, recipe.step_tokens, None)
    count = next(at for at in range(len(plan)) if sum(map(len, plan[:at])) >= ROWS * options.steps)
    return Work(base, tokenizer, loop.TrainingPlan(recipe, rows, plan[:count]))


@dataclass(slots=True)
class Readings:
    """Every step's tokens, learnt tokens, wall seconds and CPU seconds; and its loss."""

    steps: list[tuple[int, int, float, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def add(self, plan: loop.TrainingPlan, number: int, wall_s: float, cpu_s: float) -> None:
        rows = [plan.examples[index] for index in plan.steps[number]]
        learnt = sum(sum(tokens.learnt) for row in rows for tokens in (row.branches or (row.stem,)))
        self.steps.append((plan.tokens(number), learnt, wall_s, cpu_s))

    def speeds(self) -> list[float]:
        """Tokens a second of each step but the first."""
        return [tokens / wall_s for tokens, _, wall_s, _ in self.steps[1:] or self.steps]

    def line(self, name: str) -> str:
        tokens, learnt, wall_s, cpu_s = (sum(column) for column in zip(*(self.steps[1:] or self.steps), strict=True))
        speeds = " ".join(f"{speed:.0f}" for speed in self.speeds())
        losses = " ".join(f"{loss:.4f}" for loss in self.losses)
        return (
            f"{name:20} {tokens / wall_s:5.0f} tokens/s, {learnt / wall_s:5.1f} learnt; {tokens / cpu_s:.0f} tokens a "
            f"CPU second; {tokens} tokens in {wall_s:.1f} s; steps {speeds}; loss {losses}"
        )


class Ours:
    """Our student, a step at a time."""

    def __init__(self, given: Work) -> None:
        recipe, self.readings = given.plan.recipe, Readings()
        self.student = Student(given.base, recipe.layers, recipe.rank, recipe.seed)
        self.plan = given.plan
        if recipe.method == "dpo":
            indexes = sorted(set(given.order))
            sides = loop.reference(self.student, [self.plan.examples[index] for index in indexes], Lines())
            by_index = dict(zip(indexes, sides, strict=True))
            self.plan = replace(
                self.plan, reference=[by_index.get(at, (0.0, 0.0)) for at in range(len(self.plan.examples))]
            )
        self.optimiser = loop.optimiser_of(self.student, recipe.rate)

    def step(self, number: int) -> None:
        began_cpu = time.process_time()
        step = loop.take_step(self.plan, number, self.student, self.optimiser)
        self.readings.add(self.plan, number, step.wall_s, time.process_time() - began_cpu)
        self.readings.losses.append(step.loss)


def fitted(given: Work, out: Path, kill_after: int | None) -> tuple[list[float], str]:
    """A whole run of ours with a checkpoint after every step: its losses, and a digest of what it learnt."""
    take_step = loop.take_step

    def killing(plan: loop.TrainingPlan, number: int, *more: Any) -> Any:
        if number == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return take_step(plan, number, *more)

    side = Ours(given)
    with Folder(out).writing() as folder, patch.object(loop, "take_step", killing):
        done = loop.fit(side.plan, side.student, folder, Lines())
    return [step.loss for step in done], digest(side.student.weights())


def trained(
    given: Work,
    way: Way,
    out: Path,
    beside: Sequence[Ours] = (),
    kill_after: int | None = None,
    resume: bool | None = None,
) -> tuple[Readings, str]:
    """TRL's readings, and a digest of what it learnt. beside: who takes a step before each of its own.

    resume: None: no checkpoints; else with them, from the last one where true.
    """
    recipe, model = given.plan.recipe, prepared(given, way)
    if way.compact:
        from trl.trainer import utils

        utils._use_triton = lambda device: True  # the kernel stays torch's on a CPU
    settings: dict[str, Any] = {
        "output_dir": str(out),
        "max_steps": len(given.plan.steps),
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": ROWS,
        "learning_rate": recipe.rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "optim": "adamw_torch_fused",
        "max_grad_norm": loop.GRADIENT_NORM,
        "bf16": libraries.bf16_here() and way.weights == "float32",
        "train_sampling_strategy": "sequential",
        "gradient_checkpointing": False,
        "max_length": None,
        "logging_steps": 1,
        "save_strategy": "no" if resume is None else "steps",
        "save_steps": SAVE_EVERY,
        "report_to": "none",
        "use_cpu": recipe.device == "cpu",
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        "seed": recipe.seed,
    }
    trainer = (dpo_trainer if recipe.method == "dpo" else sft_trainer)(given, model, settings)
    if way.weights == "copies":
        trainer.optimizer = copying(model, recipe.rate)
    readings = timing(trainer, given.plan, beside, kill_after)
    trainer.train(resume_from_checkpoint=resume or None)
    readings.losses = [float(row["loss"]) for row in trainer.state.log_history if "loss" in row]
    return readings, digest({name: at for name, at in trainer.model.named_parameters() if at.requires_grad})


def timing(trainer: Any, plan: loop.TrainingPlan, beside: Sequence[Ours], kill_after: int | None) -> Readings:
    """Reads every step's time; the process is killed before the step after `kill_after`."""
    from transformers import TrainerCallback

    readings = Readings()
    began: list[float] = []

    def begin(_: Any, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
        for side in beside:
            if state.global_step < len(side.plan.steps):
                side.step(state.global_step)
        began[:] = time.monotonic(), time.process_time()

    def end(_: Any, args: Any, state: Any, control: Any, **more: Any) -> None:
        wall_s, cpu_s = time.monotonic() - began[0], time.process_time() - began[1]
        readings.add(plan, state.global_step - 1, wall_s, cpu_s)

    trainer.add_callback(type("Clock", (TrainerCallback,), {"on_step_begin": begin, "on_step_end": end}))
    return readings


def prepared(given: Work, way: Way) -> Any:
    """The model with the same layers learning as ours."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(given.base, dtype=torch.float32, local_files_only=True)
    model.requires_grad_(False)
    layers = model.get_decoder().layers
    layers[len(layers) - (given.plan.recipe.layers or len(layers)) :].requires_grad_(True)
    for weight in model.parameters():
        if libraries.bf16_here() and (way.weights != "float32" or not weight.requires_grad):
            weight.data = weight.data.bfloat16()
    return model


def copying(model: Any, rate: float) -> Any:
    """AdamW over float32 copies of the weights that learn; a checkpoint of its state holds them."""
    import torch

    learning = [weight for weight in model.parameters() if weight.requires_grad]
    copies = [weight.detach().float().clone() for weight in learning]
    optimiser = torch.optim.AdamW(copies, lr=rate, weight_decay=0.0, fused=True)

    def before(*_: Any) -> None:
        for weight, copy in zip(learning, copies, strict=True):
            copy.grad = weight.grad.float()

    def after(*_: Any) -> None:
        for weight, copy in zip(learning, copies, strict=True):
            weight.data.copy_(copy)
            weight.grad = None
            optimiser.state[copy]["copy"] = copy

    def loaded(*_: Any) -> None:
        for copy in copies:
            if "copy" in optimiser.state[copy]:
                copy.copy_(optimiser.state[copy]["copy"])
                optimiser.state[copy]["copy"] = copy

    optimiser.register_step_pre_hook(before)
    optimiser.register_step_post_hook(after)
    optimiser.register_load_state_dict_post_hook(loaded)
    return optimiser


def sft_trainer(given: Work, model: Any, settings: dict[str, Any]) -> Any:
    """Over input_ids and labels with our own mask, mistakes left out."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = []
    for index in given.order:
        stem = given.plan.examples[index].stem
        labels = [token if counts else IGNORED for token, counts in zip(stem.ids, stem.learnt, strict=True)]
        rows.append({"input_ids": list(stem.ids), "labels": labels})
    return SFTTrainer(
        model=model,
        args=SFTConfig(**settings),
        train_dataset=Dataset.from_list(rows),
        processing_class=given.tokenizer,
    )


def dpo_trainer(given: Work, model: Any, settings: dict[str, Any]) -> Any:
    from datasets import load_dataset
    from trl import DPOConfig, DPOTrainer

    recipe = given.plan.recipe
    config = DPOConfig(**settings, beta=recipe.beta, precompute_ref_log_probs=True)
    rows = load_dataset("parquet", data_files=str(Path(recipe.data) / "*.parquet"), split="train")
    rows = rows.select(given.order).remove_columns("metadata")
    return DPOTrainer(model=model, args=config, train_dataset=rows, processing_class=given.tokenizer)


def digest(weights: Mapping[str, Any]) -> str:
    whole = hashlib.sha256()
    for _, weight in sorted(weights.items()):
        whole.update(weight.detach().float().contiguous().numpy().tobytes())
    return whole.hexdigest()[:16]


def speed(options: argparse.Namespace) -> None:
    for way in options.ways:
        print(f"{way}, load {os.getloadavg()[0]:.1f}")
        print(started("once", way, options)[1], flush=True)


def once(options: argparse.Namespace) -> None:
    """One way, beside ours, in this process."""
    default = work(options)
    paired = default.in_pairs()
    sides = {"ours, the same rows": Ours(paired), "ours, default steps": Ours(default)}
    with tempfile.TemporaryDirectory() as scratch:
        readings, _ = trained(paired, WAYS[options.way], Path(scratch), list(sides.values()))
    for name, side in sides.items():
        print(side.readings.line(name))
    print(readings.line(options.way))
    for name, side in sides.items():
        pairs = zip(readings.speeds(), side.readings.speeds(), strict=False)
        ratios = [theirs / ours for theirs, ours in pairs]
        shown = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{options.way} / {name}: {shown}; median {statistics.median(ratios):.2f}")


def started(command: str, way: str, options: argparse.Namespace, *more: str) -> tuple[int, str]:
    """A command in a fresh process: its status and what it printed."""
    words = [command, str(options.export), "--way", way, "--method", options.method, "--base", options.base]
    words += ["--steps", str(options.steps), *more]
    process = subprocess.run([sys.executable, "-m", "bench.trl", *words], capture_output=True, text=True, check=False)
    if process.returncode > 0:
        raise SystemExit(f"{way}: {process.stderr[-3000:]}")
    noise = ("{", "Converting")
    return process.returncode, "\n".join(line for line in process.stdout.splitlines() if not line.startswith(noise))


def loss(options: argparse.Namespace) -> None:
    """In float32: a difference is noise, or another mask."""
    import torch
    from transformers import AutoModelForCausalLM

    given = work(options).in_pairs()
    recipe = given.plan.recipe
    student = Student(given.base, recipe.layers, recipe.rank, recipe.seed, half=False)
    model = AutoModelForCausalLM.from_pretrained(given.base, dtype=torch.float32, local_files_only=True)
    with tempfile.TemporaryDirectory() as scratch:
        settings = {"output_dir": scratch, "report_to": "none", "use_cpu": True, "max_length": None}
        trainer = sft_trainer(given, model, settings | {"bf16": False, "gradient_checkpointing": False})
        for index, row in zip(given.order, trainer.train_dataset, strict=True):
            laid = pack([given.plan.examples[index]])
            with torch.no_grad():
                ours = -student.logprobs(laid).mean().item()
                theirs = trainer.compute_loss(trainer.model, trainer.data_collator([row])).item()
            counts = f"{len(laid)} tokens, {len(laid.targets)} learnt"
            print(f"row {index}: {counts}, ours {ours:.6f}, trl {theirs:.6f}", flush=True)


def resume(options: argparse.Namespace) -> None:
    options.steps = RESUME_STEPS
    for way in options.ways:
        with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
            whole, broken = (Path(scratch, name) for name in ("whole", "broken"))
            _, unbroken = started("whole", way, options, "--scratch", str(whole))
            status, _ = started("whole", way, options, "--scratch", str(broken), "--kill-after", str(KILL_AFTER))
            size_mb = sum(path.stat().st_size for path in broken.rglob("*") if path.is_file()) / 1e6
            _, resumed = started("whole", way, options, "--scratch", str(broken), "--resume")
        print(f"{way}: killed with status {status}, kept {size_mb:.0f} MB")
        print(f"  unbroken {unbroken}\n  resumed  {resumed}\n  the same: {unbroken == resumed}", flush=True)


def whole(options: argparse.Namespace) -> None:
    """One run with checkpoints, for `resume`: a digest of its weights, and its losses."""
    given = work(options).in_pairs()
    if options.way == OURS:
        losses, weights = fitted(given, options.scratch, options.kill_after)
    else:
        way, kill = WAYS[options.way], options.kill_after
        readings, weights = trained(given, way, options.scratch, kill_after=kill, resume=options.resume)
        losses = readings.losses
    print(weights, " ".join(f"{loss:.6f}" for loss in losses), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    commands = {"speed": speed, "loss": loss, "resume": resume, "once": once, "whole": whole}
    parser.add_argument("command", choices=commands)
    parser.add_argument("export", type=Path)
    parser.add_argument("--base", default="smollm2")
    parser.add_argument("--method", default="sft", choices=["sft", "dpo"])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--ways", nargs="+", default=["trl"], choices=[OURS, *WAYS])
    parser.add_argument("--scratch", type=Path, help="Where `resume` keeps checkpoints.")
    # Of the processes that `speed` and `resume` start.
    parser.add_argument("--way")
    parser.add_argument("--kill-after", type=int)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    commands[options.command](options)


if __name__ == "__main__":
    main()
