"""Composes one scenario: a world, jobs, a provider with an interface, an announcement, a checker."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sekft import __version__
from sekft.authors.procedural import announcements, obstacles, providers, tasks
from sekft.authors.procedural.announcing import Announced, announcement, remarks
from sekft.authors.procedural.checks import tree_checker
from sekft.authors.procedural.documentation import SEALED, Documentation, document, man_page
from sekft.authors.procedural.interface import Interface, draw_interface, entry_ids
from sekft.authors.procedural.meaning import Entry, Kind
from sekft.authors.procedural.phrase import phrase
from sekft.authors.procedural.program import render
from sekft.authors.procedural.registry import modules
from sekft.authors.procedural.storage import STORAGES
from sekft.authors.procedural.world import Job, World, land, with_parents
from sekft.scenario import (
    Cell,
    Directive,
    Expected,
    File,
    Login,
    Needles,
    Probe,
    Provenance,
    Provider,
    Scenario,
    Step,
)
from sekft.seeds import stream

_ORIENTATIONS = (
    "[This is|You are in] a [dash|POSIX] shell on <host>, logged in as <user>. `exit` ends the session;"
    " `panic REASON` ends it [when work cannot be done|as blocked].",
    "A shell session of <user> on <host>. [It is closed by|It closes with] `exit` [when nothing is left to do|once all is done],"
    " or by `panic REASON` when [something in the way cannot be helped|the work is blocked].",
    "<user>@<host>, an ordinary account, /bin/sh. [Two words end|There are two ways to end] the session: `exit`,"
    " and `panic REASON` for [work that cannot go on|what is really blocked].",
    "The [terminal|session] belongs to <user> on host <host>. `exit` [leaves|ends] it, `panic REASON` reports"
    " that [there is no way forward|the work cannot be done] and ends it too.",
)
_VOLATILE = ["/tmp", "/var/tmp"]
_EXTRAS = {"plain": 0, "busy": 2, "double": 1}
_PAST = {"plain": (0, 1), "busy": (2, 4), "double": (1, 2)}


@dataclass(frozen=True)
class Desk:
    """The provider as installed: interface, documentation, store and the entries in it."""

    kind: Kind
    interface: Interface
    documentation: Documentation
    storage: str
    store: str
    entries: tuple[Entry, ...]
    files: tuple[File, ...]
    sealed: str | None

    def store_files(self, world: World, entries: Iterable[Entry]) -> list[File]:
        """The store with these entries, as files."""
        texts = STORAGES[self.storage].files(entries) | ({"sealed": self.sealed} if self.sealed else {})
        files = [File(path=f"{self.store}/{name}", content=text, mtime=world.mtime) for name, text in texts.items()]
        folders = [self.store] + ([f"{self.store}/new", f"{self.store}/old"] if self.storage == "folders" else [])
        return files + [world.folder(path) for path in folders]


class ProceduralAuthor:
    """Draws scenarios without a model; the same cell and seed give the same scenario."""

    name = "procedural"

    async def draw(self, cell: Cell, seed: int) -> Scenario:
        return compose(cell, seed)


def compose(cell: Cell, seed: int) -> Scenario:
    """One candidate for this cell. Raises KeyError for a value without a kind."""
    rng = stream(seed, "procedural")
    world = land(rng)
    kind: Kind = modules(providers)[cell["provider"]].KIND
    channel = modules(announcements)[cell["announcement"]]
    tool = world.names.word((2, 3))
    told: Announced = channel.announce(world, tool, announcement(world, tool))
    count = 2 if cell["difficulty"] == "double" and cell["ending"] == "work" else 1
    jobs = [modules(tasks)[cell["task"]].make(world) for _ in range(count)]
    blocked = None
    if cell["ending"] == "blocked":
        _, blocked = obstacles.block(jobs[0], world)
        jobs = [blocked.job]
    desk = _furnish(world, kind, cell, tool, jobs if cell["ending"] != "empty" else [], blocked)
    return _bundle(world, cell, seed, told, jobs, desk, blocked)


def _furnish(
    world: World, kind: Kind, cell: Cell, tool: str, jobs: list[Job], blocked: obstacles.Blocked | None
) -> Desk:
    rng, names, difficulty = world.rng, world.names, cell["difficulty"]
    interface = draw_interface(rng, kind, names, tool, _EXTRAS[difficulty])
    past = rng.randint(*_PAST[difficulty])
    ids = entry_ids(rng, names, kind.ids, len(jobs) + past)
    slots = sorted(rng.sample(range(len(ids)), len(jobs)))
    titled = [Entry(ids[slot], job.title, job.text, names.user()) for slot, job in zip(slots, jobs, strict=True)]
    old = [
        Entry(ids[slot], f"{names.subject()} {names.word()}", remarks(world, 1)[0], names.user(), waiting=False)
        for slot in range(len(ids))
        if slot not in slots
    ]
    entries = tuple(sorted([*titled, *old], key=lambda entry: entry.id))
    storage = rng.choice(sorted(STORAGES))
    store = rng.choice([f"/var/lib/{tool}", f"/srv/{tool}", f"/var/spool/{tool}", f"/opt/{tool}/store"])
    words = {"noun": interface.noun, "nouns": interface.nouns, "user": world.user, "host": world.host}
    summary = phrase(rng, rng.choice(kind.summary), **words)
    documentation = document(rng, interface, cell["documentation"], summary, phrase(rng, SEALED))
    messages = {
        "empty": phrase(rng, rng.choice(kind.empty), **words),
        "done": phrase(rng, rng.choice(kind.done or ("<id>",)), id="$1", **words),
        "unknown": phrase(rng, "[no|there is no] <noun> $arg", **words),
        "version": f"{rng.randint(0, 4)}.{rng.randint(0, 30)}",
    }
    code = STORAGES[storage].code
    program = render(interface, documentation, code, store, world.user, messages)
    files = [File(path=f"/usr/local/bin/{tool}", content=program, mode="0755", mtime=world.mtime)]
    if documentation.page is not None:
        page = man_page(tool, summary, documentation.page)
        files.append(File(path=f"/usr/local/share/man/man1/{tool}.1", content=page, mtime=world.mtime))
    interface = replace(interface, facts={**interface.facts, "storage": storage, "layout": documentation.layout})
    sealed = blocked.sealed if blocked else None
    desk = Desk(kind, interface, documentation, storage, store, entries, tuple(files), sealed)
    return replace(desk, kind=replace(kind, empty=(messages["empty"],)))


def _bundle(
    world: World,
    cell: Cell,
    seed: int,
    told: Announced,
    jobs: list[Job],
    desk: Desk,
    blocked: obstacles.Blocked | None,
) -> Scenario:
    work = cell["ending"] == "work"
    fixtures = [file for job in jobs for file in job.files] + [*told.files, *desk.files, *_clutter(world)]
    files = with_parents([*fixtures, *desk.store_files(world, desk.entries)], world)
    before = {file.path: file for file in files}
    end, made, touched = _outcome(world, before, jobs if work else [], desk)
    steps = _plan(world, told, jobs, desk, blocked)
    tool = desk.interface.tool
    return Scenario(
        seed=seed,
        cell=dict(cell),
        orientation=phrase(world.rng, world.rng.choice(_ORIENTATIONS), user=world.user, host=world.host),
        login=Login(
            user=world.user,
            host=world.host,
            home=world.home,
            motd=told.motd,
            banner=told.banner,
            env=dict(told.env),
            prompt=world.prompt,
        ),
        files=files,
        provider=Provider(
            command=tool,
            kind=cell["provider"],
            help=desk.documentation.learn[0],
            interface=dict(desk.interface.facts),
        ),
        directives=[
            Directive(id=e.id, text=e.body) for e in desk.entries if e.waiting and not (blocked and blocked.hidden)
        ],
        expected=Expected.model_validate({"terminal": "panic" if blocked else "exit", "kind": cell["ending"]}),
        checker=tree_checker(end, made),
        reference=[command for step in steps for command in step.ways[0]],
        needles=Needles(
            announcement=told.needle,
            documentation=desk.documentation.needle,
            directives=[job.needle for job in jobs] if work or (blocked and not blocked.hidden) else [],
            notice=blocked.notice if blocked else None if work else desk.kind.empty[0],
        ),
        plan=steps,
        protected=sorted(path for path, file in before.items() if file.kind == "file" and path not in touched),
        volatile=_VOLATILE,
        probes=_probes(jobs, desk) if work else [],
        family=f"{cell['task']}-{seed:x}",
        provenance=Provenance(author="procedural", version=__version__),
    ).sealed()


def _outcome(
    world: World, before: Mapping[str, File], jobs: list[Job], desk: Desk
) -> tuple[list[File], list[File], set[str]]:
    """The tree once these jobs are done: every file, those that the work made or changed, every path it may touch."""
    acked = bool(jobs) and "ack" in desk.kind.roles
    store = {file.path for file in desk.store_files(world, desk.entries)}
    after = [file for job in jobs for file in job.after]
    gone = {path for job in jobs for path in job.gone}
    made = [file for file in after if before.get(file.path) is None or before[file.path].content != file.content]
    end = {path: file for path, file in before.items() if path not in gone | store}
    entries = [replace(entry, waiting=entry.waiting and not acked) for entry in desk.entries]
    end |= {file.path: file for file in [*after, *desk.store_files(world, entries)]}
    return list(end.values()), made, {file.path for file in after} | gone | store


def _clutter(world: World) -> list[File]:
    """Files that have nothing to do with anything."""
    files = []
    for _ in range(world.rng.randint(0, 3)):
        folder = world.rng.choice([world.home, f"{world.home}/{world.names.subject()}"])
        name = f"{world.names.word()}.{world.rng.choice(['txt', 'old', 'md', 'log'])}"
        files.append(
            world.file(posixpath.join(folder, name), "\n".join(remarks(world, world.rng.randint(1, 3))) + "\n")
        )
    return files


def _plan(world: World, told: Announced, jobs: list[Job], desk: Desk, blocked: obstacles.Blocked | None) -> list[Step]:
    steps = [Step(goal="look", ways=told.look), Step(goal="learn", ways=desk.documentation.learn)]
    waiting = [entry for entry in desk.entries if entry.waiting]
    listed = False
    for job, entry in zip(jobs, waiting, strict=False):
        stopped = blocked is not None and blocked.sealed is not None
        steps.append(Step(goal="retrieve", ways=_retrievals(desk, entry, listed, stopped)))
        listed = True
        if blocked:
            if blocked.look != [[]]:
                steps.append(Step(goal="execute", ways=blocked.look))
            break
        steps.append(Step(goal="execute", ways=job.ways))
        steps.append(Step(goal="confirm", ways=[[], *job.confirm]))
        if "ack" in desk.kind.roles:
            steps.append(
                Step(goal="acknowledge", ways=[[desk.interface.call(desk.interface.by_role("ack"), entry.id)]])
            )
    if not waiting:
        steps.append(Step(goal="retrieve", ways=[[desk.interface.call(desk.interface.by_role(desk.kind.roles[0]))]]))
    elif not blocked:
        first = desk.interface.call(desk.interface.by_role(desk.kind.roles[0]))
        steps.append(Step(goal="confirm", ways=[[], [first]] if "ack" in desk.kind.roles else [[]]))
    steps.append(Step(goal="end", ways=_endings(blocked)))
    return steps


def _retrievals(desk: Desk, entry: Entry, listed: bool, stopped: bool) -> list[list[str]]:
    """Ways to get one entry's text; with the store sealed the first call already shows the notice."""
    call, roles = desk.interface.call, desk.kind.roles
    first = call(desk.interface.by_role(roles[0]))
    if "next" in roles or stopped:
        return [[first]]
    read = call(desk.interface.by_role("read"), entry.id)
    return [[read], [first, read]] if listed else [[first, read]]


def _endings(blocked: obstacles.Blocked | None) -> list[list[str]]:
    if blocked is None:
        return [["exit"], ["exit 0"]]
    return [[f"panic '{reason}'"] for reason in blocked.reasons] + [[f'panic "{blocked.reasons[0]}"']]


def _probes(jobs: list[Job], desk: Desk) -> list[Probe]:
    """Each job's own wrong solutions with all else done right, and the acknowledgement left out or alone."""
    waiting = [entry for entry in desk.entries if entry.waiting]
    acks = []
    if "ack" in desk.kind.roles:
        acks = [desk.interface.call(desk.interface.by_role("ack"), entry.id) for entry in waiting]
    right = [job.ways[0] for job in jobs]
    probes = []
    for index, job in enumerate(jobs):
        others = [command for place, way in enumerate(right) if place != index for command in way]
        probes += [Probe(kind=p.kind, commands=[*others, *p.commands, *acks]) for p in job.probes]
    if acks:
        probes.append(Probe(kind="not_acknowledged", commands=[command for way in right for command in way]))
        probes.append(Probe(kind="only_acknowledged", commands=acks))
    if len(jobs) > 1:
        probes.append(Probe(kind="one_forgotten", commands=[*right[0], *acks]))
    return probes
