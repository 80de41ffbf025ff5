"""A teacher's checker: what each result must satisfy, as the model says, and all else as the reference leaves it.

The model never lists a tree. Once the reference has run in a sandbox, the checker's own `find` tells what is there, and
that listing is what the checker wants; what the work made or changed is compared apart, since its mode is free.
"""

from __future__ import annotations

import base64
import gzip
import re
import shlex
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sekft.protocols import Sandbox, SandboxSpec
from sekft.scenario import Frozen, SandboxPath, Scenario
from sekft.shell import syntax
from sekft.trajectory import PathState, State, covered, effects

FORMS = ("text", "words", "lines", "check", "link", "folder")
ROOTS = ("/home", "/opt", "/srv")
"""Listed whole; elsewhere, what the scenario itself put there."""
_HEAD, _REST = "# What the work makes.", "# What nobody asked for."
_FUNCTION = re.compile(r"^(?:# .*\n)?(\w+)\(\) \{(?:.*\}\n|\n(?:.*\n)*?\}\n)", re.MULTILINE)
_BACKUPS = 'for end in .orig .bak \'~\'; do ! holds {0}"$end" {1} || set -- "$@" -path {2}"$end" -o; done'
_FIND = (
    "find {roots} \"$@\" {skipped} -type l -exec stat -c '%N' {{}} + "
    "-o -exec stat -c '%A %n' {{}} + -type f -exec sha256sum {{}} + 2>/dev/null | LC_ALL=C sort"
)


class Result(Frozen):
    """A path that the work makes or changes, and what must be true of it: one of `FORMS`.

    text: it holds this, and nothing else. words: the same, blanks are free. lines: the same, in any order.
    check: a line of sh that exits 0 when "$1", the path, is right. link: a link that leads there. folder: a folder.
    mode: its permission bits, where the directive asks for them.
    """

    path: SandboxPath
    text: str | None = None
    words: str | None = None
    lines: str | None = None
    check: str | None = None
    link: str | None = None
    folder: Literal[True] | None = None
    mode: Annotated[str, Field(pattern=r"^0?[0-7]{3}$")] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Result:
        if len(given := [form for form in FORMS if getattr(self, form) is not None]) != 1:
            raise ValueError(f"{self.path} has {', '.join(given) or 'none'} of {', '.join(FORMS)}, want one")
        return self

    @property
    def form(self) -> str:
        return next(form for form in FORMS if getattr(self, form) is not None)

    def commands(self) -> Iterator[str]:
        """The lines of sh that hold it to that."""
        value = getattr(self, self.form)
        words = [self.form, self.path] if self.form == "folder" else [self.form, self.path, _ended(self.form, value)]
        yield shlex.join(words)
        if self.mode is not None:
            yield shlex.join(["mode", self.path, self.mode.lstrip("0") or "0"])


def _ended(form: str, value: str) -> str:
    return value.removesuffix("\n") if form in ("text", "words", "lines") else value


def checker(results: Sequence[Result], rest: Sequence[str] = ()) -> str:
    """The script. rest: the lines that hold all else to how the reference leaves it."""
    body = [_HEAD, *(line for result in results for line in result.commands()), _REST, *rest]
    return _functions("\n".join(body)) + "\n".join(body) + "\n"


def results_of(script: str) -> list[dict[str, str | bool]]:
    """The results that such a checker was made of."""
    words = shlex.split(script.partition(_HEAD)[2].partition(_REST)[0])
    found: dict[str, dict[str, str | bool]] = {}
    while words:
        form, path, *words = words
        result = found.setdefault(path, {"path": path})
        if form == "folder":
            result[form] = True
        else:
            result[form], *words = words
    return list(found.values())


def _functions(body: str) -> str:
    """Those that the lines call, and those that these call, in the file's order."""
    text = (resources.files("sekft") / "authors" / "prompts" / "checker.sh").read_text(encoding="utf-8")
    known = {match[1]: match[0] for match in _FUNCTION.finditer(text)}
    used: set[str] = set()
    waiting = [body]
    while waiting:
        told = waiting.pop()
        fresh = {
            name for name in known if re.search(rf"(?:^|[;&|!{{(]|\bdo|\bthen)\s*{name}\b", told, re.MULTILINE)
        } - used
        used |= fresh
        waiting += [known[name].partition("{")[2] for name in fresh]
    return "".join(text for name, text in known.items() if name in used)


