"""What a teacher's results accept and refuse, how the rest of the tree is measured, and what does not fit it."""

from __future__ import annotations

from typing import Any

import pytest

from sekft import sandboxes
from sekft.authors.results import Result, checker, measured, results_of
from sekft.gate import admit, run_in
from sekft.protocols import SandboxSpec
from sekft.rejection import Admitted
from sekft.scenario import Scenario
from tests import bundles

ACCEPTED: dict[str, tuple[str, dict[str, Any]]] = {
    "text": ("printf 'a b\\n' > x", {"text": "a b\n"}),
    "text, last line not ended": ("printf 'a b' > x", {"text": "a b"}),
    "text, empty": (": > x", {"text": ""}),
    "text of quotes": ("printf '%s\\n' \"it's \\$5 \\\\n\" > x", {"text": "it's $5 \\n"}),
    "words": ("printf '\\ta \\t b \\nc' > x", {"words": "a b\nc"}),
    "words, whatever their own blanks": ("echo a b > x", {"words": "  a\tb "}),
    "lines": ("printf 'b\\na\\nb' > x", {"lines": "a\nb\nb"}),
    "check": ("echo 7 > x", {"check": 'n=$(cat "$1"); [ "$n" -gt 5 ] && [ "$n" -lt 9 ]'}),
    "check that exits": ("echo 7 > x", {"check": "exit 0"}),
    "folder": ("mkdir -m 700 x", {"folder": True}),
    "mode": (": > x; chmod 640 x", {"text": "", "mode": "0640"}),
    "link": ("ln -s /srv/chit x", {"link": "/srv/chit"}),
    "link from here": ("ln -s ../../srv/chit x", {"link": "/srv/chit"}),
    "link to nothing": ("ln -s /srv/none x", {"link": "/srv/none"}),
}  # fmt: skip

REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "other text": ("echo b > x", {"text": "a"}),
    "a part of it": ("echo a > x", {"text": "a\nb"}),
    "two newlines": ("printf 'a\\n\\n' > x", {"text": "a"}),
    "NUL": ("printf 'a\\0' > x", {"text": "a"}),
    "NUL between words": ("printf 'a\\0 b' > x", {"words": "a b"}),
    "NUL between lines": ("printf 'a\\0\\nb\\n' > x", {"lines": "a\nb"}),
    "other words": ("echo a c > x", {"words": "a b"}),
    "words over lines": ("printf 'a\\nb\\n' > x", {"words": "a b"}),
    "a line too often": ("printf 'a\\nb\\nb\\n' > x", {"lines": "a\nb"}),
    "garbage far away": ("{ echo a; yes '' | head -n 70000; echo b; } > x", {"text": "a"}),
    "link to the text": ("echo a > /tmp/x; ln -s /tmp/x x", {"text": "a"}),
    "link to the checker": ("ln -s /proc/self/cmdline x", {"lines": "a"}),
    "no file": ("mkdir x", {"text": ""}),
    "pipe": ("mkfifo x", {"words": ""}),
    "check": ("echo 7 > x", {"check": "grep -q 8 \"$1\""}),
    "check of a link": ("ln -s plan.txt x", {"check": "true"}),
    "check that is no sh": ("echo 7 > x", {"check": "if then"}),
    "linked folder": ("ln -s /srv x", {"folder": True}),
    "mode": (": > x; chmod 644 x", {"text": "", "mode": "600"}),
    "link elsewhere": ("ln -s /srv x", {"link": "/srv/chit"}),
    "file for a link": ("cp plan.txt x", {"link": "/home/ana/plan.txt"}),
}  # fmt: skip


async def verdict(before: str, result: dict[str, Any]) -> tuple[bool, str]:
    script = checker([Result.model_validate({"path": "/home/ana/x", **result})])
    async with sandboxes.pick("auto").open(SandboxSpec.of(bundles.sealed(bundles.work()))) as session:
        await session.exec(before)
        check = await session.check(script)
    assert check.verdict in ("pass", "fail"), check
    return check.passed, check.output


@pytest.mark.parametrize("kind", ACCEPTED)
async def test_what_is_right_passes(kind: str) -> None:
    """A last newline is free, and blanks, order and the way of a link where it is said so."""
    assert await verdict(*ACCEPTED[kind]) == (True, "")


@pytest.mark.parametrize("kind", REFUSED)
async def test_what_is_wrong_fails_and_says_so(kind: str) -> None:
    """Every byte counts, of plain files alone, nothing waits for a pipe, and the path is named."""
    passed, output = await verdict(*REFUSED[kind])
    assert not passed
    assert "/home/ana/x: " in output


@pytest.mark.parametrize("kind", ACCEPTED)
def test_results_are_read_back_from_a_checker(kind: str) -> None:
    """What an admitted scenario shows as an example is what its writer wrote."""
    result = Result.model_validate({"path": "/home/ana/x y", **ACCEPTED[kind][1]})
    (found,) = results_of(checker([result]))
    mode = {"mode": result.mode.lstrip("0")} if result.mode else {}
    text = getattr(result, result.form)
    ended = text.removesuffix("\n") if isinstance(text, str) else text
    assert found == {"path": "/home/ana/x y", result.form: ended, **mode}


def test_a_checker_holds_the_functions_that_it_calls() -> None:
    """No other definition is in it."""
    script = checker([Result(path="/home/ana/x", words="7")])
    assert "words() {" in script
    assert "without_nul() {" in script
    assert "lines() {" not in script
    assert "link() {" not in script


STONE = {"path": "/home/ana/stone.txt", "text": "granite"}


