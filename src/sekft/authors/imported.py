"""The `imported` author: a task that somebody else wrote, served by a provider that is composed like any other.

The task is a question in words and a command that answers it, as InterCode's nl2bash sets have them. The command is run
in a sandbox: what it changes is the work or, where it changes nothing, what it prints is to be written into a file.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from collections.abc import Mapping, Sequence

from sekft import __version__
from sekft.authors import VOLATILE, DrawingAuthor
from sekft.authors.procedural.author import compose
from sekft.authors.procedural.host import Host, Job, land, with_parents
from sekft.authors.procedural.tasks import new_path, probes
from sekft.protocols import Sandbox, SandboxSpec, Session
from sekft.rejection import Reason, Rejected
from sekft.scenario import Cell, File, Login, Provenance, Scenario
from sekft.trajectory import PathState, changes

TASK = "imported"
PLACE = "/srv"
SYSTEM = "bin boot dev etc home lib lib64 media mnt opt proc root run sbin srv sys tmp usr var".split()
_ROOTED = re.compile(rf"(?<![\w./~*\\-])/(?!(?:{'|'.join(SYSTEM)})\b)(?=[A-Za-z_])")
_ORDERED = re.compile(r"\b(sort|tac|rev|head|tail|nl|tsort|shuf|ls)\b")
_LONGEST_CHARACTERS = 4096
_NO_NUL = '[ "$(tr -dc "\\000" < "$1" | wc -c)" = 0 ]'


def placed(text: str) -> str:
    """The text with every path from a folder of the task's own (/testbed) below a place that an agent may write in."""
    return _ROOTED.sub(f"{PLACE}/", text)


class ImportedAuthor(DrawingAuthor):
    """One task. files: the tree that it is about, where it lies in the sandbox."""

    name = TASK
    skins = False

    def __init__(self, query: str, gold: str, files: tuple[File, ...], sandbox: Sandbox) -> None:
        self.query, self.gold, self.files, self.sandbox = query, gold, files, sandbox

    async def draw(self, cell: Cell, seed: int, skin: int = 0) -> Scenario | Rejected:
        job = await _tried(self, land(cell, seed), cell.get("userland", ""))
        if isinstance(job, Rejected):
            return job
        scenario = compose(cell, seed, given=job)
        return scenario.sealed(provenance=Provenance(author=TASK, version=__version__, note=self.gold))


async def _tried(author: ImportedAuthor, host: Host, userland: str) -> Job | Rejected:
    """The work, by what the task's own command does; or why it does nothing that can be asked for."""
    login = Login(user=host.user, host=host.name, home=host.home)
    spec = SandboxSpec(userland=userland, login=login, files=tuple(with_parents(author.files, host)))
    async with author.sandbox.open(spec) as session:
        before = await session.state()
        result = await session.exec(author.gold)
        if result.status or result.malformed or result.timed_out or result.ended:
            return Rejected(
                Reason.REFERENCE_BREAKS, f"{author.gold!r} ends with status {result.status}: {result.output}"
            )
        changed = changes(before, await session.state(), VOLATILE)
        if changed:
            return await _changing(author, session, changed)
    if not result.output.strip() or result.truncated or len(result.output) > _LONGEST_CHARACTERS:
        return Rejected(
            Reason.WORK_WITHOUT_EFFECT, f"{author.gold!r} changes nothing and prints {result.output[:80]!r}"
        )
    return _answering(author, host, result.output)


async def _changing(
    author: ImportedAuthor, session: Session, changed: Mapping[str, PathState | None]
) -> Job | Rejected:
    """The work is the change itself."""
    after = []
    for path, entry in changed.items():
        if entry is not None and (file := await _file(session, path, entry)) is None:
            return Rejected(Reason.TOO_LARGE, f"{path} cannot be taken along")
        if entry is not None and file is not None:
            after.append(file)
    gone = tuple(path for path, entry in changed.items() if entry is None)
    return Job(
        title=author.query, text=author.query, needle=author.query, files=author.files, after=tuple(after),
        ways=[[author.gold]], confirm=[], probes=(), right=_by_hand(after, gone),
        gone=gone,
    )  # fmt: skip


def _by_hand(after: Sequence[File], gone: Sequence[str]) -> dict[str, list[str]]:
    """The same effect by other tools, path by path, modes last; nothing where that is too long to type."""
    make = {"file": "rm -f {0}; printf %s {1} > {0}", "directory": "mkdir -p {0}", "symlink": "ln -sfn {1} {0}"}
    made = [(make[file.kind], file.path, file.content or file.target or "") for file in after]
    commands = [f"rm -rf {shlex.quote(path)}" for path in gone]
    commands += [form.format(shlex.quote(path), shlex.quote(body)) for form, path, body in made]
    commands += [f"chmod {one.mode} {shlex.quote(one.path)}" for one in reversed(after) if one.kind != "symlink"]
    script = "; ".join(commands)
    return {"by_hand": [script]} if len(script) <= _LONGEST_CHARACTERS else {}


async def _file(session: Session, path: str, entry: PathState) -> File | None:
    mode = f"{entry.mode:04o}"
    if entry.type == "symlink":
        return File(path=path, kind="symlink", target=entry.target)
    if entry.type == "directory":
        return File(path=path, kind="directory", mode=mode)
    result = await session.exec(f"base64 {shlex.quote(path)}")
    try:
        data = base64.b64decode("".join(result.output.split()), validate=True)
        return None if result.truncated else File(path=path, content=data.decode(), mode=mode)
    except (binascii.Error, UnicodeDecodeError):
        return None


def _answering(author: ImportedAuthor, host: Host, output: str) -> Job:
    """The work is to write down what is asked for. Lines may come in any order where the task sorts nothing."""
    target = new_path(host.part("answer"), host.home, "result")
    text = f"{author.query.rstrip('. ')}. What a command prints of it is to be written to {target}, and nothing else."
    ordered = bool(_ORDERED.search(author.gold)) or output.count("\n") < 2
    want = "\n".join(sorted(output.splitlines(), key=str.encode))
    exact = (File(path=target, content=output),) if ordered else ()
    plain = f'[ -f "$1" ] && [ ! -L "$1" ] && [ "$(stat -c %s "$1")" -le {len(want.encode()) + 1} ] && {_NO_NUL}'
    same = f'[ "$(LC_ALL=C sort "$1")" = {shlex.quote(want)} ]'
    lines = {} if ordered else {target: f"{plain} && {same}"}
    command = f"{{ {author.gold}; }} > {target}"
    right = {"last_line_not_ended": [f'printf %s "$({author.gold})" > {target}']}
    if not ordered:
        right["other_order"] = [f"{{ {author.gold}; }} | sort -r > {target}"]
    return Job(
        title=author.query, text=text, needle=target, files=author.files, after=exact, ways=[[command]], confirm=[],
        probes=probes(empty=f": > {target}", other=f"echo none > {target}", elsewhere=f"{command}.new"), judged=lines,
        right=right,
    )  # fmt: skip
