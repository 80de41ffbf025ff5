"""What one rollout left behind before anyone judged it, and the judgement.

rollout makes an Observed, verify makes a Verdict of it, record makes a Trajectory of both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sekft.trajectory import (
    Check,
    Effect,
    Ending,
    Fault,
    Mechanism,
    OperatorInfo,
    Outcome,
    SandboxInfo,
    State,
    Timing,
    Turn,
    Usage,
)

NOT_RUN = Check(verdict="not_run", passed=False)


@dataclass(frozen=True, slots=True)
class Observed:
    """One landing as it went.

    before, after: state at the first prompt and after the check.
    changing:      indexes of the action turns that changed anything outside `volatile`.
    fault:         why an action could not be typed at all.
    failing:       the failure that the operator made on purpose.
    infra:         what broke that was not the policy's doing.
    thoughts:      index of an action turn → what a model reasoned before it.
    """

    sample: int
    seed: int
    operator: OperatorInfo
    turns: tuple[Turn, ...]
    ending: Ending
    sandbox: SandboxInfo
    check: Check = NOT_RUN
    before: State = field(default_factory=dict)
    after: State = field(default_factory=dict)
    changing: tuple[int, ...] = ()
    fault: str | None = None
    failing: Fault | None = None
    infra: str | None = None
    thoughts: dict[int, str] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    timing: Timing = field(default_factory=Timing)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rollout was worth, from state and turns alone."""

    outcome: Outcome
    mechanism: Mechanism
    effects: tuple[Effect, ...]
