"""Fine-tune a model of 1 to 8 B on one GPU with TRL: `python examples/trl/sft.py EXPORT BASE OUT [--lora 16]`.

EXPORT is a folder of `sekft export`, BASE a Hugging Face folder whose tokenizer has ChatML's tokens (Qwen's and
SmolLM's have). sekft tokenises the rows: the loss is on each action and its end token, not on the terminal's output,
and not on commands that failed. OUT is a whole model with its chat template, for `sekft eval --model OUT` and vLLM.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer

from sekft.errors import SekftError
from sekft.operators.student import END
from sekft.training.base_model import base_folder, tokenizer_of
from sekft.training.data import examples


def dataset(export: Path, tokenizer: Any, max_length: int) -> Dataset:
    """input_ids and assistant_masks: (tokens,) of each row. Rows over max_length are left out: a cut one has no end."""
    rows = [example.stem for example in examples(export / "sft" / "train", tokenizer, "sft")]
    kept = [row for row in rows if len(row) <= max_length]
    print(f"{len(kept)} of {len(rows)} rows, {sum(map(len, kept)):,} tokens", file=sys.stderr)
    return Dataset.from_list([{"input_ids": row.ids, "assistant_masks": list(map(int, row.learnt))} for row in kept])


def loaded(folder: Path, lora: bool) -> tuple[Any, Any]:
    """The model and its tokenizer, both of which end a turn with ChatML's token where they have it.

    A base model that was never a chat model ends with another token: whoever serves it would go on after an action.
    """
    tokenizer = tokenizer_of(folder)
    # Steps of all weights are smaller than bfloat16 can tell; adapters are float32 in either case.
    dtype = torch.bfloat16 if torch.cuda.is_available() and lora else torch.float32
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    if END in tokenizer.get_vocab():
        tokenizer.eos_token = END
        model.config.eos_token_id = model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model, tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("base")
    parser.add_argument("out", type=Path)
    parser.add_argument("--lora", type=int, default=0, help="rank of adapters; 0 trains all weights")
    parser.add_argument("--rate", type=float, help="peak learning rate (2e-4 for LoRA, 1e-5 for all weights)")
    parser.add_argument("--rows", type=int, default=4, help="rows a pass of the model; fewer if memory runs out")
    parser.add_argument("--step-rows", type=int, default=32, help="rows a step of the optimiser")
    parser.add_argument("--max-length", type=int, default=4096, help="tokens; the data card has the longest row's")
    parser.add_argument("--optim", default="adamw_torch", help="paged_adamw_8bit (bitsandbytes) takes less memory")
    parser.add_argument("--epochs", type=float, default=1, help="passes over the rows")
    parser.add_argument("--steps", type=int, default=-1, help="end after so many, whatever --epochs says")
    chosen = parser.parse_args()
    model, tokenizer = loaded(base_folder(chosen.base, "BASE"), bool(chosen.lora))
    on_gpu = torch.cuda.is_available()
    config = SFTConfig(
        output_dir=str(chosen.out),
        max_steps=chosen.steps,
        num_train_epochs=chosen.epochs,
        learning_rate=chosen.rate or (2e-4 if chosen.lora else 1e-5),
        lr_scheduler_type="cosine",
        warmup_steps=0.03,
        per_device_train_batch_size=chosen.rows,
        gradient_accumulation_steps=max(1, chosen.step_rows // chosen.rows),
        max_length=None,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        activation_checkpointing=on_gpu,
        optim=chosen.optim,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
    )
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=dataset(chosen.export, tokenizer, chosen.max_length),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=chosen.lora, lora_alpha=2 * chosen.lora, target_modules="all-linear")
        if chosen.lora
        else None,
    )
    trainer.train()
    model = trainer.model.merge_and_unload() if chosen.lora else trainer.model
    model.save_pretrained(chosen.out)
    tokenizer.save_pretrained(chosen.out)


if __name__ == "__main__":
    try:
        main()
    except SekftError as error:
        raise SystemExit(f"{sys.argv[0]}: {error}") from None
