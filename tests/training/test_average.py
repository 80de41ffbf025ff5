"""The mean of several students' weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.proof.average import average
from bench.proof.parts import WEIGHTS
from sekft.training.train import DONE
from tests.training import tiny

torch = pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")


def test_the_mean_is_a_model_without_the_report_of_a_training(tmp_path: Path) -> None:
    """Every weight is the mean; configuration and tokenizer come along, `training.json` does not."""
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    students = [tiny.model(tmp_path / str(seed), seed) for seed in range(3)]
    (students[0] / DONE).write_text("{}")
    average(out := tmp_path / "mean", students)
    first, second, third = (load_file(student / WEIGHTS) for student in students)
    for name, weights in load_file(out / WEIGHTS).items():
        torch.testing.assert_close(weights, (first[name] + second[name] + third[name]) / 3)
    assert not (out / DONE).exists()
    assert AutoModelForCausalLM.from_pretrained(out).config.vocab_size == len(AutoTokenizer.from_pretrained(out))
