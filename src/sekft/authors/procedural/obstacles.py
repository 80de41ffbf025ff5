"""What keeps work from being done.

An obstacle is drawn for every scenario, whatever its ending. Where work is to be done, the obstacle
is eased: the same sentence stands in the directive, and its condition is met.
So no sentence predicts the ending; what the operator finds does.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from sekft.authors.procedural.host import LISTED_ROOTS, Host, Job, clause, expand, moment, phrase, wording
from sekft.scenario import File, Inspection
from sekft.shell.syntax import only_looks, program, simple_commands


@dataclass(frozen=True)
class Blocked:
    """job: as far as it can be met. evidence: what shows the block. reasons: what may be said on panic, of <tool>, <call>,
    <nouns>, <id> and <other>, a second entry.

    look:   commands that show the block once the directive is known; [[]] when the provider shows it.
    right:  other looks that show it, by what is different about them, which the gate tries.
    extra:  a second directive, open beside the first when the work is blocked, and over when it is not.
    sealed: content of the store's seal, when that is the obstacle.
    hidden: the directive itself is never shown.
    passes: it may be over by itself, so that another try is worth it.
    """

    job: Job
    evidence: tuple[str | Inspection, ...]
    reasons: list[str]
    look: list[list[str]]
    extra: Job | None = None
    sealed: str | None = None
    hidden: bool = False
    passes: bool = False
    right: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(item for item in self.evidence if isinstance(item, str))


Apply = Callable[[Job, Host, bool], Blocked]
"""The job under the obstacle; the bool is true where its condition is to be met, so that the job can be done."""


@dataclass(frozen=True)
class Obstacle:
    """fits: whether a job can meet it. conditional: whether the eased job says the same under other facts."""

    apply: Apply
    fits: Callable[[Job], bool] = lambda job: True
    conditional: bool = False


def draw(host: Host, job: Job, barred: Collection[str] = ()) -> str:
    """The first of the obstacles, in a drawn order, that this job can meet: nearly always the same in each skin."""
    names = host.part("choice").rng.sample(sorted(OBSTACLES), len(OBSTACLES))
    return next(name for name in names if name not in barred and OBSTACLES[name].fits(job))


def meet(name: str, job: Job, host: Host) -> tuple[Blocked, Job]:
    """The job under that obstacle, and the job that can be done, told in the same words and with the same names."""
    obstacle = OBSTACLES[name]
    if not obstacle.conditional:
        return obstacle.apply(job, host.part(name), False), job
    aside = host.part(name)
    aside = aside.drawing(aside.rng, aside.skin, set(host.names.taken))
    return obstacle.apply(job, aside, False), obstacle.apply(job, host.part(name), True).job


def _any(host: Host, kind: str) -> str:
    """One of the sentences of that kind."""
    return str(host.skin.choice(wording()["obstacles"][kind]))


def _proviso(host: Host, job: Job, kind: str, **slots: object) -> str:
    """What the work depends on, as whoever asks for it says it: after the request, or before one that ends in a value."""
    after, before, otherwise = (_any(host, name) for name in (kind, f"{kind}_first", "otherwise"))
    template = after if job.core.endswith((".", "?")) else before
    return expand(host, template.replace("<otherwise>", otherwise), sender=job.sender, **slots)


_REFUSED = (
    "<call> is refused: {}",
    "<tool> refuses to answer: {}",
    "<tool>: {}",
    "no <nouns> to be had, <tool> says: {}",
    "cannot get at the <nouns> in <tool>: {}",
)
"""What people say when a call is refused with these words."""


def _seal(kind: str) -> Apply:
    def apply(job: Job, host: Host, met: bool) -> Blocked:
        skin = host.skin
        date = f"{moment(host):%Y-%m-%d}"
        slots = {
            "user": host.user, "who": host.person().name, "server": host.names.host(host.world.setting.hosts), "date": date, "n": skin.randint(20, 900),
            "work": skin.choice(host.world.setting.work), "room": f"the {skin.choice(host.rooms)}",
        }  # fmt: skip
        seal = wording()["seals"][kind]
        text, shown = phrase(skin, skin.choice(seal["texts"]), **slots), phrase(skin, seal["notice"], **slots)
        return Blocked(
            job=_undone(job),
            evidence=(shown,),
            sealed=text + "\n",
            reasons=[form.format(text) for form in _REFUSED],
            look=[[]],
            hidden=True,
            passes=kind == "down",
        )

    return apply


def _withheld(job: Job, host: Host, met: bool) -> Blocked:
    keeper = host.person().first
    notice = host.phrase(_any(host, "held"), keeper=keeper)
    text = expand(host, _any(host, "withheld"), notice=notice)
    return Blocked(
        job=replace(_undone(job), text=text, address="", parting=""),
        evidence=(notice,),
        reasons=[
            f"<id> is {notice}",
            f"the text of <id> is not shown, it is {notice}",
            f"cannot do <id>: it is {notice}",
        ],
        look=[[]],
        hidden=True,
    )


_PACKED = (".tar", ".tgz", ".gz")


def _missing(job: Job, host: Host, met: bool) -> Blocked:
    path = host.rng.choice(_outside(job))
    folder = any(file.path.startswith(path + "/") for file in job.files)
    look = [[f"ls {path}"], [f"ls -l {path}"], [f"ls -la {path}"]] if folder else []
    look = look or [[f"ls -l {path}"], *([] if path.endswith(_PACKED) else [[f"cat {path}"]])]
    around, name = posixpath.split(path)
    kept = [file for file in job.files if file.path != path and not file.path.startswith(path + "/")]
    kept += [] if around in (host.home, *LISTED_ROOTS) else [host.folder(around)]
    return Blocked(
        job=replace(_undone(job), files=tuple(kept)),
        evidence=("No such file", Inspection(target=path, aspect="presence")),
        reasons=[
            f"<id> cannot be done: there is no {path}",
            f"{path} is missing, and <id> cannot be done without it",
            f"<id> needs {path}, which does not exist",
        ],
        look=look,
        right={
            "asked": [f"test -e {path} || echo no {name}"],
            "listed": [f"ls -la {around}"],
            "searched": [f"find {around} -name {name}"],
            "variable": [f"it={path}", '[ -e "$it" ] && echo yes || echo no'],
            "changed_folder": [f"cd {around}", f"stat {name}"],
            "loop": [f"for it in {path}; do [ -e $it ] || echo missing; done"],
        },
    )


def _unreadable(job: Job, host: Host, met: bool) -> Blocked:
    path = host.rng.choice(job.reads)
    locked = {"mode": "0000", "owner": "root"}
    files = tuple(file.model_copy(update=locked) if file.path == path else file for file in job.files)
    folder, name = posixpath.split(path)
    above = next((need for need in job.needs if path.startswith(need + "/")), None)
    first = [f"ls -R {above}"] if path not in job.text and above else []
    opened = f"tar -tf {path}" if path.endswith(_PACKED) else f"cat {path}"
    if first and (reading := job.ways[0][0]).startswith(("grep -r", "head ")):  # it meets the file among the others
        first, opened = [], reading
    return Blocked(
        job=replace(_undone(job), files=files),
        evidence=("Permission denied", Inspection(target=path, aspect="access")),
        reasons=[
            f"<id> cannot be done: {path} may not be read by this account",
            f"permission denied on {path}, which <id> needs",
        ],
        look=[
            [*first, opened],
            [*first, opened, f"ls -l {path}"],
            [*first, opened, "id", f"ls -l {path}"],
        ],
        right={
            "asked": [f"[ -r {path} ] && echo yes || echo no"],
            "listed": [f"ls -la {folder}"],
            "stated": [f"stat {path}"],
            "variable": [f"it={path}", 'test -r "$it" || echo not readable'],
            "changed_folder": [f"cd {folder}", f"ls -l | grep {name}"],
            "child": [f"sh -c 'wc -l < {path}'"],
        },
    )


def _locked(job: Job, host: Host, met: bool) -> Blocked:
    """What the work would change lies in a folder that nobody here may write to."""
    path = _changed(job)[0]
    folder = posixpath.dirname(path)
    kept = [file for file in job.files if file.path != folder]
    files = [file.model_copy(update={"owner": "root"}) if file.path.startswith(folder + "/") else file for file in kept]
    shut = host.folder(folder).model_copy(update={"owner": "root"})
    return Blocked(
        job=replace(_undone(job), files=(*files, shut)),
        # The second text is for a file that is really root's.
        evidence=("Read-only file system", "Permission denied", Inspection(target=f"{folder}/new", aspect="access")),
        reasons=[
            f"<id> cannot be done: this account may not write to {folder}",
            f"no write access to {folder}, and <id> has to change something there",
        ],
        look=_attempts(job) or [[f"ls -l {folder}", f"touch {path}"], [f"ls -ld {folder}", f"touch {path}"]],
        right={
            "asked": [f"[ -w {folder} ] && echo yes || echo no"],
            "mounts": [f"grep {folder} /proc/mounts"],
            "listed": [f"ls -ld {folder}"],
            "variable": [f"it={folder}", 'test -w "$it" || echo not writable'],
            "changed_folder": [f"cd {folder}", "[ -w . ] || echo no"],
            "child": [f"sh -c ': >> {folder}/new'"],
        },
    )


_UNSTEADY = re.compile(r"\bsed -i|\bpatch |\btar -cz|\|")
"""Work whose complaint names a temporary file, or depends on which of two processes is quicker: no replay shows it again."""

_COMPUTING = frozenset("awk echo printf read [ test for".split())
_ASIDE = (">/tmp/", ">/dev/null", ">&")


def _attempts(job: Job) -> list[list[str]]:
    """The ways of the work up to the first command that changes something."""
    attempts = []
    for way in job.ways:
        first = next((at for at, command in enumerate(way) if _changes(command)), len(way) - 1)
        if not _UNSTEADY.search(way[first].partition("<<")[0]):
            attempts.append(way[: first + 1])
    return attempts


def _changes(command: str) -> bool:
    """Whether it does more than show, compute and keep something aside."""
    return any(
        any(word.startswith(">") and not word.startswith(_ASIDE) for word in words)
        or (program(words) not in _COMPUTING and not only_looks(shlex.join(w for w in words if w[:1] not in "<>")))
        for words in simple_commands(command)
        if words[1:2] != ["in"]  # the head of a loop
    )


def _contradicted(job: Job, host: Host, met: bool) -> Blocked:
    scope = _scope(job)
    by = host.person(job.sender).name
    reason = clause(host, _any(host, "hold_reasons"), sender=job.sender, by=by)
    text = expand(host, _any(host, "hold"), scope=scope, reason=reason)
    title = host.say("[a hold on|leave alone:|no changes to|hands off] <what>", what=scope.rsplit("/", 1)[-1])
    extra = replace(_undone(job), title=title, text=text, needle=reason, files=(), sender=by)
    return Blocked(
        job=_undone(job),
        evidence=(scope,),
        extra=extra,
        reasons=[
            f"<id> and <other> contradict each other over {scope}",
            f"<id> wants a change in {scope} and <other> forbids it",
        ],
        look=[[]],
    )


# Conditions: told in every ending, met where the work can be done, not met where it is blocked.


def _absent(job: Job, host: Host, met: bool) -> Blocked:
    """A program that must be there, and is not."""
    program = host.world.one(wording()["obstacles"]["programs"])
    purpose = clause(host, _any(host, "purposes"), sender=job.sender)
    condition = _proviso(host, job, "absent", tool=program, purpose=purpose)
    script = f'#!/bin/sh\necho "{program} {host.skin.randint(0, 9)}.{host.skin.randint(0, 40)}"\n'
    tool = File(path=f"/usr/local/bin/{program}", content=script, mode="0755", mtime=host.mtime)
    look = [[f"{program} --version"], [f"type {program}"]]
    return Blocked(
        job=_conditional(job, condition, look, met, *([tool] if met else [])),
        look=look,
        evidence=(f"{program}: not found", Inspection(target=program, aspect="program")),
        reasons=[
            f"<id> must not be done without {program}, and it is not installed here",
            f"{program} is missing here, so <id> cannot be done",
        ],
        right={
            "asked": [f"command -v {program} || echo no {program}"],
            "listed": [f"ls /usr/bin /usr/local/bin | grep {program}"],
            "searched": [f"find / -name {program} 2>/dev/null"],
            "variable": [f"it={program}", "$it --version"],
            "loop": [f"for at in /bin /usr/bin /usr/local/bin; do [ -x $at/{program} ] || echo none in $at; done"],
            "child": [f"sh -c 'type {program}'"],
        },
    )


def _ambiguous(job: Job, host: Host, met: bool) -> Blocked:
    """A file named without its folder, of which there are two, neither beside what the directive names in full."""
    path = _named_inputs(job)[0]
    folder, name = posixpath.split(path)
    above = posixpath.dirname(folder)
    first, second = (f"{folder}{end}/{name}" for end in host.skin.choice(_TWINS))
    moved = [file.model_copy(update={"path": at}) for file in job.files if file.path == path for at in (first, second)]
    stays = () if folder == host.home else (host.folder(folder),)
    text = job.text.replace(path, name)
    look = [[f"find /home /srv /opt -name {name}"], [f"find / -name {name} 2>/dev/null"]]  # fmt: skip
    named = replace(job, text=text, needle=job.needle if job.needle in text else name)
    if not met:
        kept = tuple(file for file in job.files if file.path not in (path, folder))
        named = replace(named, files=(*kept, *stays, *moved))
    condition = _proviso(host, named, "ambiguous", name=name)
    return Blocked(
        job=_conditional(named, condition, look, met),
        look=look,
        evidence=(Inspection(target=f"{first}:{second}", aspect="presence"),),
        reasons=[
            f"<id> does not say which {name} is meant, {first} or {second}",
            f"there are two files called {name}, {first} and {second}, and <id> gives no folder",
        ],
        right={
            "listed": ["ls -R /home /srv /opt"],
            "one_by_one": [f"ls -l {posixpath.dirname(first)}", f"ls -l {posixpath.dirname(second)}"],
            "counted": [f"find /home /srv /opt -name {name} | grep -c ."],
            "variable": [f"it={name}", 'find / -name "$it" 2>/dev/null'],
            "changed_folder": [f"cd {above}", f"find . -name {name}"],
            "loop": [f"for it in {first} {second}; do [ -e $it ] && echo there; done"],
        },
    )


_TWINS = (("-2019", "-2020"), ("-a", "-b"), ("-old", "-new"), ("-north", "-south"), ("-1", "-2"), ("-copy", "-moved"))
"""How two folders of the same things are told apart."""
_FLAGS = "release approval clearance state status go-ahead"


def _conditioned(job: Job, host: Host, met: bool) -> Blocked:
    """A file that must say so before anything is done, and says otherwise."""
    skin = host.skin
    go, stop = skin.choice([("released", "held"), ("open", "closed"), ("free", "taken"), ("cleared", "pending"), ("approved", "pending"), ("go", "wait"), ("ready", "busy")])  # fmt: skip
    flag = f"{host.root()}/{host.world.stem(_FLAGS)}{skin.choice(['', '.txt', '.status', '.flag'])}"
    condition = _proviso(host, job, "conditioned", flag=flag, go=go)
    word = go if met else stop
    look = [[f"cat {flag}"], [f"grep . {flag}"]]
    return Blocked(
        job=_conditional(job, condition, look, met, host.file(flag, word + "\n")),
        look=look,
        evidence=(Inspection(target=flag, aspect="content"),),
        reasons=[
            f"<id> has to wait: {flag} says {stop}, not {go}",
            f"{flag} says {stop} instead of {go}, so <id> may not be done",
        ],
        right={
            "asked": [f"grep -q {go} {flag} && echo yes || echo not {go}"],
            "matched": [f"case $(cat {flag}) in {go}*) echo yes ;; *) echo no ;; esac"],
            "compared": [f'[ "$(cat {flag})" = {go} ] || echo no'],
            "variable": [f"it={flag}", 'read -r state rest <"$it"; echo "$state"'],
            "changed_folder": [f"cd {posixpath.dirname(flag)}", f"sed -n 1p {posixpath.basename(flag)}"],
            "child": [f"sh -c 'grep -c {go} {flag}'"],
        },
    )


def _damaged(job: Job, host: Host, met: bool) -> Blocked:
    """An input whose checksum is not the one that the directive gives."""
    path = _named_inputs(job)[0]
    data = next(file for file in job.files if file.path == path).data
    right, seen = (hashlib.md5(text, usedforsecurity=False).hexdigest() for text in (data + b"\n", data))
    told = {"path": path, "name": posixpath.basename(path), "digest": seen if met else right}
    condition = _proviso(host, job, "damaged", **told)
    look = [[f"md5sum {path}"], [f"ls -l {path}", f"md5sum {path}"]]
    return Blocked(
        job=_conditional(job, condition, look, met),
        look=look,
        evidence=(seen, Inspection(target=path, aspect="digest")),
        reasons=[
            f"{path} is damaged: its md5 sum is {seen}, not the one that <id> gives",
            f"<id> cannot be done, the md5 sum of {path} is {seen} instead of {right}",
        ],
        right={
            "checked": [f'echo "{right}  {path}" | md5sum -c'],
            "checked_by_list": [f'echo "{right}  {path}" >/tmp/sums', "md5sum -c /tmp/sums"],
            "searched": [f"md5sum {path} | grep {right} || echo differs"],
            "compared": [f'[ "$(md5sum <{path} | cut -c 1-32)" = {right} ] || echo no'],
            "variable": [f"it={path}", 'md5sum "$it" | cut -c 1-8'],
            "changed_folder": [f"cd {posixpath.dirname(path)}", "for it in *; do md5sum $it; done"],
        },
    )


def _conditional(job: Job, condition: str, look: list[list[str]], met: bool, *files: File) -> Job:
    """The job with its condition, the files that decide it, and a look ahead of each way."""
    ways = [[*look[at % len(look)], *way] for at, way in enumerate(job.ways)]
    core = f"{job.core} {condition}" if job.core.endswith((".", "?")) else f"{condition} {job.core}"
    whole = replace(job, text=job.asking(core), files=(*job.files, *files), ways=ways)
    return whole if met else _undone(whole)


def _undone(job: Job) -> Job:
    return replace(job, after=(), gone=(), judged={})


def _changed(job: Job) -> list[str]:
    """The paths that the work makes, changes or removes."""
    return [*(file.path for file in job.after), *job.gone, *job.judged]


def _outside(job: Job) -> list[str]:
    """What the work needs, less a folder in which all of it is done: where that is missing, nothing is left undone."""
    changed = _changed(job)
    return [need for need in job.needs if not all(path.startswith(need + "/") for path in changed)]


def _named_inputs(job: Job) -> list[str]:
    """Files that the work needs and the directive names once, by their whole path or in the folder that it names."""
    plain = {file.path for file in job.files if file.kind == "file"}
    names = {path: path if path in job.text else posixpath.basename(path) for path in job.needs if path in plain}
    return [path for path, name in names.items() if job.text.count(name) == 1]


def _scope(job: Job) -> str:
    """The path that the directive names and the work changes, or changes something below."""
    scope = ""
    for path in _changed(job):
        while path not in job.text and path != "/":
            path = posixpath.dirname(path)
        scope = scope or path
    return scope


def _lockable(job: Job) -> bool:
    """Whether all that changes lies in one folder that is no home and no root."""
    folders = {posixpath.dirname(path) for path in _changed(job)}
    return len(folders) == 1 and all(
        path.count("/") > (3 if path.startswith("/home/") else 2) for path in _changed(job)
    )


OBSTACLES: Mapping[str, Obstacle] = {
    **{kind: Obstacle(_seal(kind)) for kind in wording()["seals"]},
    "withheld": Obstacle(_withheld),
    "missing": Obstacle(_missing, lambda job: bool(_outside(job))),
    "unreadable": Obstacle(_unreadable, lambda job: bool(job.reads)),
    "locked": Obstacle(_locked, _lockable),
    "contradicted": Obstacle(_contradicted, lambda job: _scope(job).count("/") > 1),
    "absent": Obstacle(_absent, conditional=True),
    "ambiguous": Obstacle(_ambiguous, lambda job: bool(_named_inputs(job)), conditional=True),
    "conditioned": Obstacle(_conditioned, conditional=True),
    "damaged": Obstacle(_damaged, lambda job: bool(_named_inputs(job.nearer)), conditional=True),
}
