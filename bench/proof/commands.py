"""What a small base lacks: requests in plain words with the command that does each, from NL2Bash.

git clone https://github.com/TellinaTool/nl2bash FOLDER/nl2bash    # MIT; we used commit 466c5fe
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sekft.errors import UsageError

LONGEST_REQUEST, LONGEST_COMMAND = 300, 160
MOST_OF_A_PROGRAM = 1_000
"""Rows whose command begins with the same program: six tenths of NL2Bash are `find`."""


def pairs(clone: Path) -> Iterator[tuple[str, str]]:
    """Requests and commands, in a shuffled order, each command once. Raises UsageError where there are none."""
    try:
        each = [(clone / "data/bash" / name).read_text("utf-8").split("\n") for name in ("all.nl", "all.cm")]
    except OSError as error:
        wanted = "a clone of github.com/TellinaTool/nl2bash"
        raise UsageError(f"{error.filename}: {error.strerror}; want {wanted}") from None
    short = [
        (request, command)
        for request, command in dict.fromkeys(zip(*each, strict=True))
        if len(request) <= LONGEST_REQUEST and 0 < len(command) <= LONGEST_COMMAND and "\t" not in command
    ]  # a tab would complete a word
    random.Random(0).shuffle(short)
    known, programs = set[str](), Counter[str]()
    for request, command in short:
        program = command.split()[0]
        if command not in known and programs[program] < MOST_OF_A_PROGRAM:
            known.add(command)
            programs[program] += 1
            yield request, command


def write(clone: Path, out: Path) -> Path:
    """Rows for `sekft train` in that folder: the request as a terminal shows it, and the command as the one action."""
    rows = []
    for request, command in pairs(clone):
        said = {"role": "user", "content": f"{request}\n$ "}, {"role": "assistant", "content": command}
        rows.append(json.dumps({"messages": said}) + "\n")
    out.mkdir(parents=True, exist_ok=True)
    (out / "train.jsonl").write_text("".join(rows), encoding="utf-8")
    return out
