"""Replays the scenario's own reference: the oracle."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.protocols import Action, OperatorConfig, Policy
from sekft.scenario import Scenario
from sekft.trajectory import OperatorInfo, Turn


def make(settings: OperatorConfig) -> ReferenceOperator:
    del settings
    return ReferenceOperator()


class ReferenceOperator:
    info = OperatorInfo(kind="reference")

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return _Replay(scenario.reference)


class _Replay:
    def __init__(self, commands: Sequence[str]) -> None:
        self._commands = iter(commands)

    async def act(self, turns: Sequence[Turn]) -> Action:
        text = next(self._commands, None)
        return Action(text) if text is not None else Action("", fault="the reference ran out of commands")
