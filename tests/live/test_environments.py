"""Scenarios as environments of real tools, each in its own venv: a script acts behind an OpenAI-compatible server."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sekft import env
from sekft.scenario import Scenario
from tests import scripted, sets

FEW, MANY = 4, 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sets.filled(tmp_path_factory).root


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.commands import sekft

    def generate(out: Path) -> None:
        done = sekft("generate", "--n", str(MANY), "--seed", "7", "--out", out)
        assert done.returncode == 0, done.stderr

    return sets.shared(tmp_path_factory, "hundred", generate)


def tool(name: str) -> Path:
    """The folder of programs of that tool's environment."""
    root = os.environ.get("SEKFT_LIVE_TOOLS") or pytest.fail("want SEKFT_LIVE_TOOLS: these tests run by ./dev live")
    return Path(root) / name / "bin"


def ran(*words: str | Path, cwd: Path, **more: str) -> str:
    """What it printed. Keys are for loopback, and no tool writes to its home or asks a hub."""
    keys = {"OPENAI_API_KEY": "none", "SEKFT_API_KEY": "none"}
    environ = {**os.environ, **keys, "HOME": str(cwd), "PYTHONPATH": "", "HF_HUB_OFFLINE": "1", **more}
    done = subprocess.run(words, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


Judged = dict[str, tuple[float, dict[str, float]] | None]
"""Reward and metrics by scenario; None where the sandbox broke."""


def by_verifiers(source: Path, url: str, most: int, out: Path, **options: str) -> Judged:
    """Of an evaluation by vf-eval. options: of the environment."""
    flags = [word for name, value in options.items() for word in (f"--env.{name.replace('_', '-')}", value)]
    ran(
        tool("verifiers") / "vf-eval", "sekft-shell", "-m", "scripted", "--client.base-url", url,
        "--client.api-key-var", "OPENAI_API_KEY", "--env.taskset.scenarios", source, "--select.limit", str(most),
        "-c", "8", "--no-push", "--no-rich", "-o", out, *flags,
        cwd=out, PYTHONPATH=str(out),
    )  # fmt: skip
    (file,) = out.glob("*/traces.jsonl")
    lines = file.read_text(encoding="utf-8").splitlines()
    traces = [trace for line in lines for trace in json.loads(line)["traces"]]
    for text in ('"checker"', '"reference"', '"plan"'):
        assert all(text not in line for line in lines)
    return {
        trace["task"]["data"]["id"]: None
        if "on fire" in str(trace["errors"])
        else (trace["rewards"]["reward"]["score"], trace["metrics"])
        for trace in traces
    }


def by_inspect(source: Path, url: str, most: int, out: Path, **options: str) -> Judged:
    """The same by `inspect eval`, from its log as `inspect log dump` reads it."""
    ran(
        tool("inspect") / "inspect", "eval", "sekft/shell", "-T", f"scenarios={source}", "--model",
        "openai-api/sekft/scripted", "--model-base-url", url, "--limit", str(most), "--log-dir", out, "--display",
        "none", "--no-fail-on-error", *(word for name, value in options.items() for word in ("-T", f"{name}={value}")),
        cwd=out, PYTHONPATH=str(out),
    )  # fmt: skip
    (file,) = out.glob("*.eval")
    log = json.loads(ran(tool("inspect") / "inspect", "log", "dump", file, cwd=out))
    return {
        sample["id"]: None
        if "on fire" in str(sample.get("error"))
        else (sample["scores"]["reward"]["value"], sample["scores"]["marks"]["value"])
        for sample in log["samples"]
    }


Evaluate = Callable[..., Judged]


def evaluated(
    by: Evaluate, script: scripted.Script, source: Path, chosen: Sequence[Scenario], out: Path
) -> list[float]:
    """The rewards of an evaluation, one for each of these scenarios; where it is right every mark is reached."""
    out.mkdir()
    with scripted.serving(asyncio.run(scripted.logins(chosen)), script) as url:
        found = by(source, url, len(chosen), out)
    assert found.keys() == {scenario.id for scenario in chosen}
    judged = [each for each in found.values() if each is not None]
    assert len(judged) == len(chosen)
    for reward, metrics in judged:
        assert reward == 0.0 or metrics["learnt"] == metrics["retrieved"] == metrics["ended"] == 1.0
    return [reward for reward, _ in judged]


@pytest.mark.live
@pytest.mark.parametrize("by", [by_verifiers, by_inspect])
def test_an_evaluation_rewards_what_is_right(by: Evaluate, folder: Path, tmp_path: Path) -> None:
    """The reference in every other scenario and `exit` at once in the others: only the first are rewarded."""
    chosen = env.scenarios(folder, most=FEW)
    rewards = evaluated(by, scripted.mixed, folder, chosen, tmp_path / "mixed")
    assert sum(rewards) == sum(scripted.mixed(scenario) == scenario.reference for scenario in chosen)


def erring(scenario: Scenario) -> Sequence[str]:
    """What cannot be typed in every other scenario, and in the others a session without an end."""
    return ["cat <<END"] if int(scenario.id, 16) % 2 else ["ls"]


BREAKING = """
from contextlib import asynccontextmanager
from sekft.errors import InfraError
from sekft.sandboxes import bubblewrap
from sekft.sandboxes.bubblewrap import clean, probe
class Breaking:
    name, inner = "breaking", bubblewrap.backend()
    @asynccontextmanager
    async def open(self, spec):
        async with self.inner.open(spec) as session:
            async def broken(command, timeout_s=None):
                raise InfraError("the machine is on fire")
            session.exec = broken
            yield session
def backend():
    return Breaking()
"""
"""A backend whose sessions break at the first command."""


def offer_breaking(folder: Path) -> None:
    """As an installed package would."""
    info = folder / "breaking-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: breaking\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[sekft.sandboxes]\nbreaking = breaking_sandbox\n")
    (folder / "breaking_sandbox.py").write_text(BREAKING)


