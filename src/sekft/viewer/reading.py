"""One session as a reader gets it, whoever wrote the file: our trajectory, a row of an export, a document of ATIF."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from sekft.errors import BundleError
from sekft.evaluation.metrics import CHAIN, mistakes
from sekft.scenario import Scenario
from sekft.shell.evidence import Exchange, earned_at
from sekft.trajectory import (
    KEPT,
    Check,
    Effect,
    Ending,
    Fault,
    Mechanism,
    OperatorInfo,
    StoredRollout,
    Timing,
    Trajectory,
    Turn,
    Usage,
)

GIVEN_AT_BLOCK = ("empty", "blocked")
NO_MARKS, NO_USAGE, NO_TIMING = Mechanism(), Usage(), Timing()


@dataclass(frozen=True)
class Reading:
    """What can be told of a session. None or empty where its file does not say.

    place:    the file below the source's root, with `#row` where a file holds several.
    mistakes: turns whose action is not to be learnt (`metrics.mistakes`). thoughts: turn → what was reasoned before it.
    asked:    the directives, or what a foreign file was asked to do.
    """

    place: str
    id: str
    scenario_id: str
    operator: OperatorInfo
    turns: Sequence[Turn]
    sample: int = 0
    outcome: str = ""
    keep: bool | None = None
    reasons: Sequence[str] = ()
    expected: str = ""
    split: str = ""
    family: str = ""
    cell: Mapping[str, str] = field(default_factory=dict)
    ending: Ending | None = None
    check: Check | None = None
    effects: Sequence[Effect] | None = None
    mechanism: Mechanism = NO_MARKS
    fault: Fault | None = None
    usage: Usage = NO_USAGE
    timing: Timing = NO_TIMING
    mistakes: Sequence[int] = ()
    thoughts: Mapping[int, str] = field(default_factory=dict)
    scenario: Scenario | None = None
    trajectory: Trajectory | None = None

    @property
    def right(self) -> bool | None:
        return self.outcome in KEPT if self.outcome else None

    @property
    def actions(self) -> list[str]:
        return [turn.content for turn in self.turns if turn.role == "action"]

    @property
    def who(self) -> str:
        return self.operator.model or self.operator.kind

    @property
    def asked(self) -> list[str]:
        return [directive.text for directive in self.scenario.directives] if self.scenario else []

    @property
    def against(self) -> list[str]:
        """Why it is not kept."""
        return list(self.reasons) if self.keep is False else []

    @property
    def marks(self) -> dict[str, int | None]:
        """Mark → turn; `executed` is asked of work alone."""
        reached = self.mechanism.model_dump()
        return {mark: reached[mark] for mark in CHAIN if mark != "executed" or self.expected in ("work", "")}

    @cached_property
    def evidence(self) -> int | None:
        """The turn that showed that nothing waits or that the work is blocked, as the stored turns tell it."""
        if self.scenario is None or self.expected not in GIVEN_AT_BLOCK:
            return None
        home, turns = self.scenario.login.home, self.turns
        said = [
            Exchange(turns[at].content, turns[at + 1].content if at + 1 < len(turns) else "", home)
            for at in range(1, len(turns), 2)
        ]
        at = earned_at(self.scenario, said)
        return None if at is None else 2 * at + 2

    @classmethod
    def of(
        cls, place: str, trajectory: Trajectory, scenario: Scenario | None, thoughts: Mapping[int, str] | None = None
    ) -> Reading:
        """One of our own; without its scenario, as a folder of rollouts alone has it, less can be told."""
        about: dict[str, Any] = {}
        if scenario is not None:
            about = {"expected": scenario.expected.kind, "split": scenario.split, "family": scenario.family}
            about |= {"cell": scenario.cell, "mistakes": mistakes(StoredRollout(place, trajectory, scenario))}
        shared = (
            "id", "scenario_id", "operator", "turns", "sample", "outcome", "keep", "ending", "check", "effects",
            "mechanism", "fault", "usage", "timing",
        )  # fmt: skip
        return cls(
            place,
            **{name: getattr(trajectory, name) for name in shared},
            reasons=trajectory.keep_reasons,
            thoughts=dict(thoughts or {}),
            scenario=scenario,
            trajectory=trajectory,
            **about,
        )


def of_messages(place: str, row: Mapping[str, Any], scenario: Scenario | None = None) -> Reading:
    """A row of an export: `messages` or `conversations`, and our metadata where there are some. Raises BundleError."""
    messages = _messages(row)
    turns: list[Turn] = []
    orientation = None
    for message in messages:
        if message["role"] == "system" and not turns:
            orientation = message["content"]
            continue
        role: Literal["env", "action"] = "action" if message["role"] == "assistant" else "env"
        turns.append(Turn(role=role, content=message["content"], orientation=None if turns else orientation))
    if not turns:
        raise BundleError(f"{place}: holds no message beside the system's; want a conversation")
    return _told(place, _alternating(turns), _metadata(row), scenario, row.get("label"))


def of_atif(place: str, document: Mapping[str, Any], scenario: Scenario | None = None) -> Reading:
    """A document of the Agent Trajectory Interchange Format, ours or another agent's. Raises BundleError."""
    turns: list[Turn] = []
    thoughts: dict[int, str] = {}
    orientation = None
    try:
        for step in document["steps"]:
            text = _text(step.get("message"))
            if step["source"] == "system" and not turns:
                orientation = text if orientation is None else f"{orientation}\n{text}"
            elif step["source"] == "agent":
                if reasoned := step.get("reasoning_content"):
                    thoughts[len(turns)] = str(reasoned)
                turns += _acted(step, text, thoughts, len(turns))
            else:
                turns.append(Turn(role="env", content=text))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BundleError(f"{place}: {error!r}; want a document of ATIF with `steps`") from error
    if turns:
        turns[0] = turns[0].model_copy(update={"orientation": orientation or ""})
    agent, metrics = document.get("agent") or {}, document.get("final_metrics") or {}
    told = _metadata(document.get("extra") or {})
    told.setdefault("trajectory_id", str(document.get("trajectory_id") or document.get("session_id") or ""))
    told.setdefault("scenario_id", str(document.get("session_id") or ""))
    told.setdefault("operator", {"kind": str(agent.get("name") or "agent"), "model": agent.get("model_name")})
    usage = Usage(
        prompt_tokens=int(metrics.get("total_prompt_tokens") or 0),
        completion_tokens=int(metrics.get("total_completion_tokens") or 0),
        cost_usd=float(metrics.get("total_cost_usd") or 0.0),
    )
    return _told(place, _alternating(turns), told, scenario, None, usage=usage, thoughts=thoughts)


