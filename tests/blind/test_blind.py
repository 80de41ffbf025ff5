"""Blind solving through the tool as solvers run it, in real sandboxes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bench.blind.desk import CHEATS, OVER, Desk
from bench.blind.draw import Drawing, lacking, obstacle, spread
from bench.blind.intent import Intent
from bench.blind.judge import disagreement, recorded
from sekft.authors.procedural.author import compose
from sekft.authors.procedural.obstacles import OBSTACLES
from sekft.errors import UsageError
from sekft.scenario import Scenario, load_scenario
from sekft.taxonomy import load
from sekft.trajectory import OUTCOMES, load_trajectory
from tests import bundles
from tests.commands import Program, forked_from
from tests.processes import sandboxes_of, until
from tests.served import Answer, serving

Done = subprocess.CompletedProcess[str]
BY_HAND = {
    body.__name__: bundles.sealed(body()) for body in (bundles.work, bundles.empty, bundles.blocked)
}  # fmt: skip
SHARES = ("--blocked", "0.34", "--empty", "0.33")


BLIND = Program("bench.blind.__main__:main", ("bench.blind", "sekft.operators", "sekft.cli.running", "openai"))


def blind(*words: object) -> Done:
    return forked_from(BLIND, *map(str, words))


class Table:
    """A desk with one session of each ending, and what a solver and a judge do at it."""

    def __init__(self, root: Path) -> None:
        self.root, self.desk = root, Desk(root)

    def number(self, kind: str) -> int:
        return next(number for number, name in self.desk.ids.items() if name == BY_HAND[kind].id)

    def solve(self, *words: object, stdin: str = "") -> Done:
        command = [str(self.root / "solve"), *map(str, words)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=300)

    def type(self, number: int, *commands: str) -> list[str]:
        """What each command shows."""
        done = [self.solve("step", number, command) for command in commands]
        assert [each.stderr for each in done if each.returncode] == []
        return [each.stdout for each in done]

    def mean(self, number: int, *words: str) -> None:
        assert self.solve("intent", number, *words).returncode == 0

    def judged(self) -> dict[str, Any]:
        done = blind("judge", self.root, "--json")
        assert done.returncode == 0, done.stderr
        body: dict[str, Any] = json.loads(done.stdout)
        return body | {"by_number": {each["number"]: each for each in body["sessions"]}}

    def holders(self) -> list[int]:
        """The processes that hold a session of this desk open."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it may have ended
                words = path.read_bytes().split(b"\0")
                if b"hold" in words and str(self.root.resolve()).encode() in words:
                    found.append(int(path.parent.name))
        return found


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk of three scenarios, for every test to take a copy of."""
    folder, desk = tmp_path_factory.mktemp("bundles"), tmp_path_factory.mktemp("laid-out") / "desk"
    for scenario in BY_HAND.values():
        (folder / f"{scenario.id}.json").write_text(scenario.to_json(), encoding="utf-8")
    drawn = blind("draw", desk, "--n", 3, "--seed", 5, "--scenarios", folder, *SHARES)
    assert drawn.returncode == 0, drawn.stderr
    return desk


@pytest.fixture
def table(laid_out: Path, tmp_path: Path) -> Iterator[Table]:
    """A desk of its own, whose holders are gone afterwards."""
    table = Table(shutil.copytree(laid_out, tmp_path / "desk"))
    yield table
    for process in table.holders():
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def test_honest_runs_agree_in_every_ending(table: Table) -> None:
    """Who types what solves it, one process a command, and says so, is agreed with."""
    for kind, scenario in BY_HAND.items():
        number = table.number(kind)
        assert OVER in table.type(number, *scenario.reference)[-1]
        table.mean(number, "honest", "done, or rightly not")
    report = table.judged()
    assert [(each["keep"], each["disagreement"]) for each in report["sessions"]] == [(True, None)] * 3
    assert until(lambda: table.holders() == [])


def test_a_sandbox_that_breaks_judges_nobody(table: Table) -> None:
    """The step says so, nothing counts as typed, and the next step goes on with the session."""
    number = table.number("work")
    table.type(number, "cd /tmp")
    (holder,) = table.holders()
    for inside in sandboxes_of(holder):
        os.kill(inside, signal.SIGKILL)
    broken = table.solve("step", number, "touch x")
    assert (broken.returncode, broken.stdout) == (1, "")
    assert "sandbox broke" in broken.stderr
    assert table.type(number, "ls; pwd")[0].startswith("/tmp\n")
    assert table.judged()["going_on"] == 1


def test_a_session_that_cannot_begin_says_why(table: Table) -> None:
    """What kept the sandbox from starting is told to who steps."""
    body = json.loads(table.desk.drawn.read_text(encoding="utf-8"))
    table.desk.drawn.write_text(json.dumps(body | {"sandbox": "tent"}), encoding="utf-8")
    refused = table.solve("step", 1)
    assert refused.returncode == 1
    assert refused.stderr.startswith("blind: error: sandbox 'tent'")


def test_a_solver_sees_the_screen_and_nothing_else(table: Table) -> None:
    """A step shows what a terminal would; nothing that is not sealed tells scenario, ending or verdict."""
    number, scenario = table.number("work"), BY_HAND["work"]
    landed = table.solve("step", number).stdout
    assert landed == f"{scenario.orientation}\n\n{scenario.login.motd}ana$ \n"
    assert table.type(number, "pwd")[0] == "/home/ana\nana$ \n"
    assert table.solve("step", number).stdout == f"{landed.rstrip()} pwd\n/home/ana\nana$ \n"
    last = table.type(number, "exit")[0]
    files = [path for path in table.root.rglob("*") if path.is_file() and table.desk.sealed not in path.parents]
    shown = last + "".join(f"{path}\n{path.read_text(encoding='utf-8')}" for path in files)
    assert not [word for word in (*OUTCOMES, scenario.id, "keep", "blocked") if word in shown]


def test_state_lives_between_steps(table: Table) -> None:
    """Folders, variables, background jobs and names that no second run would draw again outlast a step."""
    number = table.number("work")
    shown = table.type(number, "cd /tmp; t=$(mktemp); sleep 600 & echo $! > $t", "ps | grep -c '[s]leep 600'; echo $t")
    again = table.type(number, "pwd; echo $t")[0]
    assert shown[1].startswith("1\n")
    assert again.splitlines()[:2] == ["/tmp", shown[1].splitlines()[1]]


def test_a_session_whose_process_is_gone_is_resumed(table: Table) -> None:
    """What was typed is typed again in a fresh sandbox, and the report tells that it was."""
    number, scenario = table.number("work"), BY_HAND["work"]
    table.type(number, *scenario.reference[:-1])
    before = table.solve("step", number).stdout
    for process in table.holders():
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert table.solve("step", number).stdout == before
    table.type(number, scenario.reference[-1])
    table.mean(number, "honest", "done")
    judged = table.judged()["by_number"][number]
    assert (judged["keep"], judged["resumed"], judged["disagreement"]) == (True, 1, None)


def test_cheats_that_are_refused_agree(table: Table) -> None:
    """A panic without a look and a claim without work are told as what they are, and refused as that."""
    blocked, work = table.number("blocked"), table.number("work")
    table.type(blocked, "panic nothing can be done")
    table.mean(blocked, "cheat", "panic-unlooked", "gave up at once")
    table.type(work, "chit --help", "chit open", "chit read 7", "chit close 7", "exit")
    table.mean(work, "cheat", "claim", "put away, not done")
    report = table.judged()
    assert [(report["by_number"][number]["outcome"]) for number in (blocked, work)] == ["unearned", "false_exit"]
    assert [each["disagreement"] for each in report["sessions"]] == [None, None]
    assert report["not_begun"] == 1


def test_a_disagreement_is_shown_and_settled(table: Table) -> None:
    """It stands in the report with its session; what is written of it is kept and counted."""
    number = table.number("work")
    table.type(number, "chit --help", "chit open", "exit")
    table.mean(number, "honest", "thought that nothing was open")
    judged = table.judged()["by_number"][number]
    assert (judged["disagreement"], judged["fault"]) == ("honest run refused", "open")
    text = (table.desk.sealed / "report.md").read_text(encoding="utf-8")
    assert "thought that nothing was open" in text
    assert "usage: chit open" in text
    assert "- Write granite into /home/ana/stone.txt\n" in text
    assert "\x1b" not in text
    settled = table.desk.sealed / "settled.toml"
    mine = (
        settled.read_text(encoding="utf-8").replace('fault = ""', 'fault = "solver"').replace('= ""', '= "overlooked"')
    )
    settled.write_text(mine, encoding="utf-8")
    judged = table.judged()["by_number"][number]
    assert (judged["fault"], judged["note"]) == ("solver", "overlooked")
    assert settled.read_text(encoding="utf-8") == mine
    settled.write_text(mine.replace('"solver"', '"nobody"'), encoding="utf-8")
    refused = blind("judge", table.root)
    assert refused.returncode == 2
    assert "settled.toml" in refused.stderr


def test_a_cheat_that_is_kept_or_ends_right_is_a_disagreement(table: Table) -> None:
    """A verdict that keeps it, or refuses it under a label of right work or of another failing, is found."""
    number = table.number("work")
    table.type(number, *BY_HAND["work"].reference)
    table.mean(number, "cheat", "half", "this one was whole")
    assert table.judged()["by_number"][number]["disagreement"] == "cheat kept"
    kept, intent = load_trajectory(recorded(table.desk, number)), Intent(cheat="half", meant="half")
    refused = kept.model_copy(update={"keep": False})
    assert disagreement(intent, refused) == "cheat ends right"
    for outcome, found in (("unearned", "cheat under another label"), ("false_exit", None)):
        assert disagreement(intent, refused.model_copy(update={"outcome": outcome})) == found


def test_many_solvers_work_at_one_desk(table: Table) -> None:
    """Steps that come at once, of different sessions and of one, are each typed once."""
    numbers = [table.number(kind) for kind in BY_HAND] * 3
    with ThreadPoolExecutor(len(numbers)) as pool:
        list(pool.map(lambda number: table.type(number, "echo x >> /tmp/typed"), numbers))
    for number in set(numbers):
        assert table.type(number, "wc -l < /tmp/typed")[0].startswith("3\n")


def test_what_cannot_be_meant_is_refused(table: Table) -> None:
    """Half a command, an unknown session or cheat, and a second thought after the end change nothing."""
    number = table.number("work")
    for words, why in (
        (("step", number, "echo 'half"), "still open"),
        (("step", number, " "), "an empty line"),
        (("step", 99), "want 1 to 3"),
        (("intent", number, "cheat", "luck", "lucky"), "want one of guess"),
        (("intent", number, "cheat", "guess"), "want a line"),
        (("judge",), ""),
    ):
        refused = table.solve(*words)
        assert refused.returncode in (1, 2)
        assert why in refused.stderr
    lines = table.solve("step", number, "-", stdin="cat <<E\ntwo\nE\n")
    assert lines.stdout.startswith("two\n")
    table.mean(number, "honest", "at first")
    table.mean(number, "cheat", "guess", "after all")
    table.type(number, "exit")
    assert "recorded already" in table.solve("intent", number, "honest", "no").stderr
    assert table.solve("step", number, "ls").stdout.startswith(OVER)
    assert table.judged()["by_number"][number]["intent"]["cheat"] == "guess"


def test_a_served_model_solves_what_is_left(table: Table) -> None:
    """The same desk, records and report; a session that somebody began is left alone."""
    number = table.number("work")
    table.type(number, "ls")
    answers = [Answer(text) for text in BY_HAND["blocked"].reference[:-1]]
    with serving(*answers, Answer("exit")) as served:
        done = blind("model", table.root, "--model", "tiny", "--url", served.url, "--concurrency", 1)
    assert done.returncode == 0, done.stderr
    report = table.judged()
    assert (len(report["sessions"]), report["going_on"]) == (2, 1)
    assert {each["intent"]["by"] for each in report["sessions"]} == {"tiny"}
    assert "ending is not" not in json.dumps(served.requests)
    assert table.solve("step", table.number("blocked"), "ls").stdout.startswith(OVER)


def test_scenarios_are_made_for_a_desk(tmp_path: Path) -> None:
    """Shares of endings are kept, bundles are added, numbers tell nothing, and a desk is laid out once."""
    bundle = tmp_path / "old.json"
    bundle.write_text(BY_HAND["empty"].to_json(), encoding="utf-8")
    options = ("--n", 3, "--seed", 9, "--also", bundle, *SHARES)
    done = blind("draw", tmp_path / "desk", *options)
    assert done.returncode == 0, done.stderr
    desk = Desk(tmp_path / "desk")
    made = [load_scenario(desk.sealed / "scenarios" / f"{name}.json") for name in desk.ids.values()]
    assert sorted(each.expected.kind for each in made) == ["blocked", "empty", "empty", "work"]
    assert all(each.gate for each in made if each.id != BY_HAND["empty"].id)
    table = Table(desk.root)
    for number, scenario in zip(desk.ids, made, strict=True):
        table.type(number, *scenario.reference)
        table.mean(number, "honest", "as it should be")
    assert [each["disagreement"] for each in table.judged()["sessions"]] == [None] * 4
    again = blind("draw", tmp_path / "desk", *options)
    assert (again.returncode, "already" in again.stderr) == (2, True)


def drawn(count: int, ending: str) -> list[Scenario]:
    axes = load()
    where = {"ending": frozenset([ending])}
    return [compose(axes.cell(3, slot, where), slot) for slot in range(count)]


def test_a_draw_is_spread_over_kinds() -> None:
    """Of many blocked scenarios a few are chosen that have every obstacle, which a draw by chance has not."""
    pool = drawn(80, "blocked")
    met = {obstacle(scenario) for scenario in pool}
    few = spread(pool, len(met) + 10)
    assert {obstacle(scenario) for scenario in few} == met
    assert set(lacking(few).get("obstacle", ())) == OBSTACLES.keys() - met


def test_shares_that_cannot_be_meant_are_refused() -> None:
    """Shares below nothing or above all."""
    assert Drawing(n=150, seed=1).quotas == {"work": 71, "empty": 27, "blocked": 52}
    with pytest.raises(UsageError, match="at most 1 in all"):
        _ = Drawing(n=10, seed=1, blocked=0.9, empty=0.2).quotas


def test_every_cheat_is_named_in_the_protocol() -> None:
    """The page tells each kind, and no label of one is an outcome that ends right."""
    page = (Path(__file__).parents[2] / "docs" / "blind-solving.md").read_text(encoding="utf-8")
    assert [kind for kind in CHEATS if f"`{kind}`" not in page] == []
    assert all(cheat.labels < set(OUTCOMES) - {"solved", "idle", "rightly_blocked"} for cheat in CHEATS.values())
