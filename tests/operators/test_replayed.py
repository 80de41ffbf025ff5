"""Operators that type a fixed list."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.operators.replayed import BlindOperator, ReferenceOperator, ResumedOperator
from sekft.protocols import Action, Operator, Policy
from sekft.scenario import Scenario
from sekft.trajectory import OperatorInfo, Turn
from tests import bundles

SCENARIO = bundles.sealed(bundles.work())


async def typed(policy: Policy, actions: int) -> list[Action]:
    """What it types where every command prints nothing."""
    turns = [Turn(role="env", content="$ ", orientation="A shell.")]
    made: list[Action] = []
    for _ in range(actions):
        made.append(await policy.act(turns))
        turns += [Turn(role="action", content=made[-1].text), Turn(role="env", content="$ ")]
    return made


class Counting(Operator):
    """Says how many turns it was shown; it resumes as it begins."""

    info = OperatorInfo(kind="counting", model="m", settings={"step": "1"})
    answer_tokens = 7

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return self

    async def act(self, turns: Sequence[Turn]) -> Action:
        return Action(f"echo {len(turns)}")


async def test_the_reference_types_its_list_and_then_has_a_fault() -> None:
    """Every command in its order; a scenario whose reference does not end the session is no loop."""
    *actions, last = await typed(
        ReferenceOperator().policy(SCENARIO, sample=0, seed=0), actions=len(SCENARIO.reference) + 1
    )
    assert [action.text for action in actions] == SCENARIO.reference
    assert last.fault


async def test_blind_guesses_always_end() -> None:
    """Each sample guesses otherwise, and types an ending whatever it saw."""
    guesses = []
    for sample in range(4):
        actions = await typed(BlindOperator().policy(SCENARIO, sample, seed=0), actions=5)
        guesses.append(tuple(action.text for action in actions))
        assert any(text.split()[:1] in (["exit"], ["panic"]) for text in guesses[-1])
    assert len(set(guesses)) == 4


async def test_a_resumed_operator_acts_after_the_given_commands() -> None:
    """It is shown the turns from the first on, and the record says what it resumed."""
    operator = ResumedOperator(Counting(), ["ls", "pwd"], {"branch_of": "x"})
    actions = await typed(operator.policy(SCENARIO, sample=0, seed=0), actions=4)
    assert [action.text for action in actions] == ["ls", "pwd", "echo 5", "echo 7"]
    assert operator.info.settings == {"step": "1", "branch_of": "x"}
    assert (operator.info.model, operator.answer_tokens, operator.endpoint) == ("m", 7, None)
