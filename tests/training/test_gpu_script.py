"""bench/proof/gpu.sh in miniature, on a processor: it trains, leaves parts, and the parts make the student again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.proof import parts
from tests.training import tiny

torch = pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")
ROOT = Path(__file__).parents[2]


def test_the_parts_make_the_student_again(tmp_path: Path) -> None:
    """Up to bfloat16; a second run of the same line does nothing more than write the parts."""
    from safetensors.torch import load_file

    base, rows = tiny.model(tmp_path / "base"), tiny.sessions(tmp_path / "data")
    line: list[str | Path] = [
        ROOT / "bench/proof/gpu.sh",
        rows,
        tmp_path / "out",
        "--base",
        base,
        "--tokens",
        "900",
        "--rate",
        "0.01",
    ]
    for _ in range(2):
        done = subprocess.run(line, env=os.environ | {"PYTHON": sys.executable}, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "no GPU: a trial" in done.stdout
    assert list((tmp_path / "out").glob(f"{parts.PARTS}*"))
    parts.join(tmp_path / "out", base, tmp_path / "joined")
    joined, student = (load_file(folder / parts.WEIGHTS) for folder in (tmp_path / "joined", tmp_path / "out/student"))
    assert joined.keys() == student.keys()
    for name, tensor in student.items():
        torch.testing.assert_close(joined[name], tensor, rtol=0.01, atol=1e-4)
    assert any(not torch.equal(tensor, load_file(base / parts.WEIGHTS)[name]) for name, tensor in student.items())


def test_without_arguments_it_says_how_to_call_it() -> None:
    """Usage on stderr, status 2."""
    done = subprocess.run([ROOT / "bench/proof/gpu.sh"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "bench/proof/gpu.sh ROWS OUT" in done.stderr
