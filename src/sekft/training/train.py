"""A training run as a folder: begun, resumed, or left alone once it is done.

OUT/config.json, model.safetensors, tokenizer…   the student, as any loader takes it
OUT/README.md                                    its model card
OUT/training.json                                what it was made of and how it went; there once all is done
OUT/steps.jsonl                                  every step's figures
OUT/student.gguf                                 with --gguf
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from string import Template
from typing import Any

from pydantic import field_serializer

from sekft import __version__
from sekft.errors import UsageError
from sekft.folder import HIDDEN, Folder
from sekft.folder.config import Setting
from sekft.models import libraries
from sekft.models.libraries import refuse_other_attention
from sekft.protocols import Reporter
from sekft.report import Report, Table, facts
from sekft.training import loop
from sekft.training.base_model import base_folder, tokenizer_of, write_gguf
from sekft.training.config import Recipe, TrainConfig, complete
from sekft.training.data import Example, examples, part, steps
from sekft.training.data import files as row_files
from sekft.training.loop import Step, checkpoint_path

DONE, GGUF = "training.json", "student.gguf"
LIBRARIES = ("torch", "transformers", "peft")
REFERENCE = "reference.json"


class Trained(Report):
    """How a run went.

    rows: that were learnt from, every epoch. too_long: left out, being over max_length. learnt_tokens: those that the
    loss is on. loss_before, loss_after: means over the first and the last tenth of the steps. right_after: of DPO, the
    share of pairs in order over the last tenth. wall_s: the steps' alone.
    """

    recipe: Recipe
    command: str
    versions: dict[str, str]
    rows: int
    too_long: int
    steps: int
    tokens: int
    learnt_tokens: int
    loss_before: float
    loss_after: float
    right_after: float | None
    wall_s: float

    @field_serializer("recipe")
    def _recipe_body(self, recipe: Recipe) -> dict[str, Setting]:
        return {**recipe.recorded(), "data": recipe.data}

    @property
    def tokens_per_s(self) -> float:
        return self.tokens / self.wall_s if self.wall_s else 0.0

    @property
    def tables(self) -> list[Table]:
        recipe = self.recipe
        in_order = None if self.right_after is None else f"{self.right_after:.0%} of the last pairs"
        return [
            facts(
                [
                    ("method", f"{recipe.method} of {recipe.learning}"),
                    ("base", recipe.base),
                    ("rows", f"{self.rows:,}, {self.too_long:,} left out with over {recipe.max_length:,} tokens"),
                    ("steps", self.steps),
                    ("tokens", f"{self.tokens:,}, {self.learnt_tokens:,} of them learnt"),
                    ("loss", f"{self.loss_before:.3f} -> {self.loss_after:.3f}"),
                    ("in order", in_order),
                    ("time", f"{self.wall_s:,.0f} s on {recipe.device}, {self.tokens_per_s:,.0f} tokens/s"),
                ]
            )
        ]

    def card(self) -> str:
        """The model card: Markdown with the metadata block that model hubs read."""
        figures = dict(self.recipe) | dict(self)
        template = Template(files("sekft.training").joinpath("card.md").read_text("utf-8"))
        return template.substitute(
            {name: f"{value:,}" if isinstance(value, int) else value for name, value in figures.items()},
            learning=self.recipe.learning,
            seed=self.recipe.seed,
            loss_before=f"{self.loss_before:.3f}",
            loss_after=f"{self.loss_after:.3f}",
            right="" if self.right_after is None else f"; {self.right_after:.0%} of the last pairs in order",
            wall_s=f"{self.wall_s:,.0f}",
            tokens_per_s=f"{self.tokens_per_s:,.0f}",
            versions=", ".join(f"{name} {number}" for name, number in self.versions.items()),
        )


def train(config: TrainConfig, data: Path | Sequence[Path], out: Path, report: Reporter, command: str = "") -> Trained:
    """Fill the folder with a student; resume what a stopped run left, and do nothing where one is done.

    data: an export, one of its files, or a folder of them, or several of these. command: for the model card.
    Raises UsageError for data that cannot be learnt from, StoreError when the folder was made with other settings,
    KeyboardInterrupt, after a checkpoint, when asked to stop.
    """
    places = [part(each, config.method) for each in ([data] if isinstance(data, Path) else data)]
    for place in places:
        row_files(place)  # before the base, which takes a minute to unpack
    base = base_folder(config.base)
    refuse_other_attention(base)
    tokenizer = tokenizer_of(base)
    recipe = complete(config, base, places, libraries.device())
    with Folder(out).writing() as folder:
        begun = (out / DONE, checkpoint_path(out), out / HIDDEN / REFERENCE)
        folder.settle("train", recipe.recorded(), empty=not any(path.exists() for path in begun))
        if (out / DONE).exists():
            report.note(f"{out} is done; nothing is left to do")
            trained = Trained.model_validate_json((out / DONE).read_text(encoding="utf-8"))
        else:
            trained = _trained(recipe, places, base, tokenizer, folder, report, command)
        if config.gguf and not (out / GGUF).exists():
            write_gguf(out, out / GGUF)
    return trained


def _trained(
    recipe: Recipe, places: Sequence[Path], base: Path, tokenizer: Any, folder: Folder, report: Reporter, command: str
) -> Trained:
    from sekft.training.student import Student

    report.note(f"{recipe.method} of {recipe.learning} from {recipe.base} on {recipe.device}, rate {recipe.rate:g}")
    rows = [row for place in places for row in examples(place, tokenizer, recipe.method)]
    fitting = [row for row in rows if row.longest <= recipe.max_length]
    too_long = len(rows) - len(fitting)
    if not fitting:
        raise UsageError(f"--data {recipe.data}: none of {len(rows)} rows has at most {recipe.max_length} tokens")
    report.note(f"{len(fitting)} rows, {too_long} left out with over {recipe.max_length} tokens")
    student = Student(base, recipe.layers, recipe.rank, recipe.seed)
    done = loop.fit(_plan(recipe, fitting, student, folder, report), student, folder, report)
    trained = _summed(recipe, command, len(fitting), too_long, done)
    _leave(student, tokenizer, folder, trained, done)
    return trained


def _plan(recipe: Recipe, rows: Sequence[Example], student: Any, folder: Folder, report: Reporter) -> loop.TrainingPlan:
    plan = loop.TrainingPlan(recipe, rows, steps(rows, recipe.seed, recipe.epochs, recipe.step_tokens, recipe.tokens))
    if recipe.method == "sft":
        return plan
    kept = folder.root / HIDDEN / REFERENCE
    if not kept.exists():
        folder.write(kept, json.dumps(loop.reference(student, rows, report)))
    return replace(plan, reference=json.loads(kept.read_text(encoding="utf-8")))


def _summed(recipe: Recipe, command: str, rows: int, too_long: int, done: Sequence[Step]) -> Trained:
    tenth = max(1, len(done) // 10)
    return Trained(
        recipe=recipe,
        command=command,
        versions={"sekft": __version__, "python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES},
        rows=rows,
        too_long=too_long,
        steps=len(done),
        tokens=sum(step.tokens for step in done),
        learnt_tokens=sum(step.learnt for step in done),
        loss_before=fmean(step.loss for step in done[:tenth]),
        loss_after=fmean(step.loss for step in done[-tenth:]),
        right_after=fmean(step.right or 0.0 for step in done[-tenth:]) if recipe.method == "dpo" else None,
        wall_s=round(sum(step.wall_s for step in done), 1),
    )


def _leave(student: Any, tokenizer: Any, folder: Folder, trained: Trained, done: Sequence[Step]) -> None:
    """Put the student into the folder, what says that all is done last; only then is the checkpoint of no use."""
    out = folder.root
    fresh = out / HIDDEN / "student"
    shutil.rmtree(fresh, ignore_errors=True)
    student.save(fresh)
    tokenizer.save_pretrained(fresh)
    for file in fresh.iterdir():
        file.chmod(0o644)
        file.replace(out / file.name)
    fresh.rmdir()
    folder.write(out / "steps.jsonl", "".join(json.dumps(step._asdict()) + "\n" for step in done))
    folder.write(out / "README.md", trained.card())
    folder.write(out / DONE, trained.to_json())
    folder.remove(checkpoint_path(out))
    folder.remove(out / HIDDEN / REFERENCE)
