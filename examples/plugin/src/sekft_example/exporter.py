"""A form of the export: a session as one text."""

from __future__ import annotations

from collections.abc import Iterator

from sekft.dataset.rows import ExportForm, Row
from sekft.trajectory import StoredRollout


def transcript(rollout: StoredRollout) -> Iterator[Row]:
    turns = rollout.trajectory.turns
    text = "".join(turn.content + ("\n" if turn.role == "action" else "") for turn in turns)
    yield {"id": rollout.trajectory.id, "text": text}


TRANSCRIPT = ExportForm(
    name="transcript",
    says="kept sessions as plain text",
    of="kept",
    rows=transcript,
    format="jsonl",
    columns={"id": "string", "text": "string"},
    length=[],
    use="language modelling on whole terminals",
)
