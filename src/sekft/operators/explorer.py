"""A scripted expert that lands, looks round, learns the tool, does the work and ends.

It takes its goals from the scenario's private plan and chooses among each goal's ways (plan_script.py),
but types a command only when every token of it is grounded. Samples differ in what they look at,
which way they take, what they verify, and in the mistake that some of them make and mend.
"""

from __future__ import annotations

from collections.abc import Sequence

from sekft.operators.plan_script import RECOVERY_SHARE, Typist, recovery_share, resumed, script
from sekft.protocols import Operator, OperatorConfig, Policy
from sekft.scenario import Scenario
from sekft.seeds import stream
from sekft.trajectory import OperatorInfo


def make(settings: OperatorConfig) -> ExplorerOperator:
    return ExplorerOperator(recovery_share(settings))


class ExplorerOperator(Operator):
    """recovery_share: share of trajectories in which one mistake is made and mended."""

    def __init__(self, recovery_share: float = RECOVERY_SHARE) -> None:
        self._mended = recovery_share
        self.info = OperatorInfo(kind="explorer", settings={"recovery_share": f"{recovery_share:g}"})

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return Typist(scenario, script(scenario, stream(seed, "explorer"), self._mended))

    def resume(self, scenario: Scenario, typed: Sequence[str], sample: int, seed: int) -> Policy:
        """Carries out the steps of the plan that these commands left."""
        return Typist(scenario, resumed(scenario, typed, stream(seed, "explorer")))
