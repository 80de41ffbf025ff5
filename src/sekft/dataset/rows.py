"""The forms of an export: what a row is made of, one function a shape, and which projection takes which.

A projection is one form in which trainers and tools read a data set; forms.toml lists ours. Every row's
`metadata` is one JSON text, so that a table needs no column more when the metadata do.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

import sekft
from sekft import taxonomy
from sekft.dataset.pair import Pair
from sekft.errors import UsageError
from sekft.evaluation.metrics import mistakes
from sekft.protocols import Family
from sekft.scenario import Scenario
from sekft.trajectory import StoredRollout, Turn

Format = Literal["parquet", "jsonl", "sessions", "tasks"]
TABLES = ("parquet", "jsonl")
ATIF = "ATIF-v1.8"
SHAREGPT = {"user": "human", "assistant": "gpt"}
ChatMessage = dict[str, str]
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ExportForm:
    """One form; forms.toml explains the fields.

    rows:    the rows of one rollout, of one pair where `of` is pairs, of one scenario where it is scenarios.
    columns: names and types of a row's fields.
    scalars: whether each row gets the columns of `scalar_columns`, which viewers and queries filter by.
    """

    name: str
    says: str
    of: Literal["kept", "labelled", "pairs", "scenarios"]
    rows: Callable[[Any], Iterator[Row]]
    format: Format
    columns: Mapping[str, Any]
    length: Sequence[Sequence[str]]
    use: str
    factory: Mapping[str, Any] = field(default_factory=dict)
    scalars: bool = False

    @property
    def is_table(self) -> bool:
        """Whether rows share files, which may be of either format; the others have a file or a folder each."""
        return self.format in TABLES

    @property
    def all_columns(self) -> Mapping[str, Any]:
        """The columns of the files: those of `rows`, and the scalar ones."""
        return {**self.columns, **(scalar_columns(self) if self.scalars else {})}


PLUGINS: Family[ExportForm] = Family("form", "sekft.exporters", {})
"""Forms that other packages declare, each an entry point that names a ExportForm."""


def export_forms() -> dict[str, ExportForm]:
    """Every form by name: sekft's own, then those of other packages. Raises UsageError for a plugin's fault."""
    table = tomllib.loads(files("sekft.dataset").joinpath("forms.toml").read_text("utf-8"))
    own = {
        name: ExportForm(name=name, rows=_SHAPES[body.pop("row")], scalars=body.pop("scalars", True), **body)
        for name, body in table.items()
    }
    plugins = {name: PLUGINS.load(name) for name in PLUGINS.names()}
    if taken := own.keys() & plugins.keys():
        raise UsageError(f"form {min(taken)!r} is built in, and a plugin may not replace it")
    return own | plugins


def named(names: Sequence[str]) -> list[ExportForm]:
    """Those of that name, each once, in the order of the table. Raises UsageError for an unknown one."""
    known = export_forms()
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"--to {unknown[0]}: no such form; want one of {', '.join(known)}")
    return [projection for name, projection in known.items() if name in names]


def whole(rollout: StoredRollout) -> Iterator[Row]:
    yield {"messages": rollout.trajectory.messages(), "metadata": metadata(rollout)}


def steps(rollout: StoredRollout) -> Iterator[Row]:
    """A row for each action that is to be learnt: one that went wrong is context of the next alone."""
    messages, wrong = rollout.trajectory.messages(), mistakes(rollout)
    for at, message in enumerate(messages):
        if message["role"] == "assistant" and at - 1 not in wrong:
            yield {"prompt": messages[:at], "completion": [message], "metadata": metadata(rollout, turn=at - 1)}


def sharegpt(rollout: StoredRollout) -> Iterator[Row]:
    system, *others = rollout.trajectory.messages()
    conversations = [{"from": SHAREGPT[message["role"]], "value": message["content"]} for message in others]
    yield {"conversations": conversations, "system": system["content"], "metadata": metadata(rollout)}


def judged(rollout: StoredRollout) -> Iterator[Row]:
    trajectory = rollout.trajectory
    yield {"messages": trajectory.messages(), "label": trajectory.keep, "metadata": metadata(rollout)}


def atif(rollout: StoredRollout) -> Iterator[Row]:
    """A document: the orientation, the login, then a step for each action with what the terminal answered."""
    trajectory = rollout.trajectory
    login, *turns = trajectory.turns
    shown = [_step("system", login.orientation or ""), _step("user", login.content)]
    answers = [*turns[1::2], None]
    typed = [_step("agent", turn.content, answer) for turn, answer in zip(turns[::2], answers, strict=False)]
    numbered = [{"step_id": number, **step} for number, step in enumerate([*shown, *typed], 1)]
    yield {
        "schema_version": ATIF,
        "session_id": trajectory.scenario_id,
        "trajectory_id": trajectory.id,
        "agent": {
            "name": trajectory.operator.kind,
            "version": sekft.__version__,
            "model_name": trajectory.operator.model,
        },
        "steps": numbered,
        "final_metrics": {
            "total_prompt_tokens": trajectory.usage.prompt_tokens,
            "total_completion_tokens": trajectory.usage.completion_tokens,
            "total_cost_usd": trajectory.usage.cost_usd,
            "total_steps": len(numbered),
        },
        "extra": {"metadata": metadata(rollout)},
    }


def _step(source: str, message: str, answer: Turn | None = None) -> dict[str, object]:
    result = answer and {
        "content": answer.content,
        "extra": {"status": answer.status, "truncated": answer.truncated, "timed_out": answer.timed_out},
    }
    return {"source": source, "message": message, "observation": result and {"results": [result]}}


def trace(rollout: StoredRollout) -> Iterator[Row]:
    """The lines of one session's file: its header, then its messages."""
    trajectory, scenario = rollout.trajectory, rollout.scenario
    name = f"{scenario.cell.get('task', scenario.family)}, {trajectory.outcome}"
    yield {"type": "session", "harness": "sekft", "id": trajectory.id, "name": name, "metadata": metadata(rollout)}
    for message in trajectory.messages():
        yield {"type": "message", "message": message}


