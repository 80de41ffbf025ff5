"""What an attack is, as data."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sekft.sandboxes.runner.build import FLAGS, compilers
from sekft.scenario import File


@dataclass(frozen=True)
class Attack:
    """Commands typed one after the other, and what the last of them must come to.

    shows, hides: what its whole output matches, and what it never holds (regular expressions).
    status:       its `$?`; None leaves it open.
    ends:         "" | how the session ends with it (exit, panic, none).
    kept:         whether the shell's state survives it; None leaves it open.
    changes_host: would change the machine if it were not confined: the test looks at the namespaces first.
    """

    name: str
    commands: tuple[str, ...]
    shows: str | None = None
    hides: str | None = None
    status: int | None = None
    ends: str = ""
    kept: bool | None = None
    timeout_s: float | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    changes_host: bool = False


def call(name: str, *arguments: object, wanted: str = "EPERM", changes_host: bool = False) -> Attack:
    """One system call that is refused with that error."""
    words = " ".join(map(str, arguments))
    title = f"call {name} {words}".strip()
    return Attack(title, (f"./probe call {name} {words}",), f"{wanted}\n", status=1, changes_host=changes_host)


def compiled(folder: Path) -> File:
    """probe.c as a file in the agent's home; it is compiled in `folder`."""
    program = folder / "probe"
    source = str(Path(__file__).parent / "probe.c")
    subprocess.run([*compilers()[0], *FLAGS, "-o", str(program), source], check=True)
    content = base64.b64encode(program.read_bytes()).decode()
    return File(path="/home/ada/probe", content_b64=content, mode="0755")
