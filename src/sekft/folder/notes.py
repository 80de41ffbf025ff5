"""What readers noted of rollouts: `notes.jsonl` in the run folder, a line a note, the last one of a rollout counts."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from pydantic import ValidationError

from sekft.errors import BundleError
from sekft.folder import explained
from sekft.folder.places import is_remote, put
from sekft.scenario import SCHEMA_VERSION, Frozen, explain

NOTES = "notes.jsonl"
NoteVerdict = Literal["keep", "drop", "unsure"]
VERDICTS: tuple[NoteVerdict, ...] = get_args(NoteVerdict)
COMMENT_LIMIT = 4000


class Note(Frozen):
    """A reader's verdict on one rollout.

    trajectory: its id, so that a rollout that is done again starts without a note. file: where it lay, for people.
    verdict:    None takes an earlier one back; a comment may stand alone. time: ISO 8601, UTC.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    trajectory: str
    file: str = ""
    verdict: NoteVerdict | None = None
    comment: str = ""
    time: str = ""


def read_notes(root: Path) -> dict[str, Note]:
    """trajectory id → its last note; empty where there is no file.

    A last line without its end is a write under way, and is left out. Raises BundleError naming the line.
    """
    path = root / NOTES
    try:
        lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
    notes: dict[str, Note] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                note = Note.model_validate_json(line)
            except ValidationError as error:
                raise BundleError(f"{path}:{number}: {explain(error)}") from error
            notes[note.trajectory] = note
    return notes


def add_note(root: Path, note: Note) -> Note:
    """Append a note with the time; returns what was written. Raises StoreError where the folder cannot be written."""
    dated = note.model_copy(
        update={"time": datetime.now(UTC).isoformat(timespec="seconds"), "comment": note.comment[:COMMENT_LIMIT]}
    )
    line = json.dumps(dated.model_dump(mode="json"), ensure_ascii=False).encode() + b"\n"
    path = root / NOTES
    if is_remote(path):  # one reader at a time: nothing is appended there
        put(path, (path.read_bytes() if path.is_file() else b"") + line)
        return dated
    with explained(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        with os.fdopen(handle, "r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)  # a killed writer's half line was never confirmed
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    return dated


def disputed(note: Note | None, kept: bool) -> bool:
    """Whether a reader decided otherwise than the record: `drop` of what is kept, `keep` of what is not."""
    return note is not None and note.verdict in ("keep", "drop") and (note.verdict == "keep") != kept
