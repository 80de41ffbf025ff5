"""Composes one scenario: a place, jobs, a provider with an interface, an announcement, a checker.

Each part draws from streams of its own. So a twin (the same seed, another ending) differs from its
base by the obstacle alone, and a re-skin (another skin) keeps what is to be done and changes all that is seen.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sekft import __version__
from sekft.authors.drafts import SingleDraft
from sekft.authors.procedural import obstacles
from sekft.authors.procedural.announcements import ANNOUNCEMENTS, Announcement, announcement_text, remarks
from sekft.authors.procedural.blocked import Blocked
from sekft.authors.procedural.checker import tree_checker
from sekft.authors.procedural.decoys import DECOYS, Decoy
from sekft.authors.procedural.host import Host, Job, land, with_parents
from sekft.authors.procedural.names import Names
from sekft.authors.procedural.orientation import orientation
from sekft.authors.procedural.provider.installed import CallPlan, InstalledProvider, Order, furnish
from sekft.authors.procedural.provider.semantics import QueueEntry
from sekft.authors.procedural.requests import TASKS
from sekft.protocols import Draft
from sekft.scenario import (
    Cell,
    Directive,
    Expected,
    File,
    Login,
    Needles,
    PlanStep,
    Probe,
    Provenance,
    Provider,
    Scenario,
)
from sekft.seeds import stream

_VOLATILE = ["/tmp", "/var/tmp"]
_LONG = re.compile(r"\bls -\w*l")
_JOBS = {"plain": 1, "busy": 1, "double": 2, "triple": 3}
_ONE_AT_A_TIME = frozenset(("spool", "journal"))
"""Providers that show no second entry before the first is acknowledged, or all of them at once."""


class ProceduralAuthor:
    """Draws scenarios without a model; the same cell, seed and skin give the same scenario.

    listed: each provider, syntax and layout has one tool, the same in every scenario, instead of always another one.
    """

    name = "procedural"
    settings: Mapping[str, str] = {}
    skins = True

    def __init__(self, listed: bool = False) -> None:
        self.listed = listed

    def begin(self, cell: Cell, seed: int, skin: int = 0) -> Draft:
        return SingleDraft(self.draw(cell, seed, skin))

    def met(self, scenario: Scenario) -> None:
        """Scenarios differ by their seeds alone."""

    async def draw(self, cell: Cell, seed: int, skin: int = 0) -> Scenario:
        return compose(cell, seed, skin, listed=self.listed)


@dataclass(frozen=True)
class Sketch:
    """The parts of a scenario before they are put together. jobs: whose fixtures lie about, asked for or not."""

    host: Host
    announcement: Announcement
    ending: str
    jobs: tuple[Job, ...]
    provider: InstalledProvider
    decoy: Decoy | None
    blocked: Blocked | None
    clutter: tuple[File, ...]

    @property
    def fixtures(self) -> list[File]:
        """Every file at landing."""
        files = [file for job in self.jobs for file in job.files]
        if self.decoy:
            files += [*self.decoy.job.files, *self.decoy.files]
        files += [
            *self.announcement.files,
            *self.provider.files,
            *self.provider.store_files(self.host, self.provider.entries),
            *self.clutter,
        ]
        return with_parents(files, self.host)

    @property
    def waiting(self) -> list[QueueEntry]:
        """The entries that count: neither over nor a decoy."""
        false = self.decoy.body if self.decoy else None
        return [entry for entry in self.provider.entries if entry.waiting and entry.body != false]


def compose(cell: Cell, seed: int, skin: int = 0, given: Job | None = None, listed: bool = False) -> Scenario:
    """One candidate for this cell. given, listed: see `sketch`. Raises KeyError for a value without a kind."""
    return bundle(sketch(cell, seed, skin, given, listed), cell, seed)


def sketch(cell: Cell, seed: int, skin: int = 0, given: Job | None = None, listed: bool = False) -> Sketch:
    """All that is drawn for this cell, while its wording can still be changed.

    given:  the work, which nothing blocks, where it is not drawn but brought along.
    listed: see ProceduralAuthor.
    """
    host = land(seed, skin)
    interface = _listed(cell, host) if listed else None
    tool = (interface or host).names.word((2, 3))
    entrance = host.part("announcement")
    announcement = ANNOUNCEMENTS[cell["announcement"]](entrance, tool, announcement_text(entrance, tool))
    jobs = [given] if given else _drawn(TASKS[cell["task"]], cell, host)
    decoy = None
    if cell["decoy"] in DECOYS:
        part = host.part("decoy")
        decoy = DECOYS[cell["decoy"]](TASKS[part.rng.choice(list(TASKS))](part), part)
        if decoy.motd:
            announcement = replace(announcement, motd=f"{announcement.motd}{decoy.motd}\n")
    barred = ("contradicted",) if cell["provider"] in _ONE_AT_A_TIME else ()
    stopped, eased = (None, given) if given else _met(jobs[0], host, barred)
    blocked = stopped if cell["ending"] == "blocked" else None
    asked = (blocked.job,) if blocked else (eased, *jobs[1:])
    order = Order(
        jobs=asked if cell["ending"] != "empty" else (),
        beside=(stopped.extra, blocked is not None) if stopped and stopped.extra else None,
        decoy=decoy,
        sealed=blocked.sealed if blocked else None,
        notes=tuple(note for note in (stopped and stopped.note, decoy and decoy.note) if note),
    )
    provider = furnish(host.part("desk"), cell, tool, order, interface)
    lying = (*asked, stopped.extra) if stopped and stopped.extra else asked
    return Sketch(host, announcement, cell["ending"], lying, provider, decoy, blocked, _clutter(host.part("clutter")))


def _listed(cell: Cell, host: Host) -> Host:
    """Where the one tool of this provider, syntax and layout is drawn from."""
    rng, skin = (
        stream(0, "listed", cell["provider"], cell["syntax"], cell["layout"], part) for part in ("is", "looks")
    )
    return replace(host, rng=rng, skin=skin, names=Names(skin, host.names.taken))


def _drawn(task: Callable[[Host], Job], cell: Cell, host: Host) -> list[Job]:
    return [task(host.part(f"job {at}")) for at in range(_JOBS[cell["difficulty"]])]


def _met(job: Job, host: Host, barred: Sequence[str]) -> tuple[Blocked, Job]:
    """The work with what blocks it, and with what could have."""
    name = obstacles.draw(host.part("obstacle"), job, barred)
    return obstacles.meet(name, job, host.part("obstacle"))


def bundle(draft: Sketch, cell: Cell, seed: int) -> Scenario:
    """The scenario of a sketch. Raises pydantic's ValidationError where it is none."""
    host, announcement, provider, blocked, decoy = (
        draft.host,
        draft.announcement,
        draft.provider,
        draft.blocked,
        draft.decoy,
    )
    files = draft.fixtures
    before = {file.path: file for file in files}
    done = draft.jobs[: len(draft.waiting)] if draft.ending == "work" else ()
    end, made, touched = _outcome(draft, before, done)
    baits = _paths(decoy.job) if decoy else set()
    untouched = {path for path, file in before.items() if file.kind == "file" and path not in touched}
    steps = _plan(draft)
    notice = blocked.notice if blocked else None if draft.ending == "work" else provider.empty
    hidden = blocked is not None and blocked.hidden
    entrance = host.part("orientation")
    return Scenario(
        seed=seed,
        cell=dict(cell),
        orientation=orientation(entrance),
        login=Login(
            user=host.user,
            host=host.name,
            home=host.home,
            motd=announcement.motd,
            banner=announcement.banner,
            env=dict(announcement.env),
            prompt=announcement.prompt or host.prompt,
        ),
        files=files,
        provider=Provider(
            command=provider.interface.tool,
            kind=cell["provider"],
            help=provider.documentation.learn[0],
            interface=dict(provider.interface.facts),
        ),
        directives=[Directive(id=e.id, text=e.body) for e in draft.waiting if not hidden],
        expected=Expected.model_validate({"terminal": "panic" if blocked else "exit", "kind": draft.ending}),
        checker=tree_checker(end, made, {path: line for job in done for path, line in job.judged.items()}),
        reference=[command for step in steps for command in step.ways[0]],
        needles=Needles(
            announcement=announcement.needle,
            documentation=provider.documentation.needle,
            directives=[job.needle for job in draft.jobs[: len(draft.waiting)]] if draft.waiting and not hidden else [],
            notice=notice,
        ),
        plan=steps,
        protected=sorted(untouched | baits),
        volatile=_VOLATILE,
        loose=sorted(path for job in done for path in job.judged),
        probes=_probes(draft, done),
        family=f"{cell['task']}-{seed:x}",
        provenance=Provenance(author="procedural", version=__version__),
    ).sealed()


