"""What a task's checker makes of other right solutions, and of results that only look right."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sekft.authors.procedural.host import land
from sekft.authors.procedural.tasks import TASKS
from tests.authors.test_tasks import DRAWN, job, trials


@pytest.mark.parametrize(("userland", "seed"), DRAWN)
@pytest.mark.parametrize("kind", TASKS)
async def test_every_other_right_solution_passes(kind: str, userland: str, seed: int) -> None:
    """Other umasks, tools and orders, and a result without its last newline, are accepted."""
    host, made = job(kind, seed)
    assert len(made.right) >= 2
    async with trials(host, made, userland) as tried:
        for name, commands in made.right.items():
            run = await tried.run(commands)
            assert run.check.passed, (name, run.evidence())


@pytest.mark.parametrize("kind", TASKS)
async def test_a_result_is_compared_byte_by_byte(kind: str) -> None:
    """A backup beside a result passes; a NUL, many newlines, garbage or a link instead of it fails."""
    host, made = job(kind, 0)
    before = {file.path: file.data for file in made.files}
    written = [file.path for file in made.after if before.get(file.path) != file.data]
    if not written:
        pytest.skip("the work writes no file of one text")
    path = written[0]
    async with trials(host, made, "busybox") as tried:
        for end in (".orig", ".bak", "~"):
            run = await tried.run([*made.ways[0], f"echo old > {path}{end}"])
            assert run.check.passed, run.evidence()
        for spoil in (
            f"printf '\\0' >> {path}",
            f"cp {path} /tmp/t; {{ printf '\\0'; cat /tmp/t; }} > {path}",
            f"echo >> {path}; echo >> {path}",
            f"{{ yes '' | head -n 70000; echo garbage; }} >> {path}",
            f"mv {path} /tmp/t; ln -s /tmp/t {path}",
            f"cp {path} {path}.rej",
            f"mkdir {path}.bak",
        ):
            run = await tried.run([*made.ways[0], spoil])
            assert run.check.verdict == "fail", (spoil, run.evidence())


@pytest.mark.parametrize(
    "spoil",
    ["cp {0} /tmp/t; rm {0}; ln -s /tmp/t {0}", "{{ cat {0}; head -c 70000 /dev/zero; }} > /tmp/t; cp /tmp/t {0}"],
)
async def test_an_archive_is_a_plain_file_of_bounded_size(spoil: str) -> None:
    """A link to the archive, or one with much behind it, fails."""
    host, made = job("archive", 0)
    (path,) = made.judged
    async with trials(host, made, "busybox") as tried:
        run = await tried.run([*made.ways[0], spoil.format(path)])
        assert run.check.verdict == "fail", run.evidence()


BROKEN = re.compile(
    r"take out the repeats, the lines|\b(?:run|let) \S+ go over|sort the lines of \S+ sorted|lines of \S+ holds"
    r"|rights with|belongs? into|one thing lacks|rows with (?:above|below|over|under|at)\b|of the list for"
    r"|sums (?:as|in) \w+ .* are (?:wanted|due)|(?:every|each) file \S+ \S+ whose names"
    r"|others nothing (?:for|to|from)|twice for"
)


@pytest.mark.parametrize("kind", TASKS)
def test_no_sentence_is_broken(kind: str) -> None:
    """None of the slips that readers have found, whatever stands before and after the core."""
    for seed in range(120):
        text = job(kind, seed)[1].text
        assert not BROKEN.search(text.lower()), text


@pytest.mark.parametrize("kind", ["concat", "join", "report", "template"])
def test_what_is_wanted_is_said(kind: str) -> None:
    """Where one form alone is right, every sentence says it: the order, the columns, the name, the placeholders."""
    wanted = {
        "report": ("name", "each with", " file in "),
        "template": ("placeholder", "template"),
        "concat": ("name",),
        "join": ("column", ", "),
    }[kind]
    for seed in range(60):
        text = job(kind, seed)[1].text.lower()
        assert any(word in text for word in wanted), text


@pytest.mark.parametrize("kind", TASKS)
async def test_right_solutions_hold_for_two_jobs_of_one_kind(kind: str) -> None:
    """Whatever the first solution leaves behind, in /tmp or in the shell, the same one does the next job."""
    host = land({}, 3)
    one, two = (TASKS[kind](host.part(name)) for name in ("one", "two"))
    both = replace(
        one,
        files=(*one.files, *two.files),
        after=(*one.after, *two.after),
        gone=(*one.gone, *two.gone),
        judged={**one.judged, **two.judged},
    )
    async with trials(host, both, "busybox") as tried:
        for name in one.right:
            run = await tried.run([*one.right[name], *two.right[name]])
            assert run.check.passed, (name, run.evidence())


@pytest.mark.parametrize("kind", TASKS)
def test_a_needle_is_no_ordinary_word(kind: str) -> None:
    """A path or a line of invented words: a short name or a file ending may stand in any documentation."""
    for seed in range(60):
        made = job(kind, seed)[1]
        assert "/" in made.needle or re.fullmatch(r"\S+( \S+)+", made.needle), made.needle
        assert made.needle not in made.title
