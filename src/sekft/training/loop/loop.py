"""The steps of a run, from where it stood to its end.

A loop of our own, and not a library's trainer: see docs/decisions/a-training-loop-of-our-own.md.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from sekft.folder import Folder
from sekft.protocols import Reporter
from sekft.training.config import Recipe
from sekft.training.data import Example
from sekft.training.loop import checkpoint, losses
from sekft.training.loop.checkpoint import Step
from sekft.training.loop.packs import Pack, packed
from sekft.training.loop.students import Student

# Tokens that a device takes at once; a step with more is done in parts: on a processor two, which then go side by side.
PACK_TOKENS: Mapping[str, int] = {"cpu": 800, "cuda": 16384}
WARM_UP_SHARE = 0.03
GRADIENT_NORM = 1.0
# Of a checkpoint's time against the time since the last one: a slow disk must not eat the run.
CHECKPOINT_SHARE = 0.05
RECENT = 20


@dataclass(frozen=True, slots=True)
class Course:
    """plan: for each step, the pieces that it learns from, as indexes. reference: of DPO, by piece."""

    recipe: Recipe
    pieces: Sequence[Example]
    plan: Sequence[Sequence[int]]
    reference: Sequence[tuple[float, ...]] = ()

    def tokens(self, step: int) -> int:
        return sum(len(self.pieces[at]) for at in self.plan[step])


class _Stop:
    """Whether Ctrl-C or SIGTERM asked to stop; a step is finished first, so that none is half done."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.asked = True


def follow(course: Course, student: Student, folder: Folder, report: Reporter) -> list[Step]:
    """Do the steps that are left; all steps' figures.

    Raises KeyboardInterrupt, after a checkpoint, when asked to stop.
    """
    import torch

    weights = student.weights()
    optimiser = torch.optim.AdamW(list(weights.values()), lr=course.recipe.rate, weight_decay=0.0, fused=True)
    done = checkpoint.go_on(folder.root, weights, optimiser)
    student.renew()
    report.begin("training", len(course.plan), len(done))
    resumed, last, checkpoint_s = len(done), time.monotonic(), course.recipe.checkpoint_s
    with _stopping() as stop:
        while len(done) < len(course.plan):
            done.append(_step(course, len(done), student, optimiser))
            report.step(_told(course, done, resumed))
            due = time.monotonic() - last >= checkpoint_s and len(done) < len(course.plan)
            if due or stop.asked:
                began = time.monotonic()
                checkpoint.keep(folder, weights, optimiser, done)
                last = time.monotonic()
                checkpoint_s = max(checkpoint_s, (last - began) / CHECKPOINT_SHARE)
            if stop.asked:
                raise KeyboardInterrupt
    return done


def _step(course: Course, at: int, student: Student, optimiser: Any) -> Step:
    import torch

    began = time.monotonic()
    recipe, chosen = course.recipe, [course.pieces[number] for number in course.plan[at]]
    made = list(packed(chosen, PACK_TOKENS[student.device]))
    learnt = sum(len(pack.targets) for pack in made)
    reference = iter(
        [value for number in course.plan[at] for value in course.reference[number]] if course.reference else ()
    )
    works = []
    for pack in made:
        before = [next(reference) for _ in range(pack.owners[-1] + 1)] if course.reference else None
        works.append(partial(_gradients, course, student, pack, learnt if before is None else len(chosen), before))
    loss, right = 0.0, 0
    for gradients, part, ordered in student.side_by_side(works):
        student.add(gradients)
        loss, right = loss + part, right + ordered
    rate = rate_at(at, len(course.plan), recipe.rate)
    for group in optimiser.param_groups:
        group["lr"] = rate
    torch.nn.utils.clip_grad_norm_(list(student.weights().values()), GRADIENT_NORM)
    optimiser.step()
    optimiser.zero_grad()
    student.renew()
    share = right / len(chosen) if recipe.method == "dpo" else None
    return Step(course.tokens(at), learnt, loss, rate, time.monotonic() - began, share)


def _gradients(
    course: Course, student: Student, pack: Pack, many: int, before: Sequence[float] | None
) -> tuple[Sequence[Any], float, int]:
    """A pack's gradients, its part of the loss, and how many of its pairs are in order.

    many:   of SFT the step's learnt tokens, of DPO its pairs. before: of DPO, what the base gives each sequence.
    """
    logprobs, right = student.logprobs(pack), 0
    if before is None:
        part = losses.imitation(logprobs, many)
    else:
        part, right = losses.preference(logprobs, pack, before, many, course.recipe.beta)
    return student.gradients(part), float(part.detach()), right


def reference(student: Student, pieces: Sequence[Example], report: Reporter) -> list[tuple[float, ...]]:
    """For each pair, the log-probabilities of its sides before training."""
    import torch

    values: list[float] = []
    report.begin("reference", len(pieces), 0)
    for laid in packed(pieces, PACK_TOKENS[student.device]):
        with torch.no_grad():
            found = losses.by_sequence(student.logprobs(laid), laid).tolist()
        for _ in found[::2]:
            report.step()
        values += found
    return list(zip(values[::2], values[1::2], strict=True))


def _told(course: Course, done: Sequence[Step], resumed: int) -> str:
    """Loss, rate and time left, by the last steps of this process."""
    recent = done[resumed:][-RECENT:]
    rate = sum(step.tokens for step in recent) / sum(step.wall_s for step in recent)
    left_s = sum(course.tokens(at) for at in range(len(done), len(course.plan))) / rate
    loss = sum(step.loss for step in recent) / len(recent)
    right = f", {sum(step.right or 0 for step in recent) / len(recent):.0%} in order" if course.reference else ""
    return f"loss {loss:.3f}{right}, {rate:.0f} tokens/s, {left_s / 60:.0f} min left"


@contextmanager
def _stopping() -> Iterator[_Stop]:
    stop = _Stop()
    before = {number: signal.signal(number, stop.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def rate_at(step: int, steps: int, peak: float) -> float:
    """A short rise, then a straight line to zero after the last step."""
    rise = max(1, round(WARM_UP_SHARE * steps))
    return peak * min((step + 1) / rise, (steps - step) / max(1, steps - rise), 1.0)