def _paths(job: Job) -> set[str]:
    """Every path that carrying out the job makes, changes or removes."""
    return {file.path for file in job.after} | set(job.gone) | set(job.judged)


def _outcome(draft: Sketch, before: Mapping[str, File], done: Sequence[Job]) -> tuple[list[File], list[File], set[str]]:
    """The tree once these jobs are done: every file, those that the work made or changed, every path it may touch."""
    host, provider = draft.host, draft.provider
    answered = {entry.id for entry in draft.waiting if done and provider.acknowledgement(entry)}
    store = {file.path for file in provider.store_files(host, provider.entries)}
    after = [file for job in done for file in job.after]
    gone = {path for job in done for path in job.gone}
    judged = {path for job in done for path in job.judged}
    texts = [file for file in after if file.kind == "file"]
    made = [file for file in texts if before.get(file.path) is None or before[file.path].data != file.data]
    end = {path: file for path, file in before.items() if path not in gone | store | judged}
    entries = [replace(entry, waiting=entry.waiting and entry.id not in answered) for entry in provider.entries]
    end |= {file.path: file for file in [*after, *provider.store_files(host, entries)]}
    return list(end.values()), made, store.union(*map(_paths, done))


def _clutter(host: Host) -> tuple[File, ...]:
    """Files that have nothing to do with anything."""
    files = []
    for _ in range(host.rng.randint(0, 3)):
        folder = host.skin.choice([host.home, f"{host.home}/{host.names.subject()}"])
        name = f"{host.names.word()}.{host.skin.choice(['txt', 'old', 'md', 'log'])}"
        lines = remarks(host, host.rng.randint(1, 3))
        files.append(host.file(posixpath.join(folder, name), "\n".join(lines) + "\n"))
    return tuple(files)


