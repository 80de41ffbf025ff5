"""The parts of a scenario, drawn: a host, jobs, a provider with an interface, an announcement.

Each part draws from streams of its own. So a twin (the same seed, another ending) differs from its
base by the obstacle alone, and a re-skin (another skin) keeps what is to be done and changes all that is seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sekft.authors.procedural import obstacles
from sekft.authors.procedural.announcements import ANNOUNCEMENTS, Announcement, announcement_text
from sekft.authors.procedural.clutter import clutter
from sekft.authors.procedural.decoys import DECOYS, Decoy
from sekft.authors.procedural.host import Host, Job, land, with_parents
from sekft.authors.procedural.obstacles import Blocked
from sekft.authors.procedural.provider import Contents, install
from sekft.authors.procedural.provider.contract import Provides
from sekft.authors.procedural.provider.real import REAL, Place, told
from sekft.authors.procedural.provider.semantics import QueueEntry
from sekft.authors.procedural.tasks import TASKS
from sekft.scenario import Cell, File
from sekft.seeds import stream

_JOBS = {"short": 1, "plain": 1, "busy": 1, "double": 2, "triple": 3}
_TRIES = 12
"""Announcements, of which the first that fits is taken."""
_ONE_AT_A_TIME = frozenset(("spool", "journal"))
"""Providers that show no second entry before the first is acknowledged, or all of them at once."""


@dataclass(frozen=True)
class Sketch:
    """The parts of a scenario before they are put together.

    jobs: whose fixtures lie about, asked for or not. obstacle: by name; eased where the ending is not blocked.
    """

    host: Host
    announcement: Announcement
    ending: str
    jobs: tuple[Job, ...]
    provider: Provides
    decoy: Decoy | None
    blocked: Blocked | None
    clutter: tuple[File, ...]
    obstacle: str | None = None

    @property
    def fixtures(self) -> list[File]:
        """Every file at landing."""
        files = [*self.clutter, *(file for job in self.jobs for file in job.files)]  # of one path, the last is taken
        if self.decoy:
            files += [*self.decoy.job.files, *self.decoy.files]
        store = self.provider.store_files(self.host, self.provider.entries)
        return with_parents([*files, *self.announcement.files, *self.provider.files, *store], self.host)

    @property
    def waiting(self) -> list[QueueEntry]:
        """The entries that count: neither over nor a decoy."""
        false = self.decoy.body if self.decoy else None
        return [entry for entry in self.provider.entries if entry.waiting and entry.body != false]


def sketch(cell: Cell, seed: int, skin: int = 0, given: Job | None = None, listed: bool = False) -> Sketch:
    """All that is drawn for this cell, while its wording can still be changed.

    given:  the work, which nothing blocks, where it is not drawn but brought along.
    listed: see ProceduralAuthor.
    """
    host = land(cell, seed, skin)
    interface = _listed(cell, host) if listed and cell["provider"] not in REAL else None
    place = REAL[cell["provider"]].placed(host.part("place")) if cell["provider"] in REAL else None
    tool = place.call if place else (interface.names.word((2, 3)) if interface else host.tool())
    count = _JOBS[cell["difficulty"]]
    # Where only one person's entries count, all work is asked for by that person, and the decoy by somebody else.
    keeper = host.part("keeper").person() if cell["decoy"] == "forged" else None
    places = [replace(host.part(f"job {at}"), writer=keeper) for at in range(count)]
    jobs = [given] if given else [TASKS[cell["task"]](place) for place in places]
    decoy = None
    if cell["decoy"] in DECOYS:
        part = replace(host.part("decoy"), brief=True)  # little is said of it, and little lies around for it
        apart = replace(part, writer=part.person(keeper.name)) if keeper else part
        false = TASKS[part.rng.choice(list(TASKS))](apart)
        decoy = DECOYS[cell["decoy"]](false.nearer, replace(part, writer=keeper))
    announcement = _announced(cell, host.part("announcement"), place or tool, decoy)
    stopped, eased, obstacle = None, jobs[0], None
    if not given:
        barred = ("contradicted",) if cell["provider"] in _ONE_AT_A_TIME else place.barred if place else ()
        part = host.part("obstacle")
        obstacle = obstacles.draw(part, jobs[0], barred)
        # An ambiguous name is one that stands for a whole path.
        jobs = [job if at == 0 and obstacle == "ambiguous" else job.nearer for at, job in enumerate(jobs)]
        stopped, eased = obstacles.meet(obstacle, jobs[0], part)
    blocked = stopped if cell["ending"] == "blocked" else None
    work = (blocked.job,) if blocked else (eased, *jobs[1:])
    contents = Contents(
        jobs=work if cell["ending"] != "empty" else (),
        titles=lambda at: _title(host.part(f"past {at}")),
        beside=(stopped.extra, blocked is not None) if stopped and stopped.extra else None,
        decoy=decoy,
        sealed=blocked.sealed if blocked else None,
    )
    provider = _installed(host.part("desk"), cell, place or tool, contents, interface)
    jobs_about = (*work, stopped.extra) if stopped and stopped.extra else work
    about = clutter(host.part("clutter"))
    return Sketch(host, announcement, cell["ending"], jobs_about, provider, decoy, blocked, about, obstacle)


def _announced(cell: Cell, host: Host, at: Place | str, decoy: Decoy | None) -> Announcement:
    """How one learns of the tool, and of what counts there: in one sentence where the channel has sentences."""
    tool, rule = at.call if isinstance(at, Place) else at, (decoy and decoy.rule) or ""
    drawn = [told(host, at) if isinstance(at, Place) else announcement_text(host, at) for _ in range(_TRIES)]
    others = [name for person in host.cast[1:] for name in (person.first, person.role)]
    # Where one person's entries alone count, nobody else is said to enter any.
    text = next((text for text in drawn if not (rule and any(name in text for name in others))), drawn[0])
    made = ANNOUNCEMENTS[cell["announcement"]](host, tool, f"{text} {rule}".strip())
    more = [line for line in (rule, decoy and decoy.motd) if line and line not in made.needle]
    return replace(made, motd=made.motd + "".join(f"{line}\n" for line in more))


def _installed(host: Host, cell: Cell, at: Place | str, contents: Contents, interface: Host | None) -> Provides:
    return at.install(host, cell, contents) if isinstance(at, Place) else install(host, cell, at, contents, interface)


def _title(host: Host) -> str:
    """What some work is called that is over."""
    return TASKS[host.rng.choice(list(TASKS))](host).title


def _listed(cell: Cell, host: Host) -> Host:
    """Where the one tool of this provider, syntax and layout is drawn from."""
    key = "listed", cell["provider"], cell["syntax"], cell["layout"]
    rng, skin = stream(0, *key, "is"), stream(0, *key, "looks")
    return host.drawing(rng, skin, set())
