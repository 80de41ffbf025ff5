"""Stage D: the record in the form in which the model will be deployed, and whether to keep it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sekft.rollouts.rollout import RolloutResult
from sekft.rollouts.verify import Verdict
from sekft.scenario import ExpectedKind, Scenario, canonical
from sekft.shell.chat_format import violations
from sekft.trajectory import KEPT, Trajectory, state_digest


def record(scenario: Scenario, result: RolloutResult, verdict: Verdict, forbidden: Sequence[str] = ()) -> Trajectory:
    """Make the trajectory, keep it or say why not.

    forbidden: texts that must not occur in any turn (keys, scaffold lines).
    """
    draft = Trajectory(
        id="",
        scenario_id=scenario.id,
        sample=result.sample,
        operator=result.operator,
        turns=list(result.turns),
        ending=result.ending,
        check=result.check,
        effects=list(verdict.effects),
        final_state=state_digest(result.after, scenario.volatile) if result.after else None,
        outcome=verdict.outcome,
        keep=False,
        keep_reasons=[],
        mechanism=verdict.mechanism,
        fault=result.failing,
        sandbox=result.sandbox,
        seed=result.seed,
        usage=result.usage,
        timing=result.timing,
    )
    faults = violations(draft, forbidden)
    against = reasons_against(draft, scenario.expected.kind, faults)
    if result.infra is not None:
        against.insert(1, f"infra: {result.infra}")
    reasons = against or [f"outcome {draft.outcome}", "mechanism complete", "deploy form clean"]
    judged = draft.model_copy(update={"keep": not against, "keep_reasons": reasons})
    return judged.model_copy(update={"id": content_id(judged)})


def content_id(trajectory: Trajectory) -> str:
    """16 hex digits over everything but the id and what the clock and the meter said."""
    body = trajectory.model_dump(mode="json", exclude={"id", "timing", "usage"})
    return hashlib.sha256(canonical(body)).hexdigest()[:16]


def reasons_against(trajectory: Trajectory, kind: ExpectedKind, faults: Sequence[str]) -> list[str]:
    """Why this record is not kept; empty when it is."""
    reasons = [] if trajectory.outcome in KEPT else [f"outcome {trajectory.outcome}"]
    reasons += [f"fault {trajectory.fault.kind}"] if trajectory.fault else []
    reasons += [f"mechanism lacks {mark}" for mark in trajectory.mechanism.missing(kind)]
    return reasons + [f"deploy form: {fault}" for fault in faults]