def preferred(pair: Pair) -> Iterator[Row]:
    yield {**_sides(pair), "metadata": pair_metadata(pair)}


def preference(pair: Pair) -> Iterator[Row]:
    sides = _sides(pair)
    single = {side: sides[side][0] for side in ("chosen", "rejected")}
    yield {"messages": sides["prompt"], **single, "metadata": pair_metadata(pair)}


def swift_pair(pair: Pair) -> Iterator[Row]:
    sides = _sides(pair)
    wrong = sides["rejected"][0]["content"]
    yield {"messages": sides["prompt"] + sides["chosen"], "rejected_response": wrong, "metadata": pair_metadata(pair)}


def single_sides(pair: Pair) -> Iterator[Row]:
    sides = _sides(pair)
    for side, label in (("chosen", True), ("rejected", False)):
        completion = {"prompt": sides["prompt"], "completion": sides[side]}
        yield {**completion, "label": label, "metadata": pair_metadata(pair)}


def chat_sides(pair: Pair) -> Iterator[Row]:
    for row in single_sides(pair):
        joined = messages_of(row, ["prompt", "completion"])
        yield {"messages": joined, "label": row["label"], "metadata": row["metadata"]}


def bundled(scenario: Scenario) -> Iterator[Row]:
    """The scenario itself, from which it can be played and verified again."""
    body = scenario.model_dump(mode="json", include={"family", "twin_of", "reskin_of"})
    bundle = as_json(scenario.model_dump(mode="json"))
    yield {"bundle": bundle, **body, "author": scenario.provenance.model or scenario.provenance.author}


def tasks(scenario: Scenario) -> Iterator[Row]:
    """A task folder of Harbor, by paths."""
    from sekft.dataset import harbor

    yield from harbor.tasks(scenario)


def scalar_columns(form: ExportForm) -> dict[str, str]:
    """Names and types of what is told of each row beside its text; the axes come last, `ending` among them."""
    of_rollouts = {"outcome": "string", "kept": "bool", "operator": "string"}
    more = {"pairs": {"outcome": "string"}, "scenarios": {}}.get(form.of, of_rollouts)
    tokens = {"n_tokens": "int64"} if form.length else {}
    return {"scenario_id": "string", **more, **tokens, **dict.fromkeys(taxonomy.load().axes, "string")}


def scalars(item: StoredRollout | Pair | Scenario, n_tokens: int | None) -> dict[str, object]:
    """The values of these columns, and of some that the form leaves out. An axis that the cell has not is null."""
    if isinstance(item, StoredRollout):
        trajectory, cell, name = item.trajectory, item.scenario.cell, item.scenario.id
        told = {"outcome": trajectory.outcome, "kept": trajectory.keep, "operator": trajectory.operator.kind}
    elif isinstance(item, Pair):
        cell, name, told = item.cell, item.scenario_id, {"outcome": item.outcome}
    else:
        cell, name, told = item.cell, item.id, {}
    return {axis: cell.get(axis) for axis in taxonomy.load().axes} | told | {"scenario_id": name, "n_tokens": n_tokens}


_SHAPES: Mapping[str, Callable[[Any], Iterator[Row]]] = {
    shape.__name__: shape
    for shape in (
        whole, steps, sharegpt, judged, atif, trace, preferred, preference, swift_pair, single_sides, chat_sides,
        bundled, tasks,
    )
}  # fmt: skip


def _sides(pair: Pair) -> dict[str, list[ChatMessage]]:
    sides: dict[str, list[ChatMessage]] = pair.model_dump(mode="json", include={"prompt", "chosen", "rejected"})
    return sides


def pair_metadata(pair: Pair) -> str:
    """All of the pair but its messages."""
    return as_json(pair.model_dump(mode="json", exclude={"prompt", "chosen", "rejected"}))


def metadata(rollout: StoredRollout, **more: object) -> str:
    """What the row is of, as JSON with sorted keys. Turns are counted as in the trajectory: turn N is message N + 1."""
    trajectory, scenario = rollout.trajectory, rollout.scenario
    recorded = {"scenario_id", "sample", "operator", "outcome", "ending", "mechanism", "fault"}
    body = trajectory.model_dump(mode="json", include=recorded)
    body |= scenario.model_dump(mode="json", include={"split", "family", "twin_of", "reskin_of", "cell"})
    body |= {"trajectory_id": trajectory.id, "expected": scenario.expected.kind, "mistakes": mistakes(rollout)}
    return as_json(body | more)


def as_json(body: object) -> str:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def messages_of(row: Row, columns: Sequence[str]) -> list[ChatMessage]:
    """The messages that these columns hold, each as role and content, whatever the trainer calls the two."""
    messages: list[ChatMessage] = []
    for name in columns:
        value = row[name]
        for message in value if isinstance(value, list) else [value]:
            role, text = message.values() if isinstance(message, Mapping) else (name, str(message))
            messages.append({"role": role, "content": text})
    return messages
