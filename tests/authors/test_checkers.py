"""What a task's checker makes of other right solutions, and of results that only look right."""

from __future__ import annotations

import pytest

from sekft.authors.procedural.tasks import TASKS
from tests.authors.test_tasks import job, trials


@pytest.mark.parametrize("userland", ["busybox", "gnu"])
@pytest.mark.parametrize("kind", TASKS)
async def test_every_other_right_solution_passes(kind: str, userland: str) -> None:
    """Other umasks, tools and orders, and a result without its last newline, are accepted."""
    for seed in range(2):
        host, made = job(kind, seed)
        assert len(made.right) >= 2
        async with trials(host, made, userland) as tried:
            for name, commands in made.right.items():
                run = await tried.run(commands)
                assert run.check.passed, (seed, name, run.evidence())


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
