"""`sekft train` on SmolLM2-135M: some forty steps, killed in the middle, and what llama.cpp makes of the student."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.commands import sekft, start
from tests.live.conftest import ask_server, llama_server
from tests.sets import filled

pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")
pytestmark = pytest.mark.live

TOKENS = 36000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions, exported."""
    run = filled(tmp_path_factory).root
    out = run / "export"
    done = sekft("export", "--trajectories", run, "--to", "sft", "--format", "jsonl", "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_a_student_survives_a_kill(data: Path, tmp_path: Path) -> None:
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
        "--epochs",
        "3",
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
    typed, reason = answered(out / "student.gguf", data, tmp_path)
    assert reason == "stop"
    assert typed


def answered(gguf: Path, data: Path, folder: Path) -> tuple[str, str]:
    """What llama.cpp decodes greedily at the landing of a session that the student has not seen, and why it ends."""
    row = json.loads((data / "sft" / "heldout" / "00000.jsonl").read_text().splitlines()[0])
    with llama_server(folder, gguf) as url:
        answer = ask_server(f"{url}/v1/chat/completions", messages=row["messages"][:2], max_tokens=64, temperature=0)
    choice = answer["choices"][0]
    return choice["message"]["content"], choice["finish_reason"]
