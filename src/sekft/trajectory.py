"""The trajectory: the recorded turns of one rollout, with verdict, outcome and keep.

The field names are a contract (docs/schemas/trajectory.schema.json). Turn 0 is the
environment's: it carries the orientation and the login text up to the first prompt. Then
actions and environment turns alternate; the last turn is the action that ended the session,
when one did.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import SerializerFunctionWrapHandler, model_serializer

from sekft.scenario import SCHEMA_VERSION, ExpectedKind, Frozen, Scenario, canonical, covers, load_noun

Outcome = Literal[
    "solved", "idle", "rightly_blocked",
    "false_exit", "false_panic", "missed_block", "unearned", "unfinished", "malformed", "harmful",
    "infra_error",
]  # fmt: skip
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
KEPT: tuple[Outcome, ...] = ("solved", "idle", "rightly_blocked")
BRANCH_OF, GIVEN = "branch_of", "actions"
"""Settings of an operator that took over another's rollout: its id, and how many actions were typed for it."""


class Turn(Frozen):
    """One message. Only turn 0 has an orientation.

    raw_sha256: digest of an output's raw bytes. status: what `$?` held after the command it answers.
    """

    role: Literal["env", "action"]
    content: str
    orientation: str | None = None
    raw_sha256: str | None = None
    status: int | None = None
    truncated: bool = False
    timed_out: bool = False


class OperatorInfo(Frozen):
    kind: str
    model: str | None = None
    settings: dict[str, str] = {}


class Ending(Frozen):
    """How the session ended. none: by a limit, by its own load, or because the shell ended otherwise (see reason)."""

    kind: Literal["exit", "panic", "none"]
    status: int | None = None
    reason: str | None = None


class Check(Frozen):
    """A verdict from the wait status alone: 0 passes; 126, 127, a signal or a time-out is an error."""

    verdict: Literal["pass", "fail", "checker_error", "infra_error", "not_run"]
    passed: bool
    status: int | None = None
    output: str = ""


class Effect(Frozen):
    """A path whose type, mode, link target or content differs between start and end."""

    path: str
    change: Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class PathState:
    """State of one path: everything that counts as state, and nothing that does not."""

    type: Literal["file", "directory", "symlink", "other"]
    mode: int
    target: str | None = None
    digest: str | None = None


State = dict[str, PathState]


class Mechanism(Frozen):
    """Indexes into `turns`, or null where the mark was not reached."""

    seen: int | None = None
    noticed: int | None = None
    learnt: int | None = None
    retrieved: int | None = None
    executed: int | None = None
    ended: int | None = None

    def missing(self, kind: ExpectedKind) -> list[str]:
        """The marks that this kind of scenario requires and the rollout did not reach; only work has `executed`."""
        return [mark for mark, turn in self if turn is None and (kind == "work" or mark != "executed")]


class Fault(Frozen):
    """A failure made on purpose. turn: index of the first action that departs from what would have been right."""

    turn: int
    kind: str


class SandboxInfo(Frozen):
    """uids:   2 where fixtures of root show as root's, 1 where they show as the agent's.

    capped: how often something of the session went beyond its cap, by what it was (docs/sandbox.md); left out of a
            record where nothing did.
    """

    backend: str
    userland: str
    userland_digest: str
    limits: dict[str, int] = {}
    uids: Literal[1, 2] = 1
    capped: dict[str, int] = {}

    @model_serializer(mode="wrap")
    def _as_stored(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        body: dict[str, Any] = serialize(self)
        return body if self.capped else {name: value for name, value in body.items() if name != "capped"}


class Usage(Frozen):
    """cost_usd: as the service or SEKFT_PRICE tells; 0 where neither does."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            requests=self.requests + other.requests,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cost_usd=round(self.cost_usd + other.cost_usd, 9),
        )


class Timing(Frozen):
    wall_s: float = 0.0
    operator_s: float = 0.0
    sandbox_s: float = 0.0


class Trajectory(Frozen):
    """One rollout as recorded. final_state: digest of what was left, `volatile` paths aside; see state_digest."""

    schema_version: Literal[1] = SCHEMA_VERSION
    id: str
    scenario_id: str
    sample: int
    operator: OperatorInfo
    turns: list[Turn]
    ending: Ending
    check: Check
    effects: list[Effect]
    final_state: str | None = None
    outcome: Outcome
    keep: bool
    keep_reasons: list[str]
    mechanism: Mechanism
    fault: Fault | None = None
    sandbox: SandboxInfo
    seed: int
    usage: Usage = Usage()
    timing: Timing = Timing()

    def to_json(self) -> str:
        """The text of a trajectory's file."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n"

    @property
    def actions(self) -> list[str]:
        """What was typed, in order."""
        return [turn.content for turn in self.turns if turn.role == "action"]

    @property
    def given(self) -> int:
        """How many actions, from the first on, come from another rollout, which this one's operator took over."""
        return int(self.operator.settings.get(GIVEN, 0))

    @property
    def branch_of(self) -> str | None:
        """The id of that other rollout."""
        return self.operator.settings.get(BRANCH_OF)

    def messages(self) -> list[dict[str, str]]:
        """The session as a chat: the orientation as system message, then outputs (user) and actions (assistant)."""
        return messages(self.turns)


def messages(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """The deploy form: system (orientation), then user and assistant in turn."""
    roles = {"env": "user", "action": "assistant"}
    head = [{"role": "system", "content": turns[0].orientation or ""}]
    return head + [{"role": roles[turn.role], "content": turn.content} for turn in turns]


def closed(text: str) -> str:
    """The text as whole lines, so that the next prompt stands on a line of its own."""
    return text if not text or text.endswith("\n") else text + "\n"


def load_trajectory(path: Path) -> Trajectory:
    """Read one trajectory. Raises BundleError naming file, field, value seen and value wanted."""
    return load_noun(Trajectory, path)


def schema(kind: type[Frozen]) -> dict[str, Any]:
    """The published JSON Schema of a noun."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **kind.model_json_schema()}


@dataclass(frozen=True)
class StoredRollout:
    """A stored trajectory with its scenario and its path below the folder."""

    file: str
    trajectory: Trajectory
    scenario: Scenario

    @property
    def actions(self) -> list[str]:
        return self.trajectory.actions


def effects(before: State, after: State) -> list[Effect]:
    """Every path that was added, removed or changed, sorted by path."""
    differing = [path for path, entry in after.items() if (was := before.get(path)) is not entry and was != entry]
    return [
        Effect(path=path, change="added" if path not in before else "removed" if path not in after else "changed")
        for path in sorted([*differing, *(before.keys() - after.keys())])
    ]


def changes(before: State, after: State, volatile: Sequence[str] = ()) -> dict[str, PathState | None]:
    """What each changed path outside `volatile` has become; None when it is gone."""
    return {
        effect.path: after.get(effect.path) for effect in effects(before, after) if not covered(effect.path, volatile)
    }


def state_digest(state: State, volatile: Sequence[str] = ()) -> str:
    """SHA-256 over every path outside `volatile`, with all that counts as its state."""
    rows = [[path, *astuple(entry)] for path, entry in sorted(state.items()) if not covered(path, volatile)]
    return hashlib.sha256(canonical(rows)).hexdigest()


def covered(path: str, roots: Iterable[str]) -> bool:
    """Whether the path is one of these roots or lies under one."""
    return any(path == root or covers(root.rstrip("/"), path) for root in roots)