def _acted(step: Mapping[str, Any], text: str, thoughts: dict[int, str], at: int) -> list[Turn]:
    """A step of an agent: what it typed and what came of it. A tool call's command is what was typed."""
    calls = step.get("tool_calls") or []
    commands = [_call(call) for call in calls]
    if commands and text:
        thoughts[at] = "\n\n".join(filter(None, [thoughts.get(at, ""), text]))
    results = (step.get("observation") or {}).get("results") or []
    answers = [
        Turn(role="env", content=_text(result.get("content")), status=_status(result.get("extra")))
        for result in results
    ]
    return [Turn(role="action", content="\n".join(commands) or text), *answers]


def _status(extra: object) -> int | None:
    status = extra.get("status") if isinstance(extra, Mapping) else None
    return status if isinstance(status, int) else None


def _call(call: Mapping[str, Any]) -> str:
    arguments = call.get("arguments")
    if isinstance(arguments, Mapping):
        typed = next((arguments[name] for name in ("command", "keystrokes", "cmd") if name in arguments), None)
        if typed is not None:
            return str(typed)
    return f"{call.get('function_name', '')} {json.dumps(arguments, ensure_ascii=False)}"


def _text(value: object) -> str:
    """A message's text; of several parts, those that are text."""
    if isinstance(value, list):
        return "\n".join(_text(part.get("text", f"[{part.get('type')}]")) for part in value if isinstance(part, dict))
    return "" if value is None else str(value)


def _alternating(turns: Sequence[Turn]) -> list[Turn]:
    """Turns as ours are: the environment's and the operator's in turn, the environment's first."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            last = joined.pop()
            turn = last.model_copy(update={"content": f"{last.content}\n{turn.content}", "status": turn.status})
        elif not joined and turn.role == "action":
            joined.append(Turn(role="env", content="", orientation=turn.orientation or ""))
        joined.append(turn)
    return joined


def _messages(row: Mapping[str, Any]) -> list[dict[str, str]]:
    try:
        if "messages" in row:
            return [{"role": str(each["role"]), "content": _text(each["content"])} for each in row["messages"]]
        names = {"human": "user", "gpt": "assistant"}
        head = [{"role": "system", "content": str(row["system"])}] if row.get("system") else []
        return head + [
            {"role": names.get(each["from"], str(each["from"])), "content": str(each["value"])}
            for each in row["conversations"]
        ]
    except (KeyError, TypeError) as error:
        raise BundleError(f"a row: {error!r}; want `messages` of role and content, or `conversations`") from error


def _metadata(row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        body = json.loads(row.get("metadata") or "{}")
    except (TypeError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def _told(
    place: str, turns: list[Turn], told: Mapping[str, Any], scenario: Scenario | None, label: object, **more: Any
) -> Reading:
    """A reading of what a row's metadata tell. keep: an exported row is kept, unless it is labelled."""
    ours = "outcome" in told
    try:
        return Reading(
            place,
            str(told.get("trajectory_id") or place),
            str(told.get("scenario_id") or ""),
            OperatorInfo.model_validate(told.get("operator") or {"kind": "unknown"}),
            turns,
            sample=int(told.get("sample") or 0),
            outcome=str(told.get("outcome") or ""),
            keep=bool(label) if label is not None else True if ours else None,
            expected=str(told.get("expected") or ""),
            split=str(told.get("split") or ""),
            family=str(told.get("family") or ""),
            cell=dict(told.get("cell") or {}),
            ending=Ending.model_validate(told["ending"]) if told.get("ending") else None,
            mechanism=Mechanism.model_validate(told.get("mechanism") or {}),
            fault=Fault.model_validate(told["fault"]) if told.get("fault") else None,
            mistakes=[int(at) for at in told.get("mistakes") or ()],
            scenario=scenario,
            **more,
        )
    except (ValueError, TypeError) as error:
        raise BundleError(f"{place}: its metadata cannot be read: {error}") from error
