"""TRL's trainers take our exported files as they are: SmolLM2-135M overfits a batch of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from sekft.folder import Layout
from sekft.training.base_model import base_folder, tokenizer_of
from tests.commands import sekft
from tests.sets import filled
from tests.training import tiny

pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")
# What the libraries warn each other of is not ours to mend.
pytestmark = pytest.mark.filterwarnings("default")

STEPS, ROWS, LAYERS = 20, 2, 4
RECIPE = Path(__file__).parents[2] / "examples/trl/sft.py"
ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of a small run, made by the commands that a user types."""
    layout: Layout = filled(tmp_path_factory)
    out = layout.root / "export"
    forms = [word for form in ("sft", "prompt_completion", "dpo", "kto") for word in ("--to", form)]
    paired = sekft("pairs", "--trajectories", layout.root)
    assert paired.returncode == 0, paired.stderr
    done = sekft("export", "--trajectories", layout.root, "--out", out, *forms)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tokenizer_of(base_folder("smollm2"))


def model() -> Any:
    """SmolLM2-135M, of which the top layers learn: enough to overfit a batch, in half of the time."""
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(base_folder("smollm2")).requires_grad_(False)
    loaded.model.layers[-LAYERS:].requires_grad_(True)
    return loaded


def shortest(exported: Path, form: str, rows: int = ROWS) -> Any:
    """The batch to overfit: the shortest rows, so that it takes seconds and not minutes."""
    from datasets import load_dataset

    loaded = load_dataset(str(exported), form, split="train")
    order = sorted(range(len(loaded)), key=lambda at: len(json.dumps(loaded[at])))
    return loaded.select(order[:rows])


def settings(out: Path, rate: float, **more: Any) -> dict[str, Any]:
    from sekft.models.libraries import bf16_here, device

    return more | {
        "output_dir": str(out), "max_steps": STEPS, "learning_rate": rate, "lr_scheduler_type": "constant",
        "logging_steps": 1, "save_strategy": "no", "report_to": "none", "bf16": bf16_here(), "max_length": 4096,
        "gradient_checkpointing": False, "seed": 0, "disable_tqdm": True, "use_cpu": device() == "cpu",
    }  # fmt: skip


def losses(trainer: Any) -> list[float]:
    trainer.train()
    found = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert len(found) == STEPS
    return found


def learnt(trainer: Any, tokenizer: Any) -> list[list[str]]:
    """For each row of the first batch, each run of tokens that the loss is on, as text."""
    (batch,) = trainer.get_train_dataloader()
    return [
        [
            tokenizer.decode([token for token, _ in run])
            for counts, run in groupby(zip(ids, labels, strict=True), key=lambda pair: pair[1] != -100)
            if counts
        ]
        for ids, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True)
    ]


def sft(exported: Path, form: str, rows: int, tokenizer: Any, out: Path, **more: Any) -> Any:
    from trl import SFTConfig, SFTTrainer

    config = SFTConfig(**settings(out, 1e-3, per_device_train_batch_size=rows, **more))
    return SFTTrainer(
        model=model(),
        args=config,
        train_dataset=shortest(exported, form, rows),
        processing_class=tokenizer,
    )


@pytest.mark.live
def test_sft_on_sessions(exported: Path, tokenizer: Any, tmp_path: Path) -> None:
    """The loss is on each action and its end token, on nothing of the terminal, and at least halves in twenty steps."""
    template = str(exported / "chatml.jinja")
    trainer = sft(exported, "sft", 1, tokenizer, tmp_path, assistant_only_loss=True, chat_template_path=template)
    typed = [
        [message["content"] + "<|im_end|>" for message in row["messages"] if message["role"] == "assistant"]
        for row in shortest(exported, "sft", 1)
    ]
    assert sorted(learnt(trainer, tokenizer)) == sorted(typed)
    found = losses(trainer)
    assert found[-1] <= found[0] / 2


def completions(exported: Path, tokenizer: Any, out: Path) -> Any:
    return sft(exported, "prompt_completion", ROWS, tokenizer, out)


