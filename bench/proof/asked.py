"""Whether a model does the work of a directive when it is asked for it in plain words, before it has learnt anything.

    python -m bench.proof.asked FOLDER/sets/task [MODEL]

Everything else is typed as the reference has it; the model's answer stands where the reference does the work, and the
checker judges. So a kind of work that the base does not know can be told from one that training made it forget.
MODEL: as `sekft train --base` takes it; smollm2.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sekft
from sekft.evaluation.statistics import interval
from sekft.folder import load_scenarios
from sekft.models import libraries
from sekft.operators.answers import parse_action
from sekft.scenario import Scenario
from sekft.training.base_model import base_folder

ASKED = "{work}\n\nAnswer with the shell command that does this and with nothing else."
ANSWER_TOKENS = 120


def answer(model: Any, tokenizer: Any, work: str) -> str:
    """What the model would type, greedily; "" where its answer holds no command."""
    messages = [{"role": "user", "content": ASKED.format(work=work)}]
    asked = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    length = asked["input_ids"].shape[1]
    said = model.generate(**asked, max_new_tokens=ANSWER_TOKENS, do_sample=False, pad_token_id=tokenizer.eos_token_id)
    text = tokenizer.decode(said[0, length:], skip_special_tokens=True)
    return parse_action(text, cut=said.shape[1] - length == ANSWER_TOKENS).text


def session(scenario: Scenario, typed: str) -> Iterator[str]:
    """The reference with that in place of the work."""
    for step in scenario.plan:
        if step.goal == "execute":
            if typed:
                yield typed
            typed = ""
        elif step.goal != "confirm":
            yield from step.ways[0]


async def main(folder: Path, base: str) -> None:
    libraries.prepare()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place, dtype = base_folder(base), torch.bfloat16 if libraries.bf16_here() else torch.float32
    model = AutoModelForCausalLM.from_pretrained(place, dtype=dtype).eval()
    tokenizer = AutoTokenizer.from_pretrained(place)
    done: dict[str, list[bool]] = {}
    for scenario in load_scenarios(folder):
        if scenario.expected.kind != "work" or not scenario.plan:
            continue
        typed = answer(model, tokenizer, "\n".join(directive.text for directive in scenario.directives))
        actions = session(scenario, typed)
        trajectory = await sekft.play(scenario, lambda _: next(actions, "exit"))  # noqa: B023 - played before the next
        kind = str(scenario.cell["task"])
        done.setdefault(kind, []).append(trajectory.outcome == "solved")
        print(f"{scenario.id} {kind} {trajectory.outcome}: {typed.splitlines()[:1]}")
    for kind, kept in done.items():
        rate = interval([(each, 1) for each in kept])
        print(f"{kind}: {sum(kept)} of {rate.of} done ({rate.low:.0%} to {rate.high:.0%})")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "smollm2"))
