"""What a session changed, path by path: the fixture before, and what a replay in a fresh sandbox leaves after.

A trajectory records which paths changed and a digest of the end, not what the files hold: the actions are typed again.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff

from sekft.protocols import Sandbox
from sekft.rollouts.record import replay
from sekft.scenario import File, Scenario
from sekft.trajectory import Effect, Trajectory

ALL_BYTES = 18_000
"""Of all files after a session that are shown: what a checker may print, in base64."""
PATHS_AT_MOST = 40
DIFF_LINES = 400
_MARK = "sekft-effect"


@dataclass(frozen=True)
class Change:
    """One path. before, after: texts; None where there was or is no such file, or it is no text that can be shown.

    lines: of a unified diff, without its two first ones. note: why there is none.
    """

    path: str
    change: str
    before: str | None
    after: str | None
    lines: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class TreeNode:
    """A folder of the tree of changed paths. changes: of files in it, by name."""

    name: str
    folders: Sequence[TreeNode]
    changes: Sequence[tuple[str, Effect]]


def tree(effects: Sequence[Effect]) -> TreeNode:
    """The changed paths as folders, those that hold one folder alone joined with it."""
    return _node("", [(effect.path.strip("/").split("/"), effect) for effect in effects])


def _node(name: str, below: Sequence[tuple[list[str], Effect]]) -> TreeNode:
    files = [(parts[0], effect) for parts, effect in below if len(parts) == 1]
    heads = dict.fromkeys(parts[0] for parts, _ in below if len(parts) > 1)
    folders = [
        _node(head, [(parts[1:], effect) for parts, effect in below if parts[0] == head and len(parts) > 1])
        for head in heads
    ]
    if len(folders) == 1 and not files and name:
        only = folders[0]
        return TreeNode(f"{name}/{only.name}", only.folders, only.changes)
    return TreeNode(name, folders, files)


async def changes(scenario: Scenario, trajectory: Trajectory, sandbox: Sandbox) -> tuple[list[Change], str | None]:
    """Each changed path with its texts, and how the replay differs from the record, if it does.

    Raises InfraError when the sandbox breaks.
    """
    shown = [effect for effect in trajectory.effects if effect.change != "removed"][:PATHS_AT_MOST]
    each = ALL_BYTES // max(1, len(shown))
    printing = scenario.model_copy(update={"checker": _script([effect.path for effect in shown], each)})
    replayed = await replay(printing, trajectory, sandbox)
    after = _read(replayed.trajectory.check.output, [effect.path for effect in shown])
    fixtures = {file.path: file for file in scenario.files}
    found = [_change(effect, fixtures.get(effect.path), after, each) for effect in trajectory.effects]
    return found, replayed.difference


def _script(paths: Sequence[str], each: int) -> str:
    """Prints the beginning of each file; the state is only looked at."""
    lines = []
    for number, path in enumerate(paths):
        name = shlex.quote(path)
        lines.append(
            f"if [ -L {name} ]; then echo {_MARK} {number} link; readlink {name} | base64; "
            f"elif [ -f {name} ]; then echo {_MARK} {number} file; head -c {each} {name} | base64; "
            f"else echo {_MARK} {number} other; fi"
        )
    return "\n".join([*lines, "exit 0"])


def _read(output: str, paths: Sequence[str]) -> dict[str, tuple[str, bytes]]:
    found: dict[str, tuple[str, bytes]] = {}
    for part in output.split(f"{_MARK} ")[1:]:
        head, _, body = part.partition("\n")
        number, _, kind = head.partition(" ")
        try:
            found[paths[int(number)]] = kind, base64.b64decode("".join(body.split()))
        except (ValueError, IndexError, binascii.Error):
            continue
    return found


def _change(effect: Effect, fixture: File | None, after: Mapping[str, tuple[str, bytes]], each: int) -> Change:
    before = None if fixture is None else _text(fixture.data) if fixture.kind == "file" else fixture.target
    kind, data = after.get(effect.path, ("", b""))
    now = _text(data) if kind in ("file", "link") else None
    if effect.change == "changed" and fixture is None:
        return Change(effect.path, effect.change, None, now, note="not among the scenario's files: no text before")
    if kind == "other":
        return Change(effect.path, effect.change, before, None, note="a folder")
    if (before is None and effect.change != "added") or (now is None and effect.change != "removed"):
        return Change(effect.path, effect.change, before, now, note="no text that can be shown")
    note = f"the first {each:,} bytes" if len(data) >= each else ""
    if before == now:
        note = "the same text: its mode or type changed"
    return Change(effect.path, effect.change, before, now, _diff(before or "", now or ""), note)


def _text(data: bytes) -> str | None:
    return None if b"\0" in data else data.decode(errors="replace")


def _diff(before: str, after: str) -> list[str]:
    lines = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3)
    return list(lines)[2 : DIFF_LINES + 2]
