"""What a user installs: a wheel in a fresh environment, with all its data files, that builds the runner there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sekft.cache import cache_root

pytestmark = pytest.mark.live
ROOT = Path(__file__).parents[2]
PROGRAM = re.compile(r"^<!-- tested python -->\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def run(*words: str | Path, cwd: Path, **environ: str) -> str:
    done = subprocess.run(words, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ten_lines_of_python_work_from_an_installed_wheel(tmp_path: Path) -> None:
    """The first program of docs/python-api.md generates, gates, rolls out, pairs, exports and audits."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("sekft-*.whl")
    run(sys.executable, "-m", "venv", "fresh", cwd=tmp_path)
    python = tmp_path / "fresh" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    fresh_cache = tmp_path / "cache"
    fresh_cache.mkdir()
    (fresh_cache / "userlands").symlink_to(cache_root() / "userlands")  # Debian's packages, fetched before
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)  # the sandbox's uid looks in
    program = PROGRAM.findall((ROOT / "docs/python-api.md").read_text(encoding="utf-8"))[0]
    said = run(python, "-c", program, cwd=tmp_path, SEKFT_CACHE=str(fresh_cache), PYTHONPATH="")
    assert said.count("explorer") >= 4
    assert "pairs" in said
    assert list((fresh_cache / "runner").iterdir())
    assert list((tmp_path / "first" / "export" / "sft").rglob("*.parquet"))
