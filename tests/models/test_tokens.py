"""How many tokens a text has."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekft.errors import UsageError
from sekft.models.texts import A_MESSAGE, counter, length

MESSAGES = [{"role": "system", "content": "ls -la /srv"}, {"role": "user", "content": "$ "}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder with a tokenizer that takes every character for a token."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_a_tokenizer_counts_exactly(folder: Path) -> None:
    """What the model's own tokenizer says is what counts, and so is what stands round each message."""
    count = counter(folder)
    assert count("ls -la") == counter(folder / "tokenizer.json")("ls -la") == 6
    assert length(MESSAGES, count) == 11 + 2 + 2 * A_MESSAGE
    assert folder.name in count.name


def test_without_a_tokenizer_it_is_called_an_estimate() -> None:
    """Nobody takes an estimate for a count, and a longer text is no shorter by it."""
    count = counter(None)
    assert "estimate" in count.name
    assert 0 < count("ls -la /srv") < count("ls -la /srv/data") < 16


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    """The error names the folder and what belongs there."""
    with pytest.raises(UsageError, match=rf"{tmp_path.name}.*want a tokenizer\.json"):
        counter(tmp_path)
