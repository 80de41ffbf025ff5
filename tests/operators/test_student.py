"""The student operator, with a tiny model of its own and real sandboxes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.pipeline import Quiet
from sekft.errors import StoreError, UsageError
from sekft.folder import Layout, documents
from sekft.operators import make
from sekft.operators.student import StudentOperator, weights_digest
from sekft.protocols import CONTEXT_FULL, OperatorConfig
from sekft.runs.rollout import RolloutConfig, roll
from sekft.trajectory import Trajectory, Turn, load_trajectory
from tests import bundles
from tests.training.tiny import shared

torch = pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")
SCENARIOS = [bundles.sealed(make()) for make in (bundles.work, bundles.empty, bundles.blocked)]


def student(**settings: int | float) -> StudentOperator:
    operator = make("student", OperatorConfig(model=str(shared()), concurrency=3, **settings))  # type: ignore[arg-type]
    assert isinstance(operator, StudentOperator)
    return operator


def rolled(out: Path, samples: int = 1, temperature: float = 0.0) -> list[Trajectory]:
    model = str(shared())
    plan = RolloutConfig(
        samples=samples, concurrency=3, max_turns=4, model=model, max_tokens=16, temperature=temperature
    )
    assert asyncio.run(roll(plan, SCENARIOS, Layout.of_stage(out), Quiet())) == 0
    return [load_trajectory(path) for path in documents(out, "*/student-*.json")]


def test_a_student_rolls_and_resumes(tmp_path: Path) -> None:
    """Every scenario is rolled in the deploy form; rolled again, more samples join and what is there stays."""
    first = rolled(tmp_path)
    assert {trajectory.scenario_id for trajectory in first} == {scenario.id for scenario in SCENARIOS}
    operators = [trajectory.operator for trajectory in first]
    assert all(operator.kind == "student" and operator.model == shared().name for operator in operators)
    assert all(trajectory.usage.completion_tokens for trajectory in first)
    again = rolled(tmp_path, samples=2)
    assert [trajectory for trajectory in again if trajectory.sample == 0] == first
    assert len(again) == 2 * len(first)


def test_a_greedy_student_does_the_same_alone_and_in_company(tmp_path: Path) -> None:
    """Two runs with other neighbours in the batch record the same actions."""
    actions = [[turn.content for turn in trajectory.turns] for trajectory in rolled(tmp_path / "company")]
    alone = [
        [turn.content for turn in trajectory.turns]
        for at in range(len(SCENARIOS))
        for trajectory in _rolled_alone(tmp_path / f"alone-{at}", at)
    ]
    assert sorted(actions) == sorted(alone)


def _rolled_alone(out: Path, at: int) -> list[Trajectory]:
    plan = RolloutConfig(samples=1, concurrency=1, max_turns=4, model=str(shared()), max_tokens=16, temperature=0.0)
    asyncio.run(roll(plan, SCENARIOS[at : at + 1], Layout.of_stage(out), Quiet()))
    return [load_trajectory(path) for path in documents(out, "*/student-*.json")]


async def test_what_is_said_is_typed_byte_for_byte() -> None:
    """The action is the answer, blanks and all; an answer without an end is a fault, a full context another."""
    operator = student(max_tokens=40)
    policy = operator.policy(SCENARIOS[0], 0, 1)
    landed = Turn(role="env", content="$ ", orientation="A shell.")
    action = await policy.act([landed])
    prompt = [{"role": "system", "content": "A shell."}, {"role": "user", "content": "$ "}]
    answer = await operator.generator.ask("other", prompt, operator.sampling)
    assert action.text == answer.text
    assert (action.fault is None) == (answer.stopped == "end")
    full = await policy.act([landed.model_copy(update={"content": "x" * 4000})])
    assert full.fault == CONTEXT_FULL
    await operator.generator.close()


def test_another_model_is_another_operator(tmp_path: Path) -> None:
    """The record holds what the weights hash to, so that a folder trained on is not taken for the same."""
    rolled(tmp_path)
    name = shared() / "generation_config.json"
    before, digest = name.read_text(), weights_digest(shared())
    try:
        name.write_text(before + "\n")
        assert weights_digest(shared()) != digest
        with pytest.raises(StoreError, match="weights_sha256"):
            rolled(tmp_path)
    finally:
        name.write_text(before)


def test_a_student_wants_a_folder() -> None:
    """Without --model the message says what is missing."""
    with pytest.raises(UsageError, match="--model"):
        make("student", OperatorConfig())
