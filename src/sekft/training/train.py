"""A training run as a folder: begun, resumed, or found done.

OUT/config.json, model.safetensors, tokenizer…   the student, as any loader takes it
OUT/README.md                                    its card
OUT/training.json                                what it was made of and how it went; there once all is done
OUT/steps.jsonl                                  every step's figures
"""

from __future__ import annotations

import json
import platform
import shutil
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sekft import __version__
from sekft.errors import UsageError
from sekft.folder import HIDDEN, Folder
from sekft.models import libraries
from sekft.protocols import Reporter
from sekft.scenario import Frozen
from sekft.training.base_model import base_folder, tokenizer_of
from sekft.training.card import card
from sekft.training.config import Choices, Recipe, complete
from sekft.training.data import Piece, part, pieces
from sekft.training.loop import checkpoint, loop
from sekft.training.loop.checkpoint import Step
from sekft.training.loop.packs import steps

DONE = "training.json"
LIBRARIES = ("torch", "transformers", "peft")
REFERENCE = "reference.json"


class Trained(Frozen):
    """How a run went.

    rows: that were learnt from, every epoch. too_long: left out, being over max_length. learnt_tokens: those that the
    loss is on. loss_before, loss_after: means over the first and the last tenth of the steps. wall_s: the steps' alone.
    """

    recipe: dict[str, str | int | float | None]
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

    @property
    def tokens_per_s(self) -> float:
        return self.tokens / self.wall_s if self.wall_s else 0.0


def train(
    choices: Choices, base: str, data: Path, out: Path, command: str, report: Reporter, checkpoint_s: float
) -> Trained:
    """Fill the folder with a student; resume what a stopped run left, and do nothing where one is done.

    command: as the card tells it. checkpoint_s: least seconds between checkpoints.
    Raises UsageError for data that cannot be learnt from, StoreError when the folder was made with other settings,
    KeyboardInterrupt, after a checkpoint, when asked to stop.
    """
    folder, data = base_folder(base), part(data, choices.method)
    libraries.refuse_other_attention(folder)
    tokenizer = tokenizer_of(folder)
    from sekft.training.loop.students import Student

    recipe = complete(choices, base, folder, data, libraries.device())
    with Folder(out).writing() as store:
        store.settle("train", recipe.settings())
        if (out / DONE).exists():
            report.note(f"{out} is done; nothing is left to do")
            return Trained.model_validate_json((out / DONE).read_text(encoding="utf-8"))
        report.note(f"{recipe.method} of {recipe.learning.name} from {base} on {recipe.device}, rate {recipe.rate:g}")
        read = list(pieces(data, tokenizer, recipe.method))
        fitting = [piece for piece in read if piece.longest <= recipe.max_length]
        if not fitting:
            raise UsageError(f"--data {data}: none of {len(read)} rows has at most {recipe.max_length} tokens")
        report.note(f"{len(fitting)} rows, {len(read) - len(fitting)} left out with over {recipe.max_length} tokens")
        student = Student(folder, recipe.learning, recipe.seed)
        course = _course(recipe, fitting, student, store, report)
        done = loop.follow(course, student, store, report, checkpoint_s)
        found = _summed(recipe, command, len(read), fitting, done)
        _leave(student, tokenizer, store, found, done)
    return found


def _course(recipe: Recipe, read: list[Piece], student: Any, store: Folder, report: Reporter) -> loop.Course:
    plan = steps(read, recipe.seed, recipe.epochs, recipe.step_tokens, recipe.tokens)
    if recipe.method == "sft":
        return loop.Course(recipe, read, plan)
    kept = store.root / HIDDEN / REFERENCE
    if not kept.exists():
        store.write(kept, json.dumps(loop.reference(student, read, report)))
    return loop.Course(recipe, read, plan, [tuple(sides) for sides in json.loads(kept.read_text(encoding="utf-8"))])


def _summed(recipe: Recipe, command: str, rows: int, read: list[Piece], done: list[Step]) -> Trained:
    tenth = max(1, len(done) // 10)

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    return Trained(
        recipe=asdict(recipe),
        command=command,
        versions={"sekft": __version__, "python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES},
        rows=len(read),
        too_long=rows - len(read),
        steps=len(done),
        tokens=sum(step.tokens for step in done),
        learnt_tokens=sum(step.learnt for step in done),
        loss_before=mean([step.loss for step in done[:tenth]]),
        loss_after=mean([step.loss for step in done[-tenth:]]),
        right_after=mean([step.right or 0.0 for step in done[-tenth:]]) if recipe.method == "dpo" else None,
        wall_s=round(sum(step.wall_s for step in done), 1),
    )


def _leave(student: Any, tokenizer: Any, store: Folder, found: Trained, done: list[Step]) -> None:
    """Put the student into the folder, what says that all is done last; only then is the checkpoint of no use."""
    out = store.root
    fresh = out / HIDDEN / "student"
    shutil.rmtree(fresh, ignore_errors=True)
    student.save(fresh)
    tokenizer.save_pretrained(fresh)
    for file in fresh.iterdir():
        file.chmod(0o644)
        file.replace(out / file.name)
    fresh.rmdir()
    store.write(out / "steps.jsonl", "".join(json.dumps(step._asdict()) + "\n" for step in done))
    store.write(out / "README.md", card(found))
    store.write(out / DONE, found.model_dump_json(indent=1) + "\n")
    store.remove(checkpoint.path(out))
    store.remove(out / HIDDEN / REFERENCE)
