"""What a training run is made with: the user's choices, and what is chosen where nothing is said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sekft.errors import UsageError
from sekft.folder import Setting
from sekft.training.data import WANTED, Method, files, rows, taught
from sekft.training.loop.students import Learning

# Peak learning rates, by method and by what learns. A preference moves a model that already knows the form.
RATES: Mapping[tuple[Method, str], float] = {
    ("sft", "layers"): 5e-4, ("sft", "all"): 2e-4, ("sft", "lora"): 1e-3,
    ("dpo", "layers"): 2e-5, ("dpo", "all"): 1e-5, ("dpo", "lora"): 5e-5,
}  # fmt: skip
STEP_TOKENS: Mapping[str, int] = {"cpu": 1600, "cuda": 16384}
# Tokens that a device takes at once; a step with more is done in parts: on a processor two, which then go side by side.
PACK_TOKENS: Mapping[str, int] = {"cpu": 800, "cuda": 16384}
WARM_UP_SHARE = 0.03


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user said. None: not said.

    layers: so many from the top learn; 0: all weights. rank: of LoRA adapters, 0 for none.
    tokens: end with the step that reaches so many. max_length: longer rows are left out, and counted.
    beta: how strongly DPO holds on to the base.
    """

    method: Method | None = None
    layers: int | None = None
    rank: int = 0
    rate: float | None = None
    epochs: int = 1
    tokens: int | None = None
    step_tokens: int | None = None
    max_length: int | None = None
    beta: float = 0.1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """The same, complete; a run resumes under an equal one alone."""

    base: str
    data: str
    data_sha256: str
    device: str
    method: Method
    layers: int | None
    rank: int
    rate: float
    epochs: int
    tokens: int | None
    step_tokens: int
    max_length: int
    beta: float
    seed: int

    @property
    def learning(self) -> Learning:
        return Learning(self.layers, self.rank)

    def settings(self) -> dict[str, Setting]:
        """As the store remembers them. Where the data lies may change; what it holds may not."""
        return {name: value for name, value in asdict(self).items() if name != "data"}


def complete(choices: Choices, base: str, folder: Path, data: Path, device: str) -> Recipe:
    """Choose what was not said.

    folder: the base's. device: cpu or cuda. Raises UsageError for a rate at which nothing is learnt.
    """
    if choices.rate is not None and choices.rate <= 0:
        raise UsageError(f"--rate {choices.rate:g}: want more than 0")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    method = choices.method or method_of(data)
    layers = _layers(choices, device, config["num_hidden_layers"])
    kind = "lora" if choices.rank else "all" if layers is None else "layers"
    return Recipe(
        base=base,
        data=str(data),
        data_sha256=digest(files(data)),
        device=device,
        method=method,
        layers=layers,
        rank=choices.rank,
        rate=choices.rate or RATES[method, kind],
        epochs=choices.epochs,
        tokens=choices.tokens,
        step_tokens=choices.step_tokens or STEP_TOKENS[device],
        max_length=choices.max_length or config["max_position_embeddings"],
        beta=choices.beta,
        seed=choices.seed,
    )


def _layers(choices: Choices, device: str, count: int) -> int | None:
    """On a CPU the upper half, which costs half of what all weights do; all where there is a GPU or adapters."""
    if choices.layers is None:
        return count // 2 if device == "cpu" and not choices.rank else None
    return choices.layers or None


def method_of(data: Path) -> Method:
    """What the first row can teach. Raises UsageError when that is nothing, or there is none."""
    for file in files(data):
        for row in rows(file):
            if method := taught(row):
                return method
            wanted = "; or ".join(WANTED.values())
            raise UsageError(f"{file}: columns {', '.join(sorted(row))}, want {wanted}")
    raise UsageError(f"--data {data}: no rows")


def digest(data: Iterable[Path]) -> str:
    """Of the files' bytes, in order."""
    whole = hashlib.sha256()
    for path in data:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def rate_at(step: int, steps: int, peak: float) -> float:
    """A short rise, then a straight line to zero after the last step."""
    rise = max(1, round(WARM_UP_SHARE * steps))
    return peak * min((step + 1) / rise, (steps - step) / max(1, steps - rise), 1.0)
