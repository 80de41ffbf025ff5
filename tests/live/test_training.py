"""`sekft train` on SmolLM2-135M: some thirty steps, killed in the middle, and what llama.cpp makes of the student."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.commands import sekft, start
from tests.sets import filled

pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")
pytestmark = pytest.mark.live

TOKENS = 24000
ANSWERED = (
    "import json, sys; from llama_cpp import Llama\n"
    "model = Llama(sys.argv[1], n_ctx=8192, verbose=False)\n"
    "answer = model.create_chat_completion(json.load(sys.stdin), max_tokens=64, temperature=0)\n"
    "print(json.dumps(answer['choices'][0]))"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions, exported."""
    run = filled(tmp_path_factory).root
    out = run / "export"
    done = sekft("export", "--trajectories", run, "--to", "sft", "--format", "jsonl", "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_thirty_steps_survive_a_kill(data: Path, tmp_path: Path) -> None:
    """Killed after a checkpoint, the same command does the rest, and the loss ends under half of what it was."""
    out = tmp_path / "student"
    command = (
        "train",
        "--data",
        data,
        "--out",
        out,
        "--step-tokens",
        "1",
        "--tokens",
        str(TOKENS),
        "--checkpoint-s",
        "1",
    )
    running = start(*command)
    checkpoint, deadline = out / ".sekft" / "checkpoint.pt", time.monotonic() + 600
    while not checkpoint.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    running.kill()
    said = running.communicate()[1]
    assert checkpoint.exists(), said
    again = start(*command, "--gguf")
    said = again.communicate()[1]
    assert again.returncode == 0, said
    assert "done before" in said
    found = json.loads((out / "training.json").read_text())
    assert found["tokens"] >= TOKENS
    assert found["loss_after"] < found["loss_before"] / 2
    typed, reason = answered(out / "student.gguf", data)
    assert reason == "stop"
    assert typed


def answered(gguf: Path, data: Path) -> tuple[str, str]:
    """What llama.cpp decodes greedily at the landing of a session that the student has not seen, and why it ends."""
    python = os.environ.get("SEKFT_LIVE_PYTHON") or pytest.fail("want SEKFT_LIVE_PYTHON: these tests run by ./dev live")
    row = json.loads((data / "sft" / "heldout" / "00000.jsonl").read_text().splitlines()[0])
    asked = json.dumps(row["messages"][:2])
    done = subprocess.run([python, "-c", ANSWERED, str(gguf)], input=asked, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    return answer["message"]["content"], answer["finish_reason"]