async def made(reference: list[str], results: list[dict[str, Any]], **more: Any) -> tuple[Scenario, list[str]]:
    """The chit's scenario with this work between reading the chit and closing it, as measured."""
    body = bundles.work() | {"checker": "", "probes": []}
    body["reference"][3:4] = reference
    body["files"] += more.pop("files", [])
    scenario = bundles.sealed(body | {"protected": [], **more})
    return await measured(scenario, [Result.model_validate(row) for row in results], sandboxes.pick("auto"))


async def passes(scenario: Scenario, *commands: str) -> tuple[bool, str]:
    async with sandboxes.pick("auto").open(SandboxSpec.of(scenario)) as session:
        run = await run_in(session, commands, scenario.checker)
    assert run.check.verdict in ("pass", "fail"), run.check
    return run.check.passed, run.check.output


ODD = [
    {"path": "/srv/a b/it's [odd]*.txt", "content": "x\n"},
    {"path": "/srv/way", "kind": "symlink", "target": "/home/ana/plan.txt"},
    {"path": "/srv/shut", "content": "secret\n", "mode": "0000", "owner": "root"},
    {"path": "/srv/vault", "kind": "directory", "mode": "0700", "owner": "root"},
    {"path": "/var/lib/desk/drawer/pen", "content": "blue\n"},
    {"path": "/etc/desk.conf", "content": "pens=1\n"},
]


async def test_the_tree_is_measured_and_a_change_is_named() -> None:
    """Names with blanks and pattern signs, links, what is root's and places outside the home: all as it was."""
    scenario, faults = await made(["echo granite > stone.txt"], [STONE], files=ODD)
    assert faults == []
    assert isinstance(await admit(scenario, sandboxes.pick("auto")), Admitted)
    assert {"/home/ana/plan.txt", "/srv/a b/it's [odd]*.txt", "/etc/desk.conf"} <= set(scenario.protected)
    done = ["echo granite > stone.txt", "chit close 7"]
    assert await passes(scenario, *done) == (True, "")
    for change, named in {
        "echo >> '/srv/a b/it'\\''s [odd]*.txt'": "odd",
        "mv /srv/a* '/srv/a  b'": "/srv/a  b",
        "ln -sfn /tmp /srv/way": "/srv/way",
        "chmod 600 plan.txt": "-rw------- /home/ana/plan.txt",
        "echo red > /var/lib/desk/drawer/pen": "/var/lib/desk/drawer/pen",
        ": > /var/lib/desk/drawer/ink": "/var/lib/desk/drawer/ink",
        "mkdir ~/new": "/home/ana/new",
        "cp stone.txt stone.txt.bak": "/home/ana/stone.txt.bak",
    }.items():
        passed, output = await passes(scenario, *done, change)
        assert not passed, change
        assert named in output


async def test_what_the_work_leaves_open_stays_open() -> None:
    """The mode of what is made, and a tool's backup of what was there; not a backup of anything else."""
    results = [{"path": "/home/ana/plan.txt", "text": "water the yew"}]
    scenario, faults = await made(["sed -i s/fig/yew/ plan.txt"], results)
    assert faults == []
    right = "sed -i.bak s/fig/yew/ plan.txt"
    assert await passes(scenario, "umask 077", right, "chit close 7") == (True, "")
    by_hand = ["cp plan.txt plan.txt~", "echo water the yew > plan.txt; chmod 600 plan.txt", "chit close 7"]
    assert await passes(scenario, *by_hand) == (True, "")
    passed, output = await passes(scenario, right, "chit close 7", "echo x > plan.txt.bak")
    assert not passed
    assert "plan.txt.bak" in output


async def test_what_is_moved_removed_linked_or_made_of_what_was_there_is_derived() -> None:
    """No result is asked for it; the reference's own end says what is right."""
    typed = [
        "mkdir box; mv plan.txt box/; cp box/plan.txt copy.txt; ln -s box/plan.txt to; chmod 600 /srv/y; rm /srv/x"
    ]
    files = [{"path": "/srv/x", "content": "x\n"}, {"path": "/srv/y", "content": "y\n"}]
    scenario, faults = await made(typed, [], files=files)
    assert faults == []
    assert await passes(scenario, *typed, "chit close 7") == (True, "")
    for wrong in ("rm to", "echo > box/plan.txt", "rm copy.txt", "chmod 644 /srv/y", "echo x > /srv/x", "rm -r box"):
        passed, output = await passes(scenario, *typed, "chit close 7", wrong)
        assert not passed, wrong
        assert output


async def test_results_that_do_not_fit_the_reference_are_named() -> None:
    """A result that the reference does not touch, and new content that no result names."""
    missed = {"path": "/home/ana/plan.txt", "text": "water the fig"}
    _, faults = await made(["echo granite > stone.txt; echo opal > gem.txt"], [STONE, missed])
    assert len(faults) == 2
    assert "/home/ana/gem.txt" in faults[0]
    assert faults[1].startswith("results.1: the reference leaves /home/ana/plan.txt")


async def test_a_loose_path_is_left_to_itself() -> None:
    """What differs between two right solutions, whatever it holds; a result with a check may differ in its bytes."""
    results = [STONE, {"path": "/home/ana/when", "check": '[ -s "$1" ]'}]
    typed = ["echo granite > stone.txt; date > log.txt; date > when"]
    scenario, faults = await made(typed, results, loose=["/home/ana/log.txt"])
    assert faults == []
    assert scenario.loose == ["/home/ana/log.txt", "/home/ana/when"]
    assert await passes(scenario, "echo granite > stone.txt; echo 7 > when; chit close 7") == (True, "")
