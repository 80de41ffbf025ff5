"""The estimate of --dry-run beside what is really asked, over a service on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sekft.folder import ROLLOUTS, Layout, documents, load_scenarios
from sekft.operators.model import default_scaffold
from sekft.runs.estimate import estimates
from sekft.runs.generate import GenerateConfig, generate
from sekft.runs.library import SILENT
from sekft.runs.rollout import RolloutConfig, roll
from tests import teacher as forms
from tests.teacher import Teacher, teaching

BUNDLES = Path(__file__).parent.parent / "authors" / "bundles"


def characters(request: object) -> int:
    messages = request["messages"] if isinstance(request, dict) else []
    return sum(len(message["content"]) for message in messages)


@pytest.mark.parametrize("author", ["teacher", "hybrid"])
async def test_a_draw_costs_about_what_was_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, author: str) -> None:
    """Prompts and calls are within a factor of two, at three characters a token."""
    layout = Layout.of_run(tmp_path)
    with teaching(Teacher([forms.clean] * 99)) as served:
        monkeypatch.setenv("SEKFT_MODEL", "m")
        monkeypatch.setenv("SEKFT_URL", served.url)
        drawing = GenerateConfig(n=3, author=author, no_sandbox=True, concurrency=1)
        (told,) = estimates(drawing, None, (), layout)
        await generate(drawing, layout, SILENT)
    asked = sum(map(characters, served.requests)) / 3
    assert 0.5 < told.prompt_tokens / asked < 2
    assert 0.5 < told.calls / len(served.requests) < 2


async def test_rollouts_cost_about_what_was_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So do rollouts that go the reference's way."""
    scenarios = load_scenarios(BUNDLES)[:3]
    layout = Layout.of_stage(tmp_path)
    await roll(RolloutConfig(operator="reference", samples=1), scenarios, layout, SILENT)
    asked = 0
    for path in documents(layout.trajectories, ROLLOUTS):
        turns = json.loads(path.read_text())["turns"]
        lengths = [len(default_scaffold()) + len(turns[0]["orientation"]), *(len(turn["content"]) for turn in turns)]
        asked += sum(sum(lengths[: at + 1]) for at, turn in enumerate(turns, 1) if turn["role"] == "env")
    monkeypatch.setenv("SEKFT_OP_MODEL", "m")
    (told,) = estimates(None, RolloutConfig(operator="model", samples=1), scenarios, Layout.of_stage(tmp_path / "none"))
    assert 0.5 < told.prompt_tokens / (asked / 3) < 2
