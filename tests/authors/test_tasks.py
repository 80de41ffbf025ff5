"""Every kind of task, met alone in a real sandbox: its ways do it, its probes do not, whatever the userland."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest

from sekft import sandboxes
from sekft.authors.procedural.author import tree_checker
from sekft.authors.procedural.host import Host, Job, Names, land, with_parents
from sekft.authors.procedural.obstacles import OBSTACLES, Blocked, meet
from sekft.authors.procedural.tasks import TASKS
from sekft.authors.procedural.world import SETTINGS
from sekft.gate import TrialRun, Trials
from sekft.protocols import SandboxSpec
from sekft.scenario import Login
from sekft.seeds import stream
from sekft.shell.grounding import Seen

SURFACE = range(60)
DIALS = ("plain", "invented", "mixed")
SOAK = pytest.mark.soak
DRAWN = [("busybox", 0), ("gnu", 1), pytest.param("busybox", 1, marks=SOAK), pytest.param("gnu", 0, marks=SOAK)]
"""Every kind of task is met as one seed draws it in one userland, as another does in the other; `./dev soak` crosses
them."""
SIXTHS = [
    pytest.param(userland, sixth, marks=() if (userland, sixth) in {("busybox", 0), ("gnu", 3)} else SOAK)
    for userland in ("busybox", "gnu")
    for sixth in range(6)
]
"""Every obstacle meets a sixth of the tasks in each userland, which sixth differs from one to the next; `./dev soak`
has every obstacle meet every task in both."""


def job(kind: str, seed: int, skin: int = 0, names: str | None = None) -> tuple[Host, Job]:
    """names: the value of the axis; else one value after the other."""
    host = land({"names": names or DIALS[seed % len(DIALS)]}, seed, skin)
    return host, TASKS[kind](host.part("job"))


def checker(host: Host, job: Job) -> str:
    """Accepts the tree in which the job is done and nothing else has changed."""
    before = {file.path: file for file in with_parents(job.files, host)}
    end = {path: file for path, file in before.items() if path not in {*job.gone, *job.judged}}
    end |= {file.path: file for file in job.after}
    made = [file for file in job.after if file.path not in before or before[file.path].data != file.data]
    return tree_checker(end.values(), [file for file in made if file.kind == "file"], job.judged)


def trials(host: Host, job: Job, userland: str) -> Trials:
    login = Login(user=host.user, host=host.name, home=host.home)
    spec = SandboxSpec(userland, login, tuple(with_parents(job.files, host)))
    return Trials(sandboxes.pick("bubblewrap"), spec, checker(host, job))


def ungrounded(told: str, run: TrialRun) -> list[str]:
    """What of the commands neither the directive nor an earlier answer has shown."""
    seen, missing = Seen(), []
    seen.add(told)
    for command, output in zip(run.commands, run.outputs, strict=False):
        missing += seen.missing(command)
        seen.add(f"{command}\n{output}")
    return missing


@pytest.mark.parametrize(("userland", "seed"), DRAWN)
@pytest.mark.parametrize("kind", TASKS)
async def test_every_way_does_the_work_and_no_probe_does(kind: str, userland: str, seed: int) -> None:
    """Each way passes the check without a word unseen and without an error; each probe and doing nothing fail it."""
    host, made = job(kind, seed)
    async with trials(host, made, userland) as tried:
        run = await tried.reference(made.ways[0])
        assert run.check.passed, run.evidence()
        for way in made.ways:
            run = await tried.run([*way, *made.confirm[0]])
            assert run.check.passed, run.evidence()
            assert not ungrounded(f"{made.title}\n{made.text}", run), run.evidence()
            assert not any(word in text for text in run.outputs for word in _COMPLAINTS), run.evidence()
        for look in made.confirm:
            run = await tried.run([*made.ways[0], *look])
            assert run.check.passed, run.evidence()
        for probe in made.probes:
            run = await tried.run(probe.commands)
            assert run.check.verdict == "fail", (probe.kind, run.evidence())
        assert (await tried.run(())).check.verdict == "fail"


_COMPLAINTS = ("sh: ", "No such file", "not permitted", "denied", "invalid option", "Usage:", "cannot ")


def fitting(name: str, sixth: int) -> list[tuple[int, str]]:
    """Number and kind of the tasks that an obstacle fits, every sixth of them, each obstacle beginning elsewhere."""
    fit = [(at, kind) for at, kind in enumerate(TASKS) if OBSTACLES[name].fits(job(kind, at)[1])]
    return fit[(sixth + sorted(OBSTACLES).index(name)) % 6 :: 6]


def test_every_task_meets_an_obstacle_and_every_obstacle_tasks() -> None:
    """What a test run chooses of the cross leaves none out, in neither userland."""
    met = {name: [fitting(name, sixth) for sixth in (0, 3)] for name in OBSTACLES}
    assert all(tasks for rows in met.values() for tasks in rows)
    assert {kind for rows in met.values() for tasks in rows for _, kind in tasks} == set(TASKS)


def test_a_damaged_file_is_named_once_in_the_near_wording_too() -> None:
    """`runner.log` in `save it as fast-runner.log` is no second name; a job that an obstacle fits can meet it."""
    for kind in ("excerpt", "sorted", "count"):
        for seed in range(150):
            host, made = job(kind, seed)
            if OBSTACLES["damaged"].fits(made):
                meet("damaged", made.nearer, host.part("obstacle"))


@pytest.mark.parametrize(("userland", "sixth"), SIXTHS)
@pytest.mark.parametrize("name", sorted(OBSTACLES))
async def test_every_obstacle_shows_its_notice_and_gives_way_when_it_is_eased(
    name: str, userland: str, sixth: int
) -> None:
    """Each look shows the notice, of known words alone; the eased job can be done in every way."""
    for at, kind in fitting(name, sixth):
        host, made = job(kind, at)
        blocked, eased = meet(name, made, host.part("obstacle"))
        async with trials(host, blocked.job, userland) as tried:
            for look in blocked.look if blocked.look != [[]] else []:
                run = await tried.run(look)
                assert shows(blocked, run.outputs), (kind, run.evidence())
                assert not ungrounded(blocked.job.text, run), (kind, run.evidence())
                assert run.check.passed, (kind, run.evidence())
            for look in blocked.right.values():
                assert (await tried.run(look)).check.passed, (kind, look)
        if blocked.look == [[]]:
            shown = [blocked.job.text, blocked.sealed or "", blocked.extra.text if blocked.extra else ""]
            assert shows(blocked, shown), (kind, blocked)
        else:
            assert len(blocked.right) >= 3
        if OBSTACLES[name].conditional:
            async with trials(host, eased, userland) as tried:
                for way in eased.ways[:2]:
                    run = await tried.run(way)
                    assert run.check.passed, (kind, run.evidence())
                    assert not ungrounded(eased.text, run), (kind, run.evidence())
                    assert name == "damaged" or not any(t in o for t in blocked.texts for o in run.outputs), kind


def shows(blocked: Blocked, texts: Iterable[str]) -> bool:
    """Whether these show one of its texts; where it has none, only looking tells (tests/shell/test_evidence.py)."""
    return not blocked.texts or any(told in text for told in blocked.texts for text in texts)


def drawn(kind: str) -> Sequence[Job]:
    return [job(kind, seed)[1] for seed in SURFACE]


@pytest.mark.parametrize("kind", TASKS)
def test_every_kind_is_asked_for_in_many_words_and_done_in_many_ways(kind: str) -> None:
    """The needle stands in a text of one line, four ways and four probes or more are known, and no text repeats."""
    jobs = drawn(kind)
    for made in jobs:
        assert made.needle in made.text
        assert "\n" not in made.text + made.title
        assert "|" not in made.text + made.title
        assert not set("<>[]") & set(made.text) - set("[]" * (kind == "template"))
        assert len({tuple(way) for way in made.ways}) >= 4
        assert len({probe.kind for probe in made.probes}) >= 4
        assert made.after or made.gone or made.judged
        told = Seen()
        told.add(f"{made.title}\n{made.text}")
        assert not [missing for look in made.confirm for missing in map(told.missing, look) if missing]
        paths = [file.path for file in made.files]
        assert len(paths) == len(set(paths))
        assert all(any(path == need or path.startswith(need + "/") for path in paths) for need in made.needs)
    assert len({made.text for made in jobs}) == len(jobs)


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_tells_every_task(setting: str) -> None:
    """Whatever a setting calls its things, a text shows its needle and no slot, and its checks need no other word."""
    for at, kind in enumerate(TASKS):
        host = land({"names": DIALS[at % len(DIALS)], "setting": setting}, at)
        made = TASKS[kind](host.part("job"))
        told = Seen()
        told.add(f"{made.title}\n{made.text}")
        assert made.needle in made.text
        assert made.needle not in made.title
        assert not set("<>|\n") & set(made.text + made.title), made.text
        assert not [missing for look in made.confirm for missing in map(told.missing, look) if missing], made.text


@pytest.mark.parametrize("kind", TASKS)
def test_another_skin_tells_the_same_task_in_other_names(kind: str) -> None:
    """A re-skin has as many files and changes, told in other words, and seldom under a path of the base."""
    alike = 0
    for seed in SURFACE:
        base, again = (job(kind, seed, skin, "invented")[1] for skin in (0, 1))
        for one, two in (
            (base.files, again.files),
            (base.after, again.after),
            (base.gone, again.gone),
            (base.judged, again.judged),
        ):
            assert len(one) == len(two)
        assert base.text != again.text
        alike += bool({file.path for file in base.files} & {file.path for file in again.files})
    assert alike < len(SURFACE) / 2


@pytest.mark.parametrize("name", sorted(OBSTACLES))
def test_an_obstacle_and_its_easing_are_told_in_the_same_words(name: str) -> None:
    """Whether the condition is met shows in the sandbox and never in the directive, a checksum apart."""
    for kind in TASKS:
        host, made = job(kind, 5)
        if not OBSTACLES[name].fits(made):
            continue
        blocked, eased = meet(name, made, host.part("obstacle"))
        if OBSTACLES[name].conditional and name != "damaged":
            assert blocked.job.text == eased.text
        elif not OBSTACLES[name].conditional:
            assert eased == made


LOOPED = re.compile(r"""for \w+ in [^;]+; do (?:chmod \S+|rm|mv|md5sum|sha256sum|cat) "\$\w+"(?: \S+/)?; done""")


@pytest.mark.parametrize("kind", TASKS)
def test_ways_are_those_of_a_careful_person(kind: str) -> None:
    """No `cd` whose failure would be overlooked, no loop over what takes many names, no count of what is shown next."""
    for made in drawn(kind)[:20]:
        for way in [*made.ways, *made.confirm]:
            assert not [command for command in way if re.match(r"cd \S+;", command) or LOOPED.search(command)], way
            assert not any(one.startswith("wc ") and two.startswith("cat ") for one, two in pairwise(way)), way
            assert "ls ." not in way
        shown = [command for way in made.ways for command in way if "| tee " in command]
        assert not shown, shown


@pytest.mark.parametrize("kind", ["accounts", "filter", "join", "triage", "total"])
def test_a_table_is_seen_before_its_columns_are_named(kind: str) -> None:
    """Nobody knows a separator before a row was shown: a count of lines shows none."""
    for made in drawn(kind)[:20]:
        for way in made.ways:
            looks = [command for command in way if command.split()[0] in ("cat", "head", "grep") and ">" not in command]
            assert looks, way
            assert "grep -c" not in looks[0], way


@pytest.mark.parametrize("kind", ["prune", "retain"])
def test_what_is_deleted_is_looked_for_with_all_that_a_folder_holds(kind: str) -> None:
    """Every look after a deletion shows hidden files, and so does the first one of the usual way."""
    for made in drawn(kind)[:20]:
        for look in [*(way[-1] for way in made.confirm), made.ways[0][0]]:
            assert re.match(r"ls -l?A |find \S+ -type f$", look), look


def test_no_name_is_a_word_of_the_shell() -> None:
    """A name that sh reads as a keyword would be cut off from what it stands in."""
    keywords = {"then", "else", "elif", "done", "esac", "while", "until", "for", "case"}
    rng = stream(3, "names")
    assert not keywords & {Names(rng).word((1, 1)) for _ in range(60_000)}
