"""A real model behind a real LiteLLM proxy: what it cost arrives, and its key stays where it belongs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sekft.folder import HIDDEN, ROLLOUTS, documents
from sekft.models.journal import spent
from sekft.trajectory import load_trajectory
from tests.live.conftest import KEY, PROXY_KEY

pytestmark = pytest.mark.live

SCENARIOS, SAMPLES = 8, 2


def test_rollouts_through_the_proxy(proxy_environment: dict[str, str], tmp_path: Path) -> None:
    """Each has an outcome and a cost by the proxy's own figure; no file or log holds a key."""
    options = f"--n {SCENARIOS} --samples {SAMPLES} --author procedural --operator model".split()
    options += "--max-turns 6 --max-tokens 32 --max-cost 5 --concurrency 1".split()  # one prompt is kept warm
    command = [str(Path(sys.executable).with_name("sekft")), "run", *options, "--out"]
    done = subprocess.run(
        [*command, str(tmp_path / "run")], env=proxy_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = [load_trajectory(path) for path in documents(tmp_path / "run" / "trajectories", ROLLOUTS)]
    assert len(made) == SCENARIOS * SAMPLES
    assert all(each.outcome != "infra_error" and each.usage.cost_usd > 0 for each in made)
    usage = spent(tmp_path / "run" / HIDDEN / "calls.jsonl")["operator"]
    assert usage.cost_usd == pytest.approx((usage.prompt_tokens + 10 * usage.completion_tokens) / 1e6)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for key in (KEY, PROXY_KEY):
        assert key.encode() not in stored + done.stdout.encode() + done.stderr.encode()
