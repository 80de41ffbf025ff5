"""What a scenario knows of its solutions: a plan where it has none, and the commands that do wrong work."""

from __future__ import annotations

from sekft.scenario import PlanStep, Scenario
from sekft.shell import syntax


def plan(scenario: Scenario) -> list[PlanStep]:
    """The reference as steps with one way each, which scripted operators follow."""
    reference, command = scenario.reference, scenario.provider.command
    asks = [at for at, text in enumerate(reference) if syntax.calls(text, command)]
    own = [at for at in range(len(reference) - 1) if at not in asks and reference[at] not in scenario.provider.help]
    first, last_own = min(asks, default=len(reference)), max(own, default=-1)

    def goal(at: int) -> str:
        if at == len(reference) - 1:
            return "end"
        if reference[at] in scenario.provider.help:
            return "learn"
        if at in asks:
            return "acknowledge" if last_own > first and at > last_own else "retrieve"
        return "look" if at < first else "execute"

    return [PlanStep.model_validate({"goal": goal(at), "ways": [[text]]}) for at, text in enumerate(reference)]


def is_wrong_work(action: str, scenario: Scenario) -> bool:
    """Whether the action writes a file as a solution does that the checker refuses, and none that it accepts.

    Other work of such a solution may be part of right work, too: to remove one of several files, say.
    """
    if not any(action in probe.commands for probe in scenario.probes) or not syntax.written(action):
        return False
    ways = [way for step in scenario.plan for way in step.ways]
    right = [scenario.reference, *(other.commands for other in scenario.alternatives), *ways]
    return not any(action in commands for commands in right)
