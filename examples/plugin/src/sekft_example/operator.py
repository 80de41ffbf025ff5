"""An operator that looks around and leaves: a baseline that no scenario with work is solved by."""

from __future__ import annotations

from sekft.operators.replayed import ScriptedPolicy
from sekft.protocols import Operator, OperatorConfig, Policy
from sekft.scenario import Scenario
from sekft.trajectory import OperatorInfo


class Visitor(Operator):
    info = OperatorInfo(kind="visitor")

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return ScriptedPolicy(["pwd", "ls", "exit"])


def make(config: OperatorConfig) -> Visitor:
    return Visitor()
