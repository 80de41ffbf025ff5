"""Task sets of others: what becomes of a task, and what is told of one that cannot be taken."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from sekft.authors.imported import placed
from sekft.errors import UsageError
from sekft.folder import documents, load_scenarios
from sekft.rejection import Rejection
from sekft.runs.import_tasks import read, tree
from sekft.scenario import Scenario, load_noun
from tests.commands import forked

TASKS = {
    "find the C files in /testbed": "find /testbed -name '*.c'",
    "delete the logs below /testbed": "find /testbed -name '*.log' -delete",
    "count the lines of /testbed/long.txt": "wc -l < /testbed/long.txt",
    "compare /testbed/src with /testbed/old": "diff <(ls /testbed/src) <(ls /testbed/old)",
    "say when the sources changed in /testbed": "ls -l /testbed/src",
    "join the sources of /testbed as /testbed/all.c": "cat /testbed/src/*.c > /testbed/all.c",
}
TAKEN = [query for query, gold in TASKS.items() if "<(" not in gold and "ls -l" not in gold]


def test_paths_of_the_task_are_placed_and_others_left() -> None:
    """A folder at the root that no system has moves below /srv, in commands and queries alike."""
    assert placed('find /testbed -newer "/system/a b"') == 'find /srv/testbed -newer "/srv/system/a b"'
    for kept in ("cat /etc/passwd", "s/a/b/", "ls a/b ./c ~/d", r"sed 's/$/\/x/'", "find / -name x", "*/dir"):
        assert placed(kept) == kept


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the command makes of these tasks and their tree."""
    place = tmp_path_factory.mktemp("imported")
    source = place / "files" / "testbed"
    (source / "src").mkdir(parents=True)
    (source / "old").mkdir()
    for name in ("a", "b", "c"):
        (source / "src" / f"{name}.c").write_text(f"int {name};\n")
    (source / "src" / "build.log").write_text("done\n")
    (source / "long.txt").write_text("one\ntwo\n/testbed/src\n")
    (source / "bytes").write_bytes(b"\xff\x00")
    tasks = [{"query": query, "gold": gold} for query, gold in TASKS.items()]
    (place / "tasks.json").write_text(json.dumps(tasks))
    done = forked("eval", "import", place / "tasks.json", "--files", place / "files", "--out", place / "out")
    assert done.returncode == 0, done.stderr
    return place


def by_query(imported: Path) -> dict[str, Scenario]:
    return {
        next(query for query in TASKS if placed(query) in one.directives[0].text): one
        for one in load_scenarios(imported / "out")
    }


def test_tasks_become_gated_held_out_scenarios(imported: Path) -> None:
    """What can be proven is held out, served by a composed provider, and solved by the task's own command."""
    found = by_query(imported)
    assert set(found) == set(TAKEN)
    for query, one in found.items():
        assert (one.split, one.cell["task"], one.provenance.author) == ("heldout", "imported", "imported")
        assert one.gate is not None
        assert one.gate.mode == "sandbox"
        assert one.gate.kill_rate == 1.0
        assert one.alternatives
        assert one.gate.right >= 3
        assert one.needles.evidence == []
        assert len(one.provider.hidden) == 2
        assert any(placed(TASKS[query]) in command for command in one.reference)
    assert len({one.provider.command for one in found.values()}) == len(found)


def test_what_cannot_be_taken_says_why(imported: Path) -> None:
    """A bash command and an answer that hangs on the hour are rejected with their reasons."""
    rejected = [load_noun(Rejection, path) for path in documents(imported / "out" / "rejected")]
    reasons = {rejection.slot: rejection.reason for rejection in rejected}
    assert reasons == {3: "reference_breaks", 4: "depends_on_surroundings"}


def test_lines_may_come_in_any_order_where_nothing_is_sorted(imported: Path) -> None:
    """A find in another order passes the checker, and one line too few does not."""
    from sekft.protocols import SandboxSpec
    from sekft.sandboxes import pick

    one = by_query(imported)["find the C files in /testbed"]
    target = one.needles.directives[0]
    spec = SandboxSpec.of(one)

    async def passes(command: str) -> bool:
        async with pick("auto").open(spec) as session:
            for typed in one.reference[:-1]:
                await session.exec(command if "{" in typed else typed)
            return (await session.check(one.checker)).passed

    find = "find /srv/testbed -name '*.c' | sort -r"
    assert asyncio.run(passes(f"{find} > {target}"))
    assert asyncio.run(passes(f'printf %s "$({find})" > {target}'))
    assert not asyncio.run(passes(f"{find} | head -n 2 > {target}"))
    assert not asyncio.run(passes(f"{{ {find}; printf '\\0'; }} > {target}"))
    assert not asyncio.run(passes(f"{{ {find}; echo; }} > {target}"))


def test_importing_again_does_nothing_twice(imported: Path) -> None:
    """What was taken and what was rejected stays as it is."""
    before = _written(imported / "out")
    again = forked("eval", "import", imported / "tasks.json", "--files", imported / "files", "--out", imported / "out")
    assert again.returncode == 0, again.stderr
    assert _written(imported / "out") == before


def _written(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.json") if ".sekft" not in path.parts}


def test_other_files_are_refused(tmp_path: Path) -> None:
    """What is no list of tasks, no folder, or too large says what is wanted."""
    (tmp_path / "tasks.json").write_text('[{"question": "x"}]')
    with pytest.raises(UsageError, match="`query` and `gold`"):
        read(tmp_path / "tasks.json")
    with pytest.raises(UsageError, match="no such folder"):
        list(tree(tmp_path / "none"))
    (tmp_path / "large").write_bytes(b"x" * (600 << 10))
    with pytest.raises(UsageError, match="a bundle holds it all"):
        list(tree(tmp_path))
