"""Train a model in scenarios by reinforcement: `python examples/grpo/train.py RUN OUT [STEPS] [MODEL]`.

MODEL is a Hugging Face folder, for example a student that `sekft train` made; by default SmolLM2-135M. A model that has
learnt nothing of shells earns nothing at first: begin with a student, and shape the reward as here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from transformers import AutoModelForCausalLM
from trl import GRPOConfig, GRPOTrainer

from sekft import env
from sekft.env.grpo import Rollouts, rewards
from sekft.training.base_model import base_folder, tokenizer_of


def main(run: str, out: str, steps: str = "2", model: str = "smollm2") -> None:
    folder = base_folder(model)
    rollouts = Rollouts(env.scenarios(run, split="train"), reward=env.Shaped(), max_turns=6, action_tokens=24)
    config = GRPOConfig(
        output_dir=out,
        max_steps=int(steps),
        num_generations=4,  # episodes of one scenario, whose rewards are compared
        per_device_train_batch_size=4,
        max_completion_length=768,  # of an episode, the terminal's tokens included
        learning_rate=1e-5,
        temperature=1.0,
        beta=0.0,
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        gradient_checkpointing=False,
    )
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder),
        reward_funcs=rewards,
        args=config,
        train_dataset=rollouts.dataset(),
        processing_class=tokenizer_of(Path(folder)),
        rollout_func=rollouts,
    )
    trainer.train()
    for entry in trainer.state.log_history:
        if "reward" in entry:
            shown = {name: round(entry[name], 4) for name in ("step", "reward", "reward_std", "loss", "grad_norm")}
            print(shown)
    trainer.save_model(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