def dpo(exported: Path, tokenizer: Any, out: Path) -> Any:
    from trl import DPOConfig, DPOTrainer

    more = {"per_device_train_batch_size": ROWS, "precompute_ref_log_probs": True}
    return DPOTrainer(
        model=model(),
        args=DPOConfig(**settings(out, 1e-4, **more)),
        train_dataset=shortest(exported, "dpo"),
        processing_class=tokenizer,
    )


def kto(exported: Path, tokenizer: Any, out: Path) -> Any:
    """A row of each label."""
    from trl import KTOConfig, KTOTrainer

    rows = shortest(exported, "kto", 40)
    chosen = [rows["label"].index(label) for label in (True, False)]
    return KTOTrainer(
        model=model(),
        args=KTOConfig(**settings(out, 1e-4, per_device_train_batch_size=ROWS)),
        train_dataset=rows.select(chosen),
        processing_class=tokenizer,
    )


@pytest.mark.live
def test_sft_on_completions(exported: Path, tokenizer: Any, tmp_path: Path) -> None:
    """The loss is on the completion and its end token alone."""
    trainer = completions(exported, tokenizer, tmp_path)
    typed = [[row["completion"][0]["content"] + "<|im_end|>"] for row in shortest(exported, "prompt_completion")]
    assert sorted(learnt(trainer, tokenizer)) == sorted(typed)


@pytest.mark.live
def test_dpo_on_pairs(exported: Path, tokenizer: Any, tmp_path: Path) -> None:
    """Sides are one action and its end token."""
    trainer = dpo(exported, tokenizer, tmp_path)
    sides = [tokenizer.decode(row[side]) for row in trainer.train_dataset for side in ("chosen_ids", "rejected_ids")]
    rows = shortest(exported, "dpo")
    assert sides == [row[side][0]["content"] + "<|im_end|>" for row in rows for side in ("chosen", "rejected")]


@pytest.mark.live
@pytest.mark.parametrize("lora", [0, 8])
def test_the_recipe_for_a_model_of_ones_own(exported: Path, tmp_path: Path, lora: int) -> None:
    """examples/trl/sft.py in miniature: weights move, and it writes a whole model, with our template and end."""
    from safetensors.torch import load_file
    from transformers import AutoTokenizer, GenerationConfig

    base, out = tiny.model(tmp_path / "base"), tmp_path / "out"
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.eos_token = "<|endoftext|>"  # as a base has it that was never a chat model
    tokenizer.save_pretrained(base)
    GenerationConfig(eos_token_id=tokenizer.eos_token_id).save_pretrained(base)
    words = [exported, base, out, "--lora", lora, "--rows", 2, "--step-rows", 4, "--steps", 2, "--max-length", 30_000]
    done = subprocess.run(
        [sys.executable, RECIPE, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
    )
    assert done.returncode == 0, done.stderr
    before, after = (load_file(folder / "model.safetensors") for folder in (base, out))
    moved = {name for name in before if not before[name].equal(after[name])}
    assert before.keys() == after.keys()
    assert moved == before.keys() if not lora else {name.split(".")[-2] for name in moved} == {*ADAPTED}
    tokenizer = tokenizer_of(out)
    assert "{%- generation -%}" in tokenizer.chat_template
    assert tokenizer.eos_token == "<|im_end|>"
    assert GenerationConfig.from_pretrained(out).eos_token_id == tokenizer.eos_token_id


@pytest.mark.live
def test_the_recipe_says_what_is_no_base(exported: Path, tmp_path: Path) -> None:
    """One line, not a traceback."""
    done = subprocess.run(
        [sys.executable, RECIPE, exported, "nowhere", tmp_path / "out"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "BASE nowhere: want smollm2, or a folder with a Hugging Face model (config.json) in it"
    )


@pytest.mark.soak
@pytest.mark.parametrize(("trainer", "share"), [(completions, 0.5), (dpo, 0.5), (kto, 0.8)])
def test_the_loss_falls(
    trainer: Callable[[Path, Any, Path], Any], share: float, exported: Path, tokenizer: Any, tmp_path: Path
) -> None:
    """In twenty steps it falls to that share of what it was; that of DPO begins at ln 2."""
    found = losses(trainer(exported, tokenizer, tmp_path))
    assert found[-1] <= found[0] * share
    if trainer is dpo:
        assert found[0] == pytest.approx(0.693, abs=0.03)
