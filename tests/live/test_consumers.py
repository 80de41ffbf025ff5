"""The trainers of docs/exports.md take our exports as they are: two steps of each, in its own environment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.commands import sekft
from tests.live.test_environments import ran, tool
from tests.sets import filled

pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")
pytestmark = [pytest.mark.soak, pytest.mark.filterwarnings("default")]
STEPS = 2
FORMS = ("sft", "preference", "swift_dpo", "kto_chat")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of a small run, made by the commands that a user types."""
    run = filled(tmp_path_factory).root
    forms = [word for form in FORMS for word in ("--to", form)]
    for done in (
        sekft("pairs", "--trajectories", run),
        sekft("export", "--trajectories", run, "--out", run / "export", *forms),
    ):
        assert done.returncode == 0, done.stderr
    return run / "export"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2's tokenizer, and a model of two small layers: what is tried is the way of the rows."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from sekft.training.base_model import base_folder, tokenizer_of

    tokenizer, folder = tokenizer_of(base_folder("smollm2")), tmp_path_factory.mktemp("model")
    small = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=8192, **small, **ends)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def llama_factory(stage: str, exported: Path, model: Path, out: Path) -> None:
    """JSON is YAML, too."""
    form = {"sft": "sft", "dpo": "preference", "kto": "kto_chat"}[stage]
    config: Mapping[str, Any] = {
        "model_name_or_path": str(model), "stage": stage, "do_train": True, "finetuning_type": "full",
        "dataset_dir": str(exported), "dataset": form, "template": "chatml", "cutoff_len": 4096,
        "output_dir": str(out / "trained"), "max_steps": STEPS, "per_device_train_batch_size": 2,
        "logging_steps": 1, "report_to": "none", "use_cpu": True,
    }  # fmt: skip
    (out / "config.yaml").write_text(json.dumps(config))
    ran(tool("llamafactory") / "llamafactory-cli", "train", out / "config.yaml", cwd=out, DISABLE_VERSION_CHECK="1")


def swift(stage: str, exported: Path, model: Path, out: Path) -> None:
    form = {"sft": "sft", "dpo": "swift_dpo", "kto": "kto_chat"}[stage]
    how = ["sft"] if stage == "sft" else ["rlhf", "--rlhf_type", stage, "--loss_scale", "last_round"]
    ran(
        tool("ms-swift") / "swift", *how, "--model", model, "--model_type", "llama", "--template", "chatml",
        "--dataset", exported / form / "train", "--max_length", "4096", "--max_steps", str(STEPS),
        "--logging_steps", "1", "--gradient_accumulation_steps", "1",
        "--per_device_train_batch_size", "2", "--tuner_type", "full", "--output_dir", out, "--report_to", "none",
        cwd=out,
    )  # fmt: skip


def axolotl(stage: str, exported: Path, model: Path, out: Path) -> None:
    rows = {
        "sft": {
            "path": str(exported / "sft/train"), "type": "chat_template", "field_messages": "messages",
            "roles_to_train": ["assistant"], "train_on_eos": "turn",
        },
        "dpo": {"path": str(exported / "preference/train"), "type": "chat_template.default"},
    }[stage]  # fmt: skip
    config: dict[str, Any] = {
        "base_model": str(model), "datasets": [rows], "output_dir": str(out / "trained"), "max_steps": STEPS,
        "sequence_len": 4096, "micro_batch_size": 1, "logging_steps": 1, "learning_rate": 1e-4,
        "chat_template": "tokenizer_default",
        "dataset_prepared_path": str(out / "prepared"), "gradient_accumulation_steps": 1, "bf16": False,
        "fp16": False,
    }  # fmt: skip
    (out / "config.yaml").write_text(json.dumps(config | ({"rl": stage} if stage != "sft" else {})))
    ran(
        tool("axolotl") / "axolotl",
        "train",
        out / "config.yaml",
        "--launcher",
        "python",
        cwd=out,
        AXOLOTL_DO_NOT_TRACK="1",
    )


Consumer = Callable[[str, Path, Path, Path], None]
TRIED = [(trainer, stage) for trainer in (llama_factory, swift) for stage in ("sft", "dpo", "kto")] + [
    (axolotl, stage) for stage in ("sft", "dpo")
]


@pytest.mark.parametrize(("trainer", "stage"), TRIED)
def test_two_steps(trainer: Consumer, stage: str, exported: Path, model: Path, tmp_path: Path) -> None:
    """It reads the rows with their scalar columns, and logs a loss in each of two steps."""
    trainer(stage, exported, model, tmp_path)
    states = [json.loads(path.read_text()) for path in tmp_path.rglob("trainer_state.json")]
    losses = [[entry["loss"] for entry in state["log_history"] if "loss" in entry] for state in states]
    assert losses
    assert all(len(each) == STEPS and all(loss > 0 for loss in each) for each in losses), losses