@pytest.mark.live
@pytest.mark.parametrize("by", [by_verifiers, by_inspect])
def test_what_goes_wrong_is_told_apart(by: Evaluate, folder: Path, tmp_path: Path) -> None:
    """Malformed and unfinished sessions earn 0 and end or do not; a sandbox that breaks is an error, and no zero."""
    chosen = env.scenarios(folder, most=FEW)
    offer_breaking(tmp_path / "broken")
    (tmp_path / "erring").mkdir()
    with scripted.serving(asyncio.run(scripted.logins(chosen)), erring) as url:
        found = by(folder, url, FEW, tmp_path / "erring", max_actions="3")
        broken = by(folder, url, FEW, tmp_path / "broken", sandbox="breaking")
    assert [each and each[0] for each in found.values()] == [0.0] * FEW
    assert [each and each[1]["ended"] for each in found.values()] == [0.0] * FEW
    assert broken == {scenario.id: None for scenario in chosen}


@pytest.mark.soak
@pytest.mark.parametrize("by", [by_verifiers, by_inspect])
def test_a_hundred_scenarios_tell_policies_apart(by: Evaluate, hundred: Path, tmp_path: Path) -> None:
    """The reference scores 1.00, `exit` at once 0.00, and a mixed policy its share."""
    chosen = env.scenarios(hundred)
    scores = {
        script.__name__: sum(evaluated(by, script, hundred, chosen, tmp_path / script.__name__)) / MANY
        for script in (scripted.reference, scripted.blind, scripted.mixed)
    }
    share = sum(scripted.mixed(scenario) == scenario.reference for scenario in chosen) / MANY
    assert scores == {"reference": 1.0, "blind": 0.0, "mixed": share}


@pytest.fixture
def trained(folder: Path, tmp_path: Path) -> tuple[Any, dict[str, Any]]:
    """A GRPO trainer after two small steps, and what its last rollouts gave it."""
    pytest.importorskip("trl", reason="wants the extra train: ./dev setup train")
    from transformers import AutoModelForCausalLM
    from trl import GRPOConfig, GRPOTrainer

    from sekft.env.grpo import Rollouts, rewards
    from sekft.training.base_model import base_folder, tokenizer_of

    model, seen = base_folder("smollm2"), {}

    class Watched(Rollouts):
        def __call__(self, prompts: Any, trainer: Any) -> dict[str, Any]:
            seen.update(super().__call__(prompts, trainer))
            return dict(seen)

    def variety(scenario: Scenario, trajectory: Any) -> float:
        """What a model that has learnt nothing earns differently each time."""
        return len({*"".join(trajectory.actions)}) / 100

    shortest = sorted(env.scenarios(folder, split="train"), key=lambda each: len(each.login.motd + each.login.banner))
    rollouts = Watched(shortest[:2], reward=variety, max_turns=2, action_tokens=8)
    config = GRPOConfig(
        output_dir=str(tmp_path), max_steps=2, num_generations=2, per_device_train_batch_size=2,
        max_completion_length=256, learning_rate=1e-5, beta=0.0, logging_steps=1, report_to=[], save_strategy="no",
        use_cpu=True, gradient_checkpointing=False, disable_tqdm=True,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model), reward_funcs=rewards, args=config,
        train_dataset=rollouts.dataset(), processing_class=tokenizer_of(model), rollout_func=rollouts,
    )  # fmt: skip
    before = next(trainer.model.parameters()).detach().clone()
    trainer.train()
    seen["moved"] = float((next(trainer.model.parameters()).detach() - before).abs().max())
    return trainer, seen


@pytest.mark.live
@pytest.mark.filterwarnings("ignore")
def test_two_steps_of_grpo_train_what_was_typed(trained: tuple[Any, dict[str, Any]]) -> None:
    """Rewards differ within a group, the weights move, and no token of the terminal is trained."""
    trainer, seen = trained
    logged = [entry for entry in trainer.state.log_history if "reward_std" in entry]
    assert len(logged) == 2
    assert max(entry["reward_std"] for entry in logged) > 0
    assert seen["moved"] > 0
    tokenizer = trainer.processing_class
    for completion, mask in zip(seen["completion_ids"], seen["env_mask"], strict=True):
        masked = tokenizer.decode([token for token, own in zip(completion, mask, strict=True) if not own])
        typed = tokenizer.decode([token for token, own in zip(completion, mask, strict=True) if own])
        assert "<|im_start|>user" in masked
        assert "<|im_start|>" not in typed
