"""SmolLM2-135M out of its Python package, beside llama.cpp's reading of the same file."""

from __future__ import annotations

import pytest

from sekft.folder import ROLLOUTS, documents
from sekft.training.base_model import base_folder, tokenizer_of
from sekft.trajectory import load_trajectory
from tests.live.conftest import ask_server
from tests.sets import filled

pytestmark = pytest.mark.live


def test_tokens_are_those_of_llama_cpp(
    model_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every turn of sixty trajectories has the tokens that llama.cpp gives it."""
    url = model_environment["SEKFT_OP_URL"].removesuffix("/v1") + "/tokenize"
    files = documents(filled(tmp_path_factory).trajectories, ROLLOUTS)
    texts = [turn.content for file in files for turn in load_trajectory(file).turns]
    tokenizer = tokenizer_of(base_folder("smollm2"))
    ours = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    assert len(texts) > 500
    assert ours == [ask_server(url, content=text, add_special=False, parse_special=False)["tokens"] for text in texts]
