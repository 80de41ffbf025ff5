"""The steps of a run, from where it stood to its end: losses, schedule, optimiser, checkpoints.

docs/decisions/a-training-loop-of-our-own.md says why this is not a library's trainer.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from sekft.folder import HIDDEN, Folder
from sekft.protocols import Reporter
from sekft.training.config import Recipe
from sekft.training.data import Example, Pack, packed
from sekft.training.student import Student

CHECKPOINT = "checkpoint.pt"
# Tokens that a device takes at once. On a CPU the packs of a larger step run in parallel.
PACK_TOKENS: Mapping[str, int] = {"cpu": 800, "cuda": 16384}
WARM_UP_SHARE = 0.03
GRADIENT_NORM = 1.0
# Of a checkpoint's time against the time since the last one: a slow disk must not eat the run.
CHECKPOINT_SHARE = 0.05
RECENT = 20
LAST_STEP_S = 0.5
"""How long a step and its checkpoint may go on when the command is asked to stop."""


class Step(NamedTuple):
    """learnt: tokens that count. right: of DPO, the share of pairs whose chosen side gained more."""

    tokens: int
    learnt: int
    loss: float
    rate: float
    wall_s: float
    right: float | None = None


def checkpoint_path(root: Path) -> Path:
    return root / HIDDEN / CHECKPOINT


def save_checkpoint(folder: Folder, weights: Mapping[str, Any], optimiser: Any, steps: list[Step]) -> None:
    """Replace the checkpoint, whole or not at all. Raises StoreError."""
    import torch

    file = folder.begin(checkpoint_path(folder.root))
    state = {"weights": dict(weights), "optimiser": optimiser.state_dict(), "steps": [tuple(step) for step in steps]}
    torch.save(state, file)
    folder.place(file, checkpoint_path(folder.root))


def load_checkpoint(root: Path, weights: Mapping[str, Any], optimiser: Any) -> list[Step]:
    """Put weights and optimiser where they stood; the steps done, none when there is no checkpoint."""
    import torch

    if not checkpoint_path(root).exists():
        return []
    state = torch.load(checkpoint_path(root), weights_only=True)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(state["weights"][name])
    optimiser.load_state_dict(state["optimiser"])
    return [Step(*step) for step in state["steps"]]


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """steps: for each, the examples that it learns from, as indexes. reference: of DPO, by example; see `reference`."""

    recipe: Recipe
    examples: Sequence[Example]
    steps: Sequence[Sequence[int]]
    reference: Sequence[Sequence[float]] = ()

    def tokens(self, number: int) -> int:
        return sum(len(self.examples[index]) for index in self.steps[number])


def fit(plan: TrainingPlan, student: Student, folder: Folder, report: Reporter) -> list[Step]:
    """Do the steps that are left; all steps' figures.

    Raises KeyboardInterrupt, after a checkpoint, when asked to stop.
    """
    optimiser = optimiser_of(student, plan.recipe.rate)
    done = load_checkpoint(folder.root, student.weights(), optimiser)
    student.refresh()
    report.begin("training", len(plan.steps), len(done))
    resumed, last, interval_s = len(done), time.monotonic(), plan.recipe.checkpoint_s
    with _signals() as signals:
        while len(done) < len(plan.steps):
            done.append(take_step(plan, len(done), student, optimiser))
            report.step(_progress(plan, done, resumed))
            due = time.monotonic() - last >= interval_s and len(done) < len(plan.steps)
            if due or signals:
                began = time.monotonic()
                save_checkpoint(folder, student.weights(), optimiser, done)
                last = time.monotonic()
                interval_s = max(interval_s, (last - began) / CHECKPOINT_SHARE)
            if signals:
                raise KeyboardInterrupt
    return done


def optimiser_of(student: Student, rate: float) -> Any:
    import torch

    return torch.optim.AdamW(list(student.weights().values()), lr=rate, weight_decay=0.0, fused=True)


def take_step(plan: TrainingPlan, number: int, student: Student, optimiser: Any) -> Step:
    """One step of the optimiser, over all packs of the step's examples."""
    import torch

    began, indexes = time.monotonic(), plan.steps[number]
    packs = list(packed([plan.examples[index] for index in indexes], PACK_TOKENS[student.device]))
    learnt = sum(len(pack.targets) for pack in packs)
    reference = iter([value for index in indexes for value in plan.reference[index]] if plan.reference else ())
    count = len(indexes) if plan.reference else learnt
    jobs = [
        partial(_gradients, plan.recipe, student, pack, count, list(islice(reference, pack.sequences[-1] + 1)))
        for pack in packs
    ]
    loss, right = 0.0, 0
    for gradients, share, in_order in student.in_parallel(jobs):
        student.accumulate(gradients)
        loss, right = loss + share, right + in_order
    rate = rate_at(number, len(plan.steps), plan.recipe.rate)
    for group in optimiser.param_groups:
        group["lr"] = rate
    torch.nn.utils.clip_grad_norm_(list(student.weights().values()), GRADIENT_NORM)
    optimiser.step()
    optimiser.zero_grad()
    student.refresh()
    ordered = right / len(indexes) if plan.reference else None
    return Step(plan.tokens(number), learnt, loss, rate, time.monotonic() - began, ordered)


