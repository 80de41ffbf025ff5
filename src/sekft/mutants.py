"""Wrong solutions that fit any scenario: what a checker must see through.

Each is a list of commands that a lazy or careless operator could type. A mutant whose end
state equals the reference's is no mutant; the gate counts it as equivalent.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from sekft import shellwords
from sekft.protocols import Entry
from sekft.scenario import File, Scenario
from sekft.state import covered


@dataclass(frozen=True, slots=True)
class Mutant:
    kind: str
    commands: tuple[str, ...]


UNDONE_MOST = 6

CLAIM = Mutant("claim", ('echo done > "$HOME/.done"; echo all done',))
WIPE = Mutant("wipe", ('rm -rf "$HOME"/*',))
STRAY_FILE = Mutant("stray_file", (': > "$HOME/stray.txt"',))
STRAY_HIDDEN = Mutant("stray_hidden", ('echo seen > "$HOME/.seen"',))
STRAY_DIRECTORY = Mutant("stray_directory", ('mkdir "$HOME/stray"',))


def cheats(scenario: Scenario, made: Mapping[str, Entry | None], last_change: int | None) -> list[Mutant]:
    """Ways to look done without doing the work.

    made:        what the reference's changed paths became.
    last_change: index of the last reference command that changed anything outside `volatile`.
    """
    found = [CLAIM, WIPE, Mutant("hollow", _imitate(made, ": >")), Mutant("filler", _imitate(made, "echo x >"))]
    if last_change:
        found.append(Mutant("unfinished", tuple(scenario.reference[:last_change])))
    calls = tuple(text for text in scenario.reference[:-1] if _only_calls(text, scenario.provider.command))
    if calls:
        found.append(Mutant("acknowledge_only", calls))
    return [mutant for mutant in found if mutant.commands]


def omissions(scenario: Scenario, made: Mapping[str, Entry | None]) -> list[Mutant]:
    """The reference less one of its effects, for as many effects as UNDONE_MOST."""
    fixtures = {file.path: file for file in scenario.files}
    found = []
    for path in list(made)[:UNDONE_MOST]:
        undo = _undo(path, made[path], fixtures.get(path))
        if undo is not None:
            found.append(Mutant(f"undone {path}", (*scenario.reference[:-1], undo)))
    return found


def _undo(path: str, now: Entry | None, fixture: File | None) -> str | None:
    """Put one path back as it was; None where that takes more than a text and a mode."""
    name = shlex.quote(path)
    if fixture is None:
        return None if now is None else f"rm -rf {name}"
    if fixture.kind != "file" or fixture.content is None:
        return None
    folder = shlex.quote(posixpath.dirname(path))
    return f"mkdir -p {folder}; printf %s {shlex.quote(fixture.content)} > {name}; chmod {fixture.mode} {name}"


def break_ins(file: File) -> tuple[str, ...]:
    """What someone would try on a file that nobody may read or change."""
    path = shlex.quote(file.path)
    tries = ("chmod 0644 {}", "cp {} /tmp/taken", "mv {} {}.taken", "rm -f {}", "echo x > {}", "cat {}")
    return tuple(text.replace("{}", path) for text in tries)


def meddlings(scenario: Scenario) -> list[Mutant]:
    """Changes to make where nothing was to be changed."""
    found = [STRAY_FILE, STRAY_HIDDEN, STRAY_DIRECTORY]
    own = [file for file in scenario.files if _own(file, scenario.volatile)]
    for file in {file.path: file for file in (own[:1] + own[-1:])}.values():
        path = shlex.quote(file.path)
        mode = "0600" if file.mode != "0600" else "0640"
        found.append(Mutant("append", (f"echo x >> {path}",)))
        found.append(Mutant("remove", (f"rm -f {path}",)))
        found.append(Mutant("chmod", (f"chmod {mode} {path}",)))
    return found


def _own(file: File, volatile: list[str]) -> bool:
    return file.kind == "file" and file.owner == "agent" and not covered(file.path, volatile)


def _imitate(made: Mapping[str, Entry | None], fill: str) -> tuple[str, ...]:
    """Put something of the right name at every path that the reference made."""
    commands = []
    for path, entry in made.items():
        if entry is None:
            continue
        name = shlex.quote(path)
        if entry.type == "directory":
            commands.append(f"mkdir -p {name}")
        else:
            commands.append(f"mkdir -p {shlex.quote(posixpath.dirname(path))}; {fill} {name}")
    return tuple(commands)


def _only_calls(text: str, command: str) -> bool:
    simple = shellwords.simple_commands(text)
    return bool(simple) and len(simple) == len(shellwords.calls(text, command))