def _plan(draft: Sketch) -> list[PlanStep]:
    provider, blocked = draft.provider, draft.blocked
    steps = [
        PlanStep(goal="look", ways=draft.announcement.look),
        PlanStep(goal="learn", ways=provider.documentation.learn),
    ]
    calls = CallPlan(provider)
    if blocked and blocked.sealed is not None:
        steps.append(_step(provider, "retrieve", [[form] for form in provider.calls(provider.kind.roles[0])]))
    elif draft.ending == "empty":
        steps.append(_step(provider, "retrieve", calls.first()))
    else:
        jobs = iter(draft.jobs)
        for entry in (entry for entry in provider.entries if entry.waiting):
            ways = calls.reach(entry)
            steps += [_step(provider, "retrieve", ways)] if ways != [[]] else []
            if entry in draft.waiting and blocked is None:
                steps += _carried_out(provider, next(jobs), entry)
        if blocked and blocked.look != [[]]:
            steps.append(PlanStep(goal="execute", ways=blocked.look))
    if draft.ending == "work":
        left = calls.rest()
        relist = "list" in provider.kind.roles and not provider.groups and provider.acknowledgement(draft.waiting[0])
        steps.append(
            PlanStep(goal="confirm", ways=[[], [provider.calls("list")[0]]] if left == [[]] and relist else left)
        )
    steps.append(PlanStep(goal="end", ways=_endings(blocked)))
    return _taught(provider, steps)


def _carried_out(provider: InstalledProvider, job: Job, entry: QueueEntry) -> list[PlanStep]:
    looks = [way for way in job.confirm if not (_is_dated(job) and any(_LONG.search(command) for command in way))]
    steps = [PlanStep(goal="execute", ways=job.ways), PlanStep(goal="confirm", ways=[[], *looks])]
    if forms := provider.acknowledgement(entry):
        steps.append(_step(provider, "acknowledge", [[form] for form in forms]))
    return steps


def _is_dated(job: Job) -> bool:
    """Whether the work makes or writes a file: a long listing would tell the hour, and no replay shows it again."""
    before = {file.path: file.data for file in job.files}
    return bool(job.judged) or any(before.get(file.path) != file.data for file in job.after)


def _step(provider: InstalledProvider, goal: str, ways: list[list[str]]) -> PlanStep:
    """A step of calls, with what people type wrongly before they type one of them."""
    typed = {command for way in ways for command in way}
    return PlanStep.model_validate({"goal": goal, "ways": ways, "mistakes": provider.slips(typed)})


def _taught(provider: InstalledProvider, steps: list[PlanStep]) -> list[PlanStep]:
    """The plan with the outdated call made first, where the documentation is out of date; its error teaches the other."""
    if provider.interface.former is None:
        return steps
    for at, step in enumerate(steps):
        ways = [_before(way, provider) for way in step.ways]
        if ways != step.ways:
            return [*steps[:at], step.model_copy(update={"ways": ways, "mistakes": []}), *steps[at + 1 :]]
    return steps


def _before(way: list[str], provider: InstalledProvider) -> list[str]:
    for at, command in enumerate(way):
        if (old := provider.outdated(command)) is not None:
            return [*way[:at], old, *way[at:]]
    return way


def _endings(blocked: Blocked | None) -> list[list[str]]:
    if blocked is None:
        return [["exit"], ["exit 0"]]
    return [[f"panic '{reason}'"] for reason in blocked.reasons] + [[f'panic "{blocked.reasons[0]}"']]


def _probes(draft: Sketch, done: Sequence[Job]) -> list[Probe]:
    """Each job's own wrong solutions with all else done right, the acknowledgement left out or alone, a decoy followed."""
    calls = [draft.provider.acknowledgement(entry) for entry in draft.waiting] if done else []
    acks = [forms[0] for forms in calls if forms]
    right = [job.ways[0] for job in done]
    everything = [command for way in right for command in way]
    probes = []
    for index, job in enumerate(done):
        others = [command for place, way in enumerate(right) if place != index for command in way]
        probes += [Probe(kind=p.kind, commands=[*others, *p.commands, *acks]) for p in job.probes]
        if len(done) > 1:
            probes.append(Probe(kind="one_forgotten", commands=[*others, *acks]))
    if acks:
        probes.append(Probe(kind="not_acknowledged", commands=everything))
        probes.append(Probe(kind="only_acknowledged", commands=acks))
    if draft.decoy:
        probes.append(Probe(kind="decoy_followed", commands=[*everything, *acks, *draft.decoy.job.ways[0]]))
    return probes