def _gradients(
    recipe: Recipe, student: Student, pack: Pack, count: int, reference: Sequence[float]
) -> tuple[Sequence[Any], float, int]:
    """A pack's gradients, its share of the step's mean loss, and how many of its pairs are in order.

    count: what the mean is over: of SFT the step's learnt tokens, of DPO its pairs.
    reference: of DPO, the log-probability of each sequence of the pack before training; the loss is the sigmoid one,
        and with `sft_weight` the mean over the chosen side's tokens as well (Pang et al., arXiv:2404.19733).
    """
    import torch

    logprobs = student.logprobs(pack)
    if not reference:
        loss, in_order = -logprobs.sum() / count, 0
    else:
        values = _by_sequence(logprobs, pack)
        gains = values - torch.tensor(reference, device=logprobs.device)
        margins = gains[0::2] - gains[1::2]
        loss, in_order = -torch.nn.functional.logsigmoid(recipe.beta * margins).sum(), int((margins > 0).sum())
        if recipe.sft_weight:
            lengths = torch.tensor(pack.sequences, device=logprobs.device).bincount()
            loss = loss - recipe.sft_weight * (values / lengths)[0::2].sum()
        loss = loss / count
    return student.gradients(loss), float(loss.detach()), in_order


def reference(student: Student, examples: Sequence[Example], report: Reporter) -> list[tuple[float, float]]:
    """For each pair, the log-probabilities of its chosen and its rejected side before training."""
    import torch

    values: list[float] = []
    report.begin("reference", len(examples), 0)
    for pack in packed(examples, PACK_TOKENS[student.device]):
        with torch.no_grad():
            values += _by_sequence(student.logprobs(pack), pack).tolist()
        for _ in range((pack.sequences[-1] + 1) // 2):
            report.step()
    return list(zip(values[::2], values[1::2], strict=True))


def _by_sequence(logprobs: Any, pack: Pack) -> Any:
    """The log-probability of each sequence of the pack: of pairs, chosen and rejected in turn."""
    import torch

    sequences = torch.tensor(pack.sequences, device=logprobs.device)
    return torch.zeros(pack.sequences[-1] + 1, device=logprobs.device).index_add(0, sequences, logprobs)


def rate_at(step: int, steps: int, peak: float) -> float:
    """A short rise, then a straight line to zero after the last step."""
    rise = max(1, round(WARM_UP_SHARE * steps))
    return peak * min((step + 1) / rise, (steps - step) / max(1, steps - rise), 1.0)


def _progress(plan: TrainingPlan, done: Sequence[Step], resumed: int) -> str:
    """Loss, speed and time left, by the last steps of this process."""
    recent = done[resumed:][-RECENT:]
    speed = sum(step.tokens for step in recent) / sum(step.wall_s for step in recent)
    left_s = sum(plan.tokens(number) for number in range(len(done), len(plan.steps))) / speed
    loss = sum(step.loss for step in recent) / len(recent)
    right = f", {sum(step.right or 0 for step in recent) / len(recent):.0%} in order" if plan.reference else ""
    return f"loss {loss:.3f}{right}, {speed:.0f} tokens/s, {left_s / 60:.0f} min left"


@contextmanager
def _signals() -> Iterator[list[int]]:
    """What asked to stop, Ctrl-C or SIGTERM; a step is finished first, so that none is half done.

    A second Ctrl-C, or a step that takes too long for SIGTERM, leaves the last checkpoint.
    """
    signals: list[int] = []
    ours: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM)

    def asked(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        if signals == [signal.SIGTERM]:
            timer.start()
        elif len(signals) == 2 and callable(handler := before[number]):
            handler(number, frame)

    timer = threading.Timer(LAST_STEP_S, lambda: os.kill(os.getpid(), signals[0]))
    timer.daemon = True
    before = {number: signal.signal(number, asked) for number in ours}
    try:
        yield signals
    finally:
        timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
