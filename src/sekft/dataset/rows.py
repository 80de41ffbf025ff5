"""What a row is made of: one function a shape; which projection takes which is told in projections.toml.

Every row's `metadata` is one JSON text, so that a table needs no column more when the metadata do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import sekft
from sekft.dataset.pair import Pair
from sekft.evaluation.metrics import mistakes
from sekft.trajectory import StoredRollout, Turn

ATIF = "ATIF-v1.8"
SHAREGPT = {"user": "human", "assistant": "gpt"}
Message = dict[str, str]
Row = Mapping[str, object]


def whole(one: StoredRollout) -> Iterator[Row]:
    yield {"messages": one.trajectory.messages(), "metadata": metadata(one)}


def steps(one: StoredRollout) -> Iterator[Row]:
    """A row for each action that is to be learnt: one that went wrong is context of the next alone."""
    messages, wrong = one.trajectory.messages(), mistakes(one)
    for at, message in enumerate(messages):
        if message["role"] == "assistant" and at - 1 not in wrong:
            yield {"prompt": messages[:at], "completion": [message], "metadata": metadata(one, turn=at - 1)}


def sharegpt(one: StoredRollout) -> Iterator[Row]:
    system, *others = one.trajectory.messages()
    conversations = [{"from": SHAREGPT[each["role"]], "value": each["content"]} for each in others]
    yield {"conversations": conversations, "system": system["content"], "metadata": metadata(one)}


def judged(one: StoredRollout) -> Iterator[Row]:
    yield {"messages": one.trajectory.messages(), "label": one.trajectory.keep, "metadata": metadata(one)}


def atif(one: StoredRollout) -> Iterator[Row]:
    """A document: the orientation, the login, then a step for each action with what the terminal answered."""
    made = one.trajectory
    login, *turns = made.turns
    told = [_step("system", login.orientation or ""), _step("user", login.content)]
    typed = [
        _step("agent", turn.content, answer) for turn, answer in zip(turns[::2], [*turns[1::2], None], strict=False)
    ]
    numbered = [{"step_id": number, **step} for number, step in enumerate([*told, *typed], 1)]
    yield {
        "schema_version": ATIF,
        "session_id": made.scenario_id,
        "trajectory_id": made.id,
        "agent": {"name": made.operator.kind, "version": sekft.__version__, "model_name": made.operator.model},
        "steps": numbered,
        "final_metrics": {
            "total_prompt_tokens": made.usage.prompt_tokens,
            "total_completion_tokens": made.usage.completion_tokens,
            "total_cost_usd": made.usage.cost_usd,
            "total_steps": len(numbered),
        },
        "extra": {"metadata": metadata(one)},
    }


def _step(source: str, message: str, answer: Turn | None = None) -> dict[str, object]:
    told = answer and {
        "content": answer.content,
        "extra": {"status": answer.status, "truncated": answer.truncated, "timed_out": answer.timed_out},
    }
    return {"source": source, "message": message, "observation": told and {"results": [told]}}


def trace(one: StoredRollout) -> Iterator[Row]:
    """The lines of one session's file: its header, then its messages."""
    made = one.trajectory
    name = f"{one.scenario.cell.get('task', one.scenario.family)}, {made.outcome}"
    yield {"type": "session", "harness": "sekft", "id": made.id, "name": name, "metadata": metadata(one)}
    for message in made.messages():
        yield {"type": "message", "message": message}


def pair(one: Pair) -> Iterator[Row]:
    yield {**_sides(one), "metadata": preferred(one)}


def preference(one: Pair) -> Iterator[Row]:
    told = _sides(one)
    single = {side: told[side][0] for side in ("chosen", "rejected")}
    yield {"messages": told["prompt"], **single, "metadata": preferred(one)}


def swift_pair(one: Pair) -> Iterator[Row]:
    told = _sides(one)
    wrong = told["rejected"][0]["content"]
    yield {"messages": told["prompt"] + told["chosen"], "rejected_response": wrong, "metadata": preferred(one)}


def sides(one: Pair) -> Iterator[Row]:
    told = _sides(one)
    for side, label in (("chosen", True), ("rejected", False)):
        yield {"prompt": told["prompt"], "completion": told[side], "label": label, "metadata": preferred(one)}


def chat_sides(one: Pair) -> Iterator[Row]:
    for row in sides(one):
        joined = messages_of(row, ["prompt", "completion"])
        yield {"messages": joined, "label": row["label"], "metadata": row["metadata"]}


def _sides(one: Pair) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = one.model_dump(mode="json", include={"prompt", "chosen", "rejected"})
    return found


def preferred(one: Pair) -> str:
    """What the pair is of: all of it but its messages."""
    return as_json(one.model_dump(mode="json", exclude={"prompt", "chosen", "rejected"}))


def metadata(one: StoredRollout, **more: object) -> str:
    """What the row is of, as JSON with sorted keys. Turns are counted as in the trajectory: turn N is message N + 1."""
    made, scenario = one.trajectory, one.scenario
    told = made.model_dump(
        mode="json", include={"scenario_id", "sample", "operator", "outcome", "ending", "mechanism", "fault"}
    )
    told |= scenario.model_dump(mode="json", include={"split", "family", "twin_of", "reskin_of", "cell"})
    own = {"trajectory_id": made.id, "expected": scenario.expected.kind, "mistakes": mistakes(one)}
    return as_json({**own, **told, **more})


def as_json(told: object) -> str:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def messages_of(row: Row, columns: Sequence[str]) -> list[Message]:
    """The messages that these columns hold, each as role and content, whatever the trainer calls the two."""
    found: list[Message] = []
    for name in columns:
        value = row[name]
        for each in value if isinstance(value, list) else [value]:
            role, text = each.values() if isinstance(each, Mapping) else (name, str(each))
            found.append({"role": role, "content": text})
    return found
