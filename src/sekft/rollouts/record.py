"""Stage D: the record in the form in which the model will be deployed, whether to keep it, and whether it is true."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sekft.errors import InfraError
from sekft.protocols import Limits, Sandbox
from sekft.rollouts.rollout import RESOURCES, Rollout, RolloutLimits, RolloutResult
from sekft.rollouts.verify import Verdict, judge
from sekft.scenario import ExpectedKind, Scenario, canonical
from sekft.shell.chat_format import violations
from sekft.shell.syntax import undated
from sekft.trajectory import KEPT, Trajectory, state_digest

DEFORMED, BYPASSED = "deploy form: ", "bypassed: "


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
    if verdict.bypassed is not None:
        against.append(f"{BYPASSED}{verdict.bypassed}")
    if result.infra is not None:
        against.insert(1, f"infra: {result.infra}")
    if result.ending.reason == RESOURCES:
        against.insert(1, f"resources: {result.exhausted}")
    reasons = against or [f"outcome {draft.outcome}", "mechanism complete", "deploy form clean"]
    judged = draft.model_copy(update={"keep": not against, "keep_reasons": reasons})
    return judged.model_copy(update={"id": content_id(judged)})


def forbidding(made: Trajectory, forbidden: Sequence[str]) -> Trajectory:
    """A record as record() makes it with these forbidden texts, of which it was made without them."""
    against = [] if made.keep else [each for each in made.keep_reasons if not each.startswith(DEFORMED)]
    last = len(against) - (bool(against) and against[-1].startswith(BYPASSED))
    against[last:last] = [f"{DEFORMED}{fault}" for fault in violations(made, forbidden)]
    if not against:
        return made
    judged = made.model_copy(update={"keep": False, "keep_reasons": against})
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
    return reasons + [f"{DEFORMED}{fault}" for fault in faults]


@dataclass(frozen=True, slots=True)
class Replayed:
    """trajectory: the same actions as recorded and judged today. difference: the first, None when there is none."""

    trajectory: Trajectory
    difference: str | None


async def replay(scenario: Scenario, trajectory: Trajectory, sandbox: Sandbox) -> Replayed:
    """Run the recorded actions under the recorded limits and compare every output and the final state.

    scenario: the trajectory's own, or the same with a mended checker. Raises InfraError when the sandbox breaks.
    """
    actions = [turn.content for turn in trajectory.turns if turn.role == "action"]
    known = {name: value for name, value in trajectory.sandbox.limits.items() if name in Limits.__dataclass_fields__}
    limits = RolloutLimits(len(actions), session=Limits(**known)) if known else RolloutLimits(len(actions))
    async with Rollout(scenario, sandbox, trajectory.operator, trajectory.sample, trajectory.seed, limits) as session:
        for action in actions:
            if not session.over:
                await session.step(action)
    result = session.result
    if result.infra is not None:
        raise InfraError(f"replay of {trajectory.id}: {result.infra}")
    if trajectory.outcome == "malformed" and result.ending.kind == "none":  # what was malformed was never typed
        result = replace(result, ending=trajectory.ending, fault=trajectory.ending.reason)
    replayed = record(scenario, result, judge(scenario, result))
    difference, then, now = _difference(trajectory, replayed), trajectory.sandbox.uids, replayed.sandbox.uids
    if difference is not None and then != now:
        difference += (
            f" (recorded with {then} uid{'s' * (then > 1)} in the sandbox, replayed with {now}: owners differ)"
        )
    return Replayed(replayed, difference)


def _difference(recorded: Trajectory, replayed: Trajectory) -> str | None:
    """The first thing that differs, as a person would look for it: outputs in order, ending, state.

    Of an output, the times that it shows do not count: a file that the session made bears the hour of the session.
    What processes had done when they were killed, and how far the machine let them get, is no part of the record.
    """
    for at, (turn, again) in enumerate(zip(recorded.turns, replayed.turns, strict=False)):
        if turn.content != again.content and undated(turn.content) != undated(again.content):
            return f"turn {at}: recorded {_first_line(turn.content, again.content)}"
    if recorded.ending.reason == RESOURCES:
        return None
    if len(recorded.turns) != len(replayed.turns):
        return f"turns: recorded {len(recorded.turns)}, replayed {len(replayed.turns)}"
    if recorded.ending.kind != replayed.ending.kind and recorded.ending.kind != "none":
        return f"ending: recorded {recorded.ending.kind}, replayed {replayed.ending.kind}"
    if recorded.effects != replayed.effects:
        then, now = ({f"{effect.path} {effect.change}" for effect in run.effects} for run in (recorded, replayed))
        return f"effects: {min(then ^ now)} in one of the two alone"
    if recorded.final_state and recorded.final_state != replayed.final_state:
        return "final state: the same paths changed, to something else"
    return None


def _first_line(recorded: str, replayed: str) -> str:
    """The first line that differs, from both."""
    then, now = recorded.split("\n"), replayed.split("\n")
    at = next((at for at, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), min(len(then), len(now)))
    first, second = (lines[at] if at < len(lines) else "(nothing)" for lines in (then, now))
    return f"{first!r}, replayed {second!r}"
