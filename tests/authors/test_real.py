"""Providers that are real programs: one contract for all of them, and what people do with each that no plan knows."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import sekft
from sekft import sandboxes
from sekft.authors.procedural.author import bundle, compose
from sekft.authors.procedural.provider.real import REAL, Place, RealProvider
from sekft.authors.procedural.provider.real.git import Git
from sekft.authors.procedural.sketch import Sketch, sketch
from sekft.gate import admit
from sekft.protocols import SandboxSpec
from sekft.rejection import Admitted
from sekft.scenario import Scenario
from sekft.shell.evidence import Exchange, is_shown, retrieved_at
from sekft.taxonomy import load, parse_where
from sekft.trajectory import effects

SANDBOX = "bubblewrap"
ENDINGS = ("work", "empty", "blocked")
PLAIN = {"decoy": "none", "difficulty": "plain"}


def cell(kind: str, slot: int = 0, **values: str) -> dict[str, str]:
    return {**load().cell(5, slot, parse_where(load(), [f"provider={kind}"])), **values}


def drawn(kind: str, wanted: Callable[[Sketch], bool], **values: str) -> tuple[Sketch, Scenario]:
    """The first sketch of that kind that has what is wanted, and its scenario."""
    for seed in range(400):
        here = cell(kind, seed % 20, **values)
        draft = sketch(here, seed)
        if wanted(draft):
            return draft, bundle(draft, here, seed)
    raise AssertionError(f"{kind}: no draw of 400 has it")


def place(draft: Sketch) -> Place:
    assert isinstance(draft.provider, RealProvider)
    return draft.provider.place


def acknowledges(draft: Sketch) -> bool:
    return bool(draft.waiting) and bool(draft.provider.acknowledgement(draft.waiting[0]))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", REAL)
async def test_the_gate_admits_what_is_drawn_and_the_reference_is_kept(kind: str, ending: str) -> None:
    """Whatever the ending: a draw is proved, and a session that types its reference is worth keeping."""
    seed = 31 * ENDINGS.index(ending) + len(kind)
    scenario = compose(cell(kind, seed % 9, ending=ending, difficulty="busy", decoy="stale"), seed)
    proved = await admit(scenario, sandboxes.pick(SANDBOX))
    assert isinstance(proved, Admitted), proved
    typed = iter(scenario.reference)
    trajectory = await sekft.play(scenario, lambda turns: next(typed))
    assert trajectory.keep, (trajectory.outcome, trajectory.keep_reasons)


@pytest.mark.parametrize("kind", REAL)
async def test_reading_changes_nothing_and_the_store_is_closed(kind: str) -> None:
    """Each way to learn, list and read leaves every path outside `volatile` as it was; nobody opens the store."""
    draft, scenario = drawn(kind, lambda draft: True, ending="work", difficulty="double", decoy="none")
    provider = draft.provider
    entries = [way for entry in draft.waiting for way in provider.call_plan().reach(entry)]
    async with sandboxes.pick(SANDBOX).open(SandboxSpec.of(scenario)) as session:
        before = await session.state()
        for way in [*provider.learn, *provider.call_plan().first(), *entries]:
            for command in way:
                result = await session.exec(command)
                assert result.status == 0, (command, result.output)
        changed = [effect.path for effect in effects(before, await session.state())]
        assert [path for path in changed if not path.startswith(("/tmp/", *provider.volatile))] == []
        for path in provider.hidden[1:]:
            opened = await session.exec(f"cat {path} {path}/*; ls {path}/; cp -r {path} /tmp/taken")
            assert not any(directive.text in opened.output for directive in scenario.directives)
            assert "ermission denied" in opened.output, opened.output


@pytest.mark.parametrize("kind", REAL)
def test_a_draw_varies_in_all_its_parts(kind: str) -> None:
    """Each part of the draw takes more than one value, and places hardly repeat."""
    places = [REAL[kind].placed(sketch(cell(kind, at % 9), at).host.part("place")) for at in range(80)]
    for part in places[0].style:
        assert len({place.style[part] for place in places}) > 1, part
    assert len({place.path for place in places}) > 70
    assert all(isinstance(place, Place) and place.path.startswith("/") for place in places)


@pytest.mark.parametrize("kind", REAL)
def test_what_the_documentation_says_does_not_depend_on_the_ending(kind: str) -> None:
    """The same seed under another ending has the same guide, and the same program but for a sealed service."""
    for seed in range(12):
        drafts = [sketch({**cell(kind, seed), **PLAIN, "ending": ending}, seed) for ending in ENDINGS]
        guides = {draft.provider.guide for draft in drafts if isinstance(draft.provider, RealProvider)}
        assert len(guides) == 1, guides


def test_git_itself_finds_nothing_wrong_with_the_repositories(tmp_path: Path) -> None:
    """Each form of repository passes fsck, with every object in one pack that git accepts."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("no git here to check with")
    seen = set()
    for seed in range(60):
        draft = sketch(cell("git", seed % 20), seed)
        assert isinstance(draft.provider, Git)
        if (form := draft.provider.style["form"]) in seen:
            continue
        seen.add(form)
        root = tmp_path / form
        for file in draft.provider.store_files(draft.host, draft.provider.entries):
            path = root / file.path.removeprefix(place(draft).path).lstrip("/")
            path.mkdir(parents=True, exist_ok=True) if file.kind == "directory" else path.parent.mkdir(
                parents=True, exist_ok=True
            )
            if file.kind == "file":
                path.write_bytes(file.data)
        checked = subprocess.run([git, "-C", root, "fsck", "--full", "--strict"], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        assert "dangling" not in checked.stdout + checked.stderr, checked.stdout
    assert seen == {"branches", "files", "notes", "sheet"}


async def solved(scenario: Scenario, before: list[str], after: list[str]) -> str:
    """The outcome of a session: these commands, the work as the plan has it, those commands, the ending."""
    work = [command for step in scenario.plan if step.goal == "execute" for command in step.ways[0]]
    looks = [command for step in scenario.plan if step.goal == "look" for command in step.ways[0]]
    typed = iter([*looks, *before, "cd", *work, "cd", *after, scenario.plan[-1].ways[0][0]])
    trajectory = await sekft.play(scenario, lambda turns: next(typed))
    assert trajectory.keep, (trajectory.outcome, trajectory.keep_reasons, [turn.content for turn in trajectory.turns])
    return trajectory.outcome


@pytest.mark.parametrize("closes", ["delete", "tag"])
@pytest.mark.parametrize("copy", ["", "elsewhere"])
async def test_a_working_copy_in_the_home_is_read_and_pushed_from(copy: str, closes: str) -> None:
    """Directives read by `cat` in a clone count; what is pushed from there closes; the clone may stay."""
    wanted = {"form": "branches", "close": closes}
    draft, scenario = drawn(
        "git",
        lambda draft: acknowledges(draft) and wanted.items() <= draft.provider.facts.items(),
        ending="work",
        **PLAIN,
    )
    style, repository = draft.provider.facts, draft.provider.hidden[1]
    folder = copy or repository.rpartition("/")[2].removesuffix(".git")
    branch, tag = (f"{style[name]}/{scenario.directives[0].id}" for name in ("at", "tag"))
    read = [f"git clone {repository} {copy}", f"cd {folder} && cat {style['readme']}"]
    read.append(f"git checkout -q {branch}; cat {style['name']}")
    done = f"git push origin --delete {branch}" if closes == "delete" else f"git tag {tag} && git push origin {tag}"
    assert await solved(scenario, read, [f"cd {folder}; {done}"]) == "solved"


async def test_a_database_is_read_as_people_read_it() -> None:
    """A dump, a script on standard input, a query in a query's loop, a copy opened by Python; the raw file is shut."""
    draft, scenario = drawn("sqlite", acknowledges, ending="work", **PLAIN)
    path, table, name = place(draft).path, scenario.needles.documentation, draft.provider.facts["id"]
    python = f"import sqlite3; print(*sqlite3.connect('{{}}').execute('select * from {table}'))"
    one = f"sqlite3 -json {path} \"select * from {table} where {name} = '$i'\""
    reads = [
        [f'python3 -c "{python.format(path)}"', f"sqlite3 {path} .dump"],
        [f"sqlite3 {path} <<'EOF'\n.schema\n.mode column\nselect * from {table};\nEOF"],
        [f"sqlite3 {path} .tables", f"sqlite3 {path} 'select {name} from {table}' | while read -r i; do {one}; done"],
        [f"sqlite3 {path} .schema '.backup /tmp/b'", f'python3 -c "{python.format("/tmp/b")}"'],
    ]
    for read, way in zip(reads, draft.provider.acknowledgement(draft.waiting[0]) * 2, strict=False):
        assert await solved(scenario, read, [way]) == "solved", read


async def test_a_mailbox_is_read_and_thinned_by_numbers() -> None:
    """All letters at once, one after the other, a copy of the box; deleted by number or by subject."""
    draft, scenario = drawn("mail", acknowledges, ending="work", **PLAIN)
    box, name = place(draft).path, scenario.directives[0].id
    number = draft.provider.entries and len([e for e in draft.provider.entries if e.waiting and e.id <= name]) + 1
    ways = [
        ([f"printf 'p *\\nx\\n' | mail -f {box}"], f"printf 'd {number}\\nq\\n' | mail -f {box}"),
        ([f"cat {box}; yes '' | head -9 | mail -f {box}"], f"echo 'delete /{name}' | mail -N -f {box}"),
        (
            [f"printf 'copy * /tmp/c\\nx\\n' | mail -f {box}", "cat /tmp/c"],
            f"echo d{number} | mail -f {box} >/dev/null",
        ),
    ]
    for read, close in ways:
        assert await solved(scenario, read, [close]) == "solved", read


async def test_a_makefile_is_used_from_its_folder() -> None:
    """`cat Makefile`, a loop over what it lists, a variable in the environment."""
    draft, scenario = drawn("makefile", acknowledges, ending="work", **PLAIN)
    path, style, name = place(draft).path, draft.provider.facts, scenario.directives[0].id
    each = f"for i in $(make -s {style['list']} | cut -d' ' -f1); do make -s {style['show']} {style['var']}=$i; done"
    assert (
        await solved(
            scenario,
            [f"cd {path}; ls; cat Makefile; make help", each],
            [f"make -C {path} {style['done']} {style['var']}={name}"],
        )
        == "solved"
    )
    in_environment = f"{style['var']}={name} make -sC {path} {style['done']}"
    assert (
        await solved(scenario, [f"make -sC {path} help; cat {path}/Makefile", f"cd {path}; {each}"], [in_environment])
        == "solved"
    )


async def test_a_service_is_asked_as_people_ask_it() -> None:
    """Other options, another host name, a pipe into jq and a loop of further requests while the first is answered."""
    draft, scenario = drawn("webapi", acknowledges, ending="work", **PLAIN)
    socket, words = place(draft).path, draft.provider.acknowledgement(draft.waiting[0])
    base, nouns = f"http://x{draft.provider.facts['root']}", place(draft).nouns
    ask = f"curl -s --unix-socket {socket}"
    loop = f"{ask} {base}/{nouns} | jq -r '.{nouns}[].id' | while read -r i; do {ask} {base}/{nouns}/$i; done"
    assert await solved(scenario, [f"curl -i --unix-socket {socket} http://x", loop], [words[0]]) == "solved"
    kept = [
        f"{ask} http://x/ -o /tmp/i; cat /tmp/i",
        f"{ask} {base}/{nouns}/{scenario.directives[0].id} > /tmp/o",
        "jq . /tmp/o",
    ]
    assert await solved(scenario, kept, [words[1]]) == "solved"


def test_a_text_counts_where_a_narrow_column_breaks_it() -> None:
    """sqlite3's columns and boxes are 60 characters wide: what stands in one of them was shown."""
    column = "id  body\n--  ----------\n7   put it int\n    o /srv/box\n"
    rows = "│ id │   body   │", "│ 7  │ put it i │", "│    │ nto /srv │"
    box = "┌────┬──────────┐\n" + "\n".join(rows) + "\n└────┴──────────┘\n"
    assert is_shown("into /srv", column)
    assert is_shown("into /srv", box)
    assert not is_shown("into /opt", column + box)


def test_what_a_provider_behind_the_door_gave_out_may_be_shown_later() -> None:
    """A clone is made by one command and read by another; without a call before it, a text in a file does not count."""
    scenario = compose({**cell("git"), "ending": "work", **PLAIN}, 3)
    shown = "\n".join(scenario.needles.directives)
    read = Exchange("cat copy/README", shown, "/tmp")
    assert retrieved_at(scenario, [Exchange("git clone /srv/x copy", "", "/tmp", 1), read]) == 1
    assert retrieved_at(scenario, [read]) is None
