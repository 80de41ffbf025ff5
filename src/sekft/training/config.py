"""What a training run is made with: the user's options, and the defaults that depend on data, base and device."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from sekft.errors import UsageError
from sekft.folder.config import Config, Setting, option
from sekft.training.data import Method, digest, files, method_of

# Peak learning rates, by method and by what learns. A preference moves a model that already knows the form.
RATES: Mapping[tuple[Method, str], float] = {
    ("sft", "layers"): 5e-4, ("sft", "all"): 2e-4, ("sft", "lora"): 1e-3,
    ("dpo", "layers"): 2e-5, ("dpo", "all"): 1e-5, ("dpo", "lora"): 5e-5,
}  # fmt: skip
STEP_TOKENS: Mapping[str, int] = {"cpu": 1600, "cuda": 16384}


class TrainConfig(Config):
    """The options of a training run. `complete` fills those that are None, but for `tokens` None means no limit."""

    heading: ClassVar[str] = "Training"

    base: str = option(
        "smollm2",
        "Model to train: smollm2, or a local Hugging Face folder. For DPO, a student of SFT.",
        metavar="FOLDER|smollm2",
    )
    method: Method | None = option(
        None, "Training method; default: sft for an export, otherwise chosen by the columns of the rows."
    )
    layers: int | None = option(
        None, "Train the top N layers; 0 trains all weights. Default: half of them on a CPU, 0 on a GPU.", ge=0
    )
    rank: int = option(0, "Train LoRA adapters of rank N and merge them at the end.", flag="--lora", ge=0)
    rate: float | None = option(None, "Peak learning rate; default: by method and trained weights.", ge=0)
    epochs: int = option(1, "Passes over the data.", ge=1)
    tokens: int | None = option(None, "Stop after the step that reaches N tokens.", ge=1)
    step_tokens: int | None = option(None, "Tokens per step; default: 1600 on a CPU, 16384 on a GPU.", ge=1)
    max_length: int | None = option(None, "Leave out rows of more than N tokens; default: the base's context.", ge=1)
    beta: float = option(0.1, "Beta of DPO.", ge=0)
    sft_weight: float = option(0.0, "Weight of SFT's loss on the chosen sides, added to DPO's.", ge=0)
    seed: int = option(0, "Seed of the row order and of new adapters.")
    checkpoint_s: float = option(300.0, "Write a checkpoint at most every X seconds.", recorded=False, ge=0)
    gguf: bool = option(False, "Write student.gguf for llama.cpp, too.", recorded=False)

    def recorded(self) -> dict[str, Setting]:
        """As every config's, less an option that was not used and that folders of earlier versions do not have."""
        body = super().recorded()
        if not self.sft_weight:
            del body["sft_weight"]
        return body


class Recipe(TrainConfig):
    """The options with nothing left open. A folder resumes under an equal recipe alone.

    layers: None for all weights. data: where it lies, which may change; what it holds may not. device: cpu or cuda.
    """

    method: Method
    layers: int | None
    rate: float
    step_tokens: int
    max_length: int
    data: str = option("", "", recorded=False)
    data_sha256: str
    device: str

    @property
    def learning(self) -> str:
        """Which weights learn, in words."""
        where = "all layers" if self.layers is None else f"top {self.layers} layers"
        return f"LoRA of rank {self.rank} in {where}" if self.rank else where if self.layers else "all weights"


def complete(config: TrainConfig, folder: Path, data: Sequence[Path], device: str) -> Recipe:
    """Choose what the user left open.

    folder: the base's. data: at least one place. device: cpu or cuda. Raises UsageError for a rate at which nothing is
    learnt.
    """
    if config.rate is not None and config.rate <= 0:
        raise UsageError(f"--rate {config.rate:g}: want more than 0")
    base = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    method = config.method or method_of(data[0])
    layers = config.layers or None
    if config.layers is None and device == "cpu" and not config.rank:
        layers = base["num_hidden_layers"] // 2  # half the cost of training all weights
    kind = "lora" if config.rank else "all" if layers is None else "layers"
    completed = {
        "method": method,
        "layers": layers,
        "rate": config.rate or RATES[method, kind],
        "step_tokens": config.step_tokens or STEP_TOKENS[device],
        "max_length": config.max_length or base["max_position_embeddings"],
    }
    read = [file for each in data for file in files(each)]
    source = {"data": ", ".join(map(str, data)), "data_sha256": digest(read), "device": device}
    return Recipe(**dict(config) | completed | source)
