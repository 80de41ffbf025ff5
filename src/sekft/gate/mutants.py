"""Wrong solutions that fit any scenario: what a checker must see through.

Each is a list of commands that a lazy or careless operator could type: the reference with something left out, with one
result wrong or in the wrong place, with something left lying about, or nothing but the look of work. A mutant whose end
state equals the reference's is no mutant; the gate counts it as equivalent.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from sekft.scenario import File, Scenario
from sekft.seeds import stream
from sekft.shell import syntax
from sekft.trajectory import PathState, covered

Changes = Mapping[str, PathState | None]
"""What the reference's changed paths became; None where they are gone."""

UNDONE_MOST = 3
DROPPED_MOST = 3
FILLED_MOST = 4
SPOILED_MOST = 1
MEDDLED_MOST = 3
FOREIGN_MOST = 1
_OWN_ROOTS = ("/home/", "/opt/", "/srv/")

# Changes to a file that holds plain text ({} is its path); another's bytes stay as they are, which is no mutant then.
# In order: a last digit off by one, else a last letter changed; the last line lost,
# since the first one may be a header that nobody asked for; all lines twice.
_NEIGHBOURS = " ".join(f"-e '$s/{digit}$/{int(digit) ^ 1}/;t'" for digit in "0123456789")
_TEXT = "if [ -f {0} ] && [ -z \"$(tr -d '\\11\\12\\40-\\176' < {0} | head -c 1)\" ]; then {1}; fi"
_SPOILED = {
    "off_by_one": f"sed -i {_NEIGHBOURS} -e '$s/.$/~/' {{0}}",
    "line_lost": "sed -i '$d' {0}",
    "twice_over": "cat {0} {0} > /tmp/.twice; cat /tmp/.twice > {0}",
}
# The right content, but not there or not itself.
_MISPLACED = {
    "elsewhere": "mv {0} {0}.new",
    "one_folder_up": "mv {0} {1}/",
    "linked": "mv {0} /tmp/.kept; ln -s /tmp/.kept {0}",
    "copy_left": "cp {0} {0}.copy",
}
# What nobody asked for, done to a file that is not one's business.
_MEDDLED = {
    "append": "echo x >> {0}",
    "remove": "rm -f {0}",
    "chmod": "chmod {1} {0}",
    "rename": "mv {0} {0}.old",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    kind: str
    commands: tuple[str, ...]


LEFTOVERS = (
    Mutant("stray_file", (': > "$HOME/stray.txt"',)),
    Mutant("stray_hidden", ('echo seen > "$HOME/.seen"',)),
    Mutant("stray_directory", ('mkdir "$HOME/stray"',)),
    Mutant("stray_elsewhere", ("echo done > /srv/done.txt",)),
)


def mutants(scenario: Scenario, changed: Changes, changing: Sequence[int], most: int) -> list[Mutant]:
    """Generic wrong solutions of this scenario, each list of commands once; some of every sort, drawn by its seed.

    Where several results are asked for, each filled with a word comes first: which one a checker does not read, no
    other sort is sure to show.

    changing: indexes of the reference's commands that changed anything outside `volatile`, in order.
    most:     each costs a run; over a set of scenarios every kind comes up.
    """
    work = scenario.expected.kind == "work"
    sorts = _of_work(scenario, changed, changing) if work else [_of_nothing(scenario)]
    rng = stream(scenario.seed, "mutants")
    for sort in sorts:
        rng.shuffle(sort)
    drawn = (mutant for row in zip_longest(*sorts) for mutant in row if mutant is not None)
    once: dict[tuple[str, ...], Mutant] = {}
    for mutant in chain(_filled(scenario, changed) if work else (), drawn):
        once.setdefault(mutant.commands, mutant)
    return [mutant for commands, mutant in once.items() if commands][:most]


def _of_work(scenario: Scenario, changes: Changes, changing: Sequence[int]) -> list[list[Mutant]]:
    changed = {path: entry for path, entry in changes.items() if not covered(path, scenario.hidden)}
    done = tuple(scenario.reference[:-1])
    foreign = _meddled(_foreign(scenario, changed), ("append", "remove"))
    after = [_undone(scenario, changed), _spoiled(scenario, changed), [*LEFTOVERS[::3], *foreign]]
    return [
        list(_omissions(scenario, changing)),
        *([Mutant(mutant.kind, (*done, *mutant.commands)) for mutant in sort] for sort in after),
        list(_cheats(scenario, changed)),
    ]


def _of_nothing(scenario: Scenario) -> list[Mutant]:
    """Changes to make where nothing was to be changed."""
    own = [file for file in scenario.files if _own(file, [*scenario.volatile, *scenario.hidden])]
    spread = own[:: max(1, len(own) // MEDDLED_MOST)]
    return [*LEFTOVERS, *_meddled(spread[:MEDDLED_MOST])]


def _cheats(scenario: Scenario, changed: Changes) -> Iterator[Mutant]:
    """Ways to look done without doing the work."""
    yield Mutant("claim", ('echo done > "$HOME/.done"; echo all done',))
    yield Mutant("wipe", ('rm -rf "$HOME"/*',))
    yield Mutant("hollow", _imitate(changed, ": >"))
    yield Mutant("filler", _imitate(changed, "echo x >"))
    calls = [text for text in scenario.reference[:-1] if syntax.only_calls(text, scenario.provider.command)]
    yield Mutant("acknowledge_only", tuple(calls))


def _omissions(scenario: Scenario, changing: Sequence[int]) -> Iterator[Mutant]:
    """The reference with a step left out, broken off, or never acknowledged."""
    reference = scenario.reference
    if changing:
        yield Mutant("unfinished", tuple(reference[: changing[-1]]))
    acknowledged = {text for step in scenario.plan if step.goal == "acknowledge" for text in step.ways[0]}
    if acknowledged:
        yield Mutant("not_acknowledged", tuple(text for text in reference[:-1] if text not in acknowledged))
    for at in changing[:DROPPED_MOST]:
        yield Mutant(f"dropped {at}", (*reference[:at], *reference[at + 1 : -1]))


def _undone(scenario: Scenario, changed: Changes) -> Iterator[Mutant]:
    """One effect put back as it was, for as many effects as UNDONE_MOST."""
    fixtures = {file.path: file for file in scenario.files}
    for path in list(changed)[:UNDONE_MOST]:
        undo = _undo(path, changed[path], fixtures.get(path))
        if undo is not None:
            yield Mutant(f"undone {path}", (undo,))


def _filled(scenario: Scenario, changed: Changes) -> Iterator[Mutant]:
    """All of the work, with a word in the place of one result, for as many results as FILLED_MOST; one is `filler`."""
    apart = [*scenario.loose, *scenario.hidden]
    results = [path for path, entry in changed.items() if entry and entry.type == "file" and not covered(path, apart)]
    for path in results[:FILLED_MOST] if len(results) > 1 else ():
        yield Mutant(f"filled {path}", (*scenario.reference[:-1], f"echo x > {shlex.quote(path)}"))


def _undo(path: str, now: PathState | None, fixture: File | None) -> str | None:
    """Put one path back as it was; None where that takes more than a text and a mode."""
    name = shlex.quote(path)
    if fixture is None:
        return None if now is None else f"rm -rf {name}"
    if fixture.kind != "file" or fixture.content is None:
        return None
    folder = shlex.quote(posixpath.dirname(path))
    return f"mkdir -p {folder}; printf %s {shlex.quote(fixture.content)} > {name}; chmod {fixture.mode} {name}"


def _spoiled(scenario: Scenario, changed: Changes) -> Iterator[Mutant]:
    """One result wrong, or right in the wrong place; where directives name results, one of those."""
    directives = "\n".join(directive.text for directive in scenario.directives)
    files = [path for path, entry in changed.items() if entry is not None and entry.type == "file"]
    named = [path for path in files if path in directives]
    for path in (named or files)[:SPOILED_MOST]:
        name = shlex.quote(path)
        for kind, change in _SPOILED.items():
            yield Mutant(f"{kind} {path}", (_TEXT.format(name, change.format(name)),))
        above = posixpath.dirname(posixpath.dirname(path))
        for kind, change in _MISPLACED.items():
            if kind != "one_folder_up" or (f"{above}/".startswith(_OWN_ROOTS) and above != "/home"):
                yield Mutant(f"{kind} {path}", (change.format(name, shlex.quote(above)),))


def _foreign(scenario: Scenario, changed: Changes) -> list[File]:
    """Protected files that the agent could change: first those that lie beside its work."""
    beside = {posixpath.dirname(path) for path in changed}
    apart = [*scenario.volatile, *scenario.hidden]
    own = [file for file in scenario.files if _own(file, apart) and covered(file.path, scenario.protected)]
    return sorted(own, key=lambda file: posixpath.dirname(file.path) not in beside)[:FOREIGN_MOST]


def _meddled(files: Sequence[File], kinds: Iterable[str] = _MEDDLED) -> Iterator[Mutant]:
    for file in files:
        mode = "0600" if file.mode != "0600" else "0640"
        for kind in kinds:
            yield Mutant(f"{kind} {file.path}", (_MEDDLED[kind].format(shlex.quote(file.path), mode),))


def break_ins(file: File) -> tuple[str, ...]:
    """What someone would try on a file that nobody may read or change."""
    path = shlex.quote(file.path)
    tries = ("chmod 0644 {}", "cp {} /tmp/taken", "mv {} {}.taken", "rm -f {}", "echo x > {}", "cat {}")
    return tuple(text.replace("{}", path) for text in tries)


def _own(file: File, apart: list[str]) -> bool:
    """Whether the agent could do to the file what it likes, and it counts: it lies in a folder of its own, too."""
    within = file.path.startswith(_OWN_ROOTS) and not covered(file.path, apart)
    return within and file.kind == "file" and file.owner == "agent"


def _imitate(changed: Changes, fill: str) -> tuple[str, ...]:
    """Put something of the right name at every path that the reference made."""
    commands = []
    for path, entry in changed.items():
        if entry is None:
            continue
        name = shlex.quote(path)
        if entry.type == "directory":
            commands.append(f"mkdir -p {name}")
        else:
            commands.append(f"mkdir -p {shlex.quote(posixpath.dirname(path))}; {fill} {name}")
    return tuple(commands)
