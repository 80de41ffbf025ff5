"""SmolLM2-135M out of its Python package, beside llama.cpp's reading of the same file."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from sekft.training.base_model import base_folder, tokenizer_of
from sekft.trajectory import load_trajectory
from tests.live.conftest import FIND_MODEL
from tests.sets import filled

pytestmark = pytest.mark.live

READ_BY_LLAMA = (
    f"{FIND_MODEL.replace('print', 'path = str')}\n"
    "import json, sys; from llama_cpp import Llama\n"
    "model = Llama(path, vocab_only=True, verbose=False)\n"
    "texts = json.load(sys.stdin)\n"
    "print(json.dumps([model.tokenize(text.encode(), add_bos=False, special=False) for text in texts]))"
)


def test_tokens_are_those_of_llama_cpp(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every turn of some hundred trajectories has the tokens that llama.cpp gives it."""
    python = os.environ.get("SEKFT_LIVE_PYTHON") or pytest.fail("want SEKFT_LIVE_PYTHON: these tests run by ./dev live")
    files = filled(tmp_path_factory).rollouts()
    texts = [turn.content for file in files for turn in load_trajectory(file).turns]
    read = subprocess.run(
        [python, "-c", READ_BY_LLAMA], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    tokenizer = tokenizer_of(base_folder("smollm2"))
    ours = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    assert len(texts) > 500
    assert ours == json.loads(read.stdout)
