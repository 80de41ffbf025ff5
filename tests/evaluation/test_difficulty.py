"""What models' work came to, in figures."""

from __future__ import annotations

from itertools import combinations
from math import isclose

import pytest

from sekft.evaluation.difficulty import Returns, Worked, band, selected
from sekft.evaluation.statistics import pass_at
from sekft.rejection import Rejection
from sekft.scenario import Scenario
from sekft.trajectory import KEPT, Check, Ending, Mechanism, OperatorInfo, Outcome, SandboxInfo, Trajectory, Usage
from tests import bundles

WORK = bundles.sealed(bundles.work())


def made(scenario: str, sample: int, outcome: Outcome, model: str | None = "m") -> Trajectory:
    return Trajectory(
        id="t",
        scenario_id=scenario,
        sample=sample,
        operator=OperatorInfo(kind="model", model=model),
        turns=[],
        ending=Ending(kind="exit"),
        check=Check(verdict="pass", passed=True),
        effects=[],
        outcome=outcome,
        keep=outcome in KEPT,
        keep_reasons=[],
        mechanism=Mechanism(),
        sandbox=SandboxInfo(backend="b", userland="u", userland_digest=""),
        seed=sample,
    )


def rolled(scenario: str, right: int, rollouts: int, model: str | None = "m") -> list[Trajectory]:
    return [made(scenario, at, "solved" if at < right else "false_exit", model) for at in range(rollouts)]


def returns(
    spent: dict[str, Usage], admitted: list[Scenario], refused: list[Rejection], rolled_out: list[Trajectory]
) -> Returns:
    worked = Worked()
    for scenario in admitted:
        worked.admit(scenario.cell)
    for rejection in refused:
        worked.refuse(rejection.scenario.get("cell"))
    for trajectory in rolled_out:
        if trajectory.operator.model is not None:
            worked.roll(trajectory.scenario_id, trajectory.outcome, trajectory.keep)
    return worked.returns(spent)


@pytest.mark.parametrize(("rollouts", "right", "k"), [(4, 1, 2), (5, 0, 3), (6, 5, 2), (3, 3, 1)])
def test_pass_at_k_is_the_share_of_draws_that_hold_a_right_one(rollouts: int, right: int, k: int) -> None:
    """The figure equals what trying every choice of k rollouts gives."""
    draws = list(combinations([at < right for at in range(rollouts)], k))
    assert isclose(pass_at(rollouts, right, k), sum(map(any, draws)) / len(draws))


def test_bands_go_from_never_to_always() -> None:
    """Of four rollouts, no, one, two, three and four right ones are five degrees of difficulty but two share one."""
    assert [band(4, right) for right in range(5)] == ["never", "hard", "medium", "medium", "always"]
    assert band(8, 7) == "easy"


def test_difficulty_is_a_models() -> None:
    """A scripted operator that always succeeds makes no scenario easy."""
    found = returns({}, [], [], rolled("a", 1, 4) + rolled("b", 4, 4) + rolled("a", 4, 4, model=None))
    assert found.bands == {"hard": 1, "always": 1}
    assert found.pass_at == {1: 0.625, 2: 0.75, 4: 1.0}


def test_pass_at_k_wants_k_rollouts() -> None:
    """A scenario that was tried less often says nothing of a larger k."""
    assert set(returns({}, [], [], rolled("a", 1, 3)).pass_at) == {1, 2}


def test_costs_are_told_for_what_they_brought() -> None:
    """The teacher's for an admitted scenario, the operator's for a kept trajectory."""
    spent = {"teacher": Usage(requests=3, cost_usd=0.6), "operator": Usage(requests=9, cost_usd=0.9)}
    found = returns(spent, [WORK], [], rolled(WORK.id, 3, 4))
    assert found.each_usd == {"teacher": 0.6, "operator": 0.3}
    assert "$0.3000 a kept trajectory" in str(found)


def test_the_values_that_are_seldom_admitted_come_first() -> None:
    """The share of its draws that each value of an axis brought through the gate, once drawn often enough."""
    hard = {"cell": {"provider": "vault"}}
    refused = [
        Rejection(id=f"r{at}", slot=0, attempt=at, reason="x", detail="", evidence={}, scenario=hard) for at in range(6)
    ]
    admitted = [WORK.model_copy(update={"cell": {"provider": "board"}})] * 5
    admitted += [WORK.model_copy(update={"cell": {"provider": "vault"}})] * 2
    found = returns({}, admitted, refused, [])
    assert [(share.value, share.admitted, share.drawn) for share in found.yields] == [
        ("provider=vault", 2, 8),
        ("provider=board", 5, 5),
    ]
    assert "provider=vault 2/8" in str(found)


def test_a_selection_keeps_a_band_and_so_many_of_each() -> None:
    """Kept trajectories of scenarios that are neither too easy nor hopeless, the first samples first."""
    rows = [
        (f"{each.scenario_id}-{each.sample}", each)
        for each in rolled("a", 3, 8) + rolled("b", 8, 8) + rolled("c", 0, 8) + rolled("d", 1, 8)
    ]
    assert selected(rows, ("medium", "hard"), 2) == ["a-0", "a-1", "d-0"]
    assert selected(rows, (), 1) == ["a-0", "b-0", "d-0"]
    assert len(selected(rows, (), None)) == 12


def test_nothing_is_said_where_no_model_worked() -> None:
    """A run of scripted parts has no such section."""
    assert not returns({}, [WORK], [], rolled(WORK.id, 1, 1, model=None))
