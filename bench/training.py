"""Tokens a second of `sekft train` on this machine, and what each of its choices buys.

    python -m bench.training DATA [STEPS] [CHOICE…]

DATA: what `sekft train --data` takes. CPU seconds tell more than wall seconds where other programs run.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sekft.training import student as attention
from sekft.training.base_model import base_folder, tokenizer_of
from sekft.training.config import STEP_TOKENS
from sekft.training.data import Example, Pack, Span, examples, packed, part, steps
from sekft.training.loop import PACK_TOKENS
from sekft.training.student import Student

ROWS = 40


def as_it_is(packed: Pack) -> Pack:
    return packed


def every_token(packed: Pack) -> Pack:
    """The head on every token, as trainers do that know no better."""
    sources = tuple(range(len(packed) - 1))
    return replace(packed, sources=sources, targets=packed.ids[1:], sequences=(0,) * len(sources))


def padded(packed: Pack) -> Pack:
    """Every row as long as the longest."""
    longest = max(span.end - span.start for span in packed.spans)
    rows = len(packed.spans)
    ids = tuple((packed.ids * longest)[: longest * rows])
    spans = tuple(Span(at * longest, (at + 1) * longest) for at in range(rows))
    return replace(packed, ids=ids, positions=tuple(range(longest)) * rows, spans=spans)


@dataclass(frozen=True, slots=True)
class Choice:
    layers: int | None
    rank: int = 0
    laid: Callable[[Pack], Pack] = as_it_is
    fused: bool = False
    float32: bool = False
    workers: int | None = None


HALF = 15
CHOICES = {
    "top half of the layers (the default)": Choice(HALF),
    "top quarter": Choice(7),
    "all weights": Choice(None),
    "LoRA of rank 16, all layers": Choice(None, 16),
    "LoRA of rank 16, top half": Choice(HALF, 16),
    "top half, one worker": Choice(HALF, workers=1),
    "top half, head on every token": Choice(HALF, laid=every_token),
    "top half, padded": Choice(HALF, laid=padded),
    "top half, torch's fused attention": Choice(HALF, fused=True),
    "top half, all in float32": Choice(HALF, float32=True),
}


def gradients(student: Student, laid: Pack) -> Any:
    return student.gradients(-student.logprobs(laid).mean())


def fused_span(span: Span, query: Any, key: Any, value: Any, scaling: float) -> Any:
    import torch

    own = slice(span.start, span.end)
    keys, values = (part[:, own].repeat_interleave(len(query) // len(part), 0)[None] for part in (key, value))
    made = torch.nn.functional.scaled_dot_product_attention(
        query[None, :, own], keys, values, is_causal=True, scale=scaling
    )
    return made[0]


def timed(choice: Choice, base: Path, batches: Sequence[Sequence[Example]]) -> tuple[float, float]:
    """Tokens a wall second and a CPU second; tokens of padding do not count, nor does the first step."""
    import torch

    ours = attention._span
    attention._span = fused_span if choice.fused else ours
    try:
        student = Student(base, choice.layers, choice.rank, 0, half=False if choice.float32 else None)
        student.workers = choice.workers or student.workers
        optimiser = torch.optim.AdamW(list(student.weights().values()), lr=1e-5, fused=True)
        wall = cpu = 0.0
        for at, batch in enumerate(batches):
            began, began_cpu = time.monotonic(), time.process_time()
            packs = [choice.laid(each) for each in packed(batch, PACK_TOKENS["cpu"])]
            for made in student.in_parallel([partial(gradients, student, each) for each in packs]):
                student.accumulate(made)
            optimiser.step()
            optimiser.zero_grad()
            student.refresh()
            if at:
                wall += time.monotonic() - began
                cpu += time.process_time() - began_cpu
        tokens = sum(len(example) for batch in batches[1:] for example in batch)
        return tokens / wall, tokens / cpu
    finally:
        attention._span = ours


def main(data: Path, count: int, names: Sequence[str]) -> None:
    base = base_folder("smollm2")
    read = []
    for example in examples(part(data, None), tokenizer_of(base), "sft"):
        read.append(example)
        if len(read) == ROWS:
            break
    plan = steps(read, 0, 9, STEP_TOKENS["cpu"], None)[: count + 1]
    batches = [[read[at] for at in step] for step in plan]
    learnt = sum(sum(example.stem.learnt) for example in read) / sum(map(len, read))
    print(f"{len(batches)} steps, median row {sorted(map(len, read))[ROWS // 2]} tokens, {learnt:.0%} of them learnt")
    for name, choice in CHOICES.items():
        if not names or any(word in name for word in names):
            wall, cpu = timed(choice, base, batches)
            print(f"{name:38} {wall:6.0f} tokens/s {cpu:6.0f} a CPU second, load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 4, sys.argv[3:])
