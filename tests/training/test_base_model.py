"""What training may start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekft.errors import UsageError
from sekft.training.base_model import base_folder


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """What is neither smollm2 nor a model's folder is named, and what is wanted."""
    with pytest.raises(UsageError, match=r"config\.json"):
        base_folder(str(tmp_path))


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    """A local model's folder is not copied."""
    (tmp_path / "config.json").write_text("{}")
    assert base_folder(str(tmp_path)) == tmp_path