async def measured(scenario: Scenario, results: Sequence[Result], sandbox: Sandbox) -> tuple[Scenario, list[str]]:
    """The scenario with the checker that its reference's own end asks for, and where the results do not fit that end.

    Where nothing is to be done it is the untouched tree. A reference that breaks leaves the results alone.
    """
    work = scenario.expected.kind == "work"
    spec = SandboxSpec.of(scenario)
    outside = await _outside(spec, sandbox) if any(not file.path.startswith(ROOTS) for file in scenario.files) else []
    async with sandbox.open(spec) as session:
        before = await session.state()
        for text in scenario.reference if work else ():
            if syntax.calls(text, "exit") or syntax.calls(text, "panic"):
                break
            shown = await session.exec(text)
            if shown.ended or shown.malformed or shown.timed_out:
                return scenario.sealed(checker=checker(results)), []
        after = await session.state()
        tree = _Tree(scenario, results, before, after, outside)
        answer = await session.check(f"set --; {tree.find} | gzip -c | base64")
    try:
        listing = gzip.decompress(base64.b64decode(answer.output)).decode(errors="replace").rstrip("\n")
    except (EOFError, ValueError, OSError, zlib.error):
        return scenario.sealed(checker=checker(results)), ["files: the tree cannot be listed: too many files or names"]
    lines = [*tree.made, "set --", *tree.backups, f"want={shlex.quote(listing)}", f"seen=$({tree.find})"]
    script = checker(results, [*lines, '[ "$seen" = "$want" ] || unlike "$seen" "$want"'])
    loose = [*scenario.loose, *(result.path for result in results if result.form == "check")]
    kept = {"checker": script, "loose": sorted({*loose}), "protected": sorted({*scenario.protected, *tree.untouched})}
    return scenario.sealed(**kept), tree.faults


async def _outside(spec: SandboxSpec, sandbox: Sandbox) -> list[str]:
    """What the scenario's files put outside ROOTS, the folders that they imply included."""
    async with sandbox.open(SandboxSpec(spec.userland, spec.login, ())) as bare, sandbox.open(spec) as session:
        there = (await session.state()).keys() - (await bare.state()).keys()
    return sorted({*there, *(file.path for file in spec.files)})


class _Tree:
    """How the reference leaves the tree.

    made:      lines for what the work made or changed and no result names. backups: lines that let a tool's backup be.
    find:      what lists all else. untouched: fixtures that stay as they are. faults: results that do not fit.
    """

    def __init__(
        self, scenario: Scenario, results: Sequence[Result], before: State, after: State, outside: Iterable[str]
    ) -> None:
        self._scenario, self._before, self._after = scenario, before, after
        self._named = {result.path for result in results}
        self._loose = [*scenario.loose, *scenario.volatile]
        self._fixtures = {file.path: file for file in scenario.files}
        changed = {effect.path: after.get(effect.path) for effect in effects(before, after)}
        self.faults: list[str] = []
        self.made: list[str] = []
        apart = [path for path, entry in changed.items() if entry is not None and self._apart(path, entry)]
        self.faults += [
            f"results.{at}: the reference leaves {result.path} as it was, want a path that the work makes or changes"
            for at, result in enumerate(results)
            if result.path not in changed
        ]
        olds = {path: before[path].digest for path in self._named & before.keys() if before[path].type == "file"}
        self.backups = [_BACKUPS.format(shlex.quote(path), sha, _pattern(path)) for path, sha in sorted(olds.items())]
        self.untouched = [
            path for path, file in self._fixtures.items() if file.kind == "file" and self._still(path, changed)
        ]
        self.find = self._listing(apart, outside)

    def _apart(self, path: str, entry: PathState) -> bool:
        """Whether a changed path is compared apart from the listing; the line that does so is noted."""
        if covered(path, self._loose) or path in self._named:
            return path in self._named
        name, old = shlex.quote(path), self._before.get(path)
        if old is not None and (old.type, old.digest, old.target) == (entry.type, entry.digest, entry.target):
            return False  # its mode is what the work is about
        if entry.type == "directory":
            self.made.append(f"folder {name}")
        elif entry.type == "symlink":
            self.made.append(f"link {name} {shlex.quote(entry.target or '')}")
        else:
            self.made.append(f"left {name} {entry.digest}")
            known = {state.digest for state in self._before.values()}
            if entry.digest not in known and not covered(path, self._scenario.hidden):
                self.faults.append(f"results: the reference writes {path}, want a result that says what is right there")
        return True

    def _still(self, path: str, changed: Mapping[str, PathState | None]) -> bool:
        return path not in changed and path not in self._named and not covered(path, self._loose)

    def _listing(self, apart: Sequence[str], outside: Iterable[str]) -> str:
        roots: list[str] = []
        for path in sorted(outside):
            if not covered(path, [*ROOTS, *roots, *self._scenario.volatile]):
                roots.append(path)
        skipped = [f"-path {_pattern(path)} -o" for path in [*ROOTS, *sorted({*apart, *self._named})]]
        skipped += [f"-path {_pattern(path)} -prune -o" for path in self._scenario.loose if path not in self._named]
        for file in self._fixtures.values():
            if file.owner == "root" and file.kind != "symlink" and file.path not in self._named:
                # Its content cannot change, and who may read it differs from backend to backend.
                open_ = file.kind == "directory" and int(file.mode, 8) & 0o5 == 0o5
                skipped += [] if open_ else [f"-path {_pattern(file.path)} -prune -o"]
        return _FIND.format(roots=shlex.join([*ROOTS, *roots]), skipped=" ".join(skipped))


def _pattern(path: str) -> str:
    """The path as find's -path takes it, quoted for the shell."""
    return shlex.quote(re.sub(r"([*?\[\\])", r"\\\1", path))
