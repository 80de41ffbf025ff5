"""What a person reads: a trajectory as a session, a folder as a summary."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

import pytest

from sekft.cli.show import Look, look
from sekft.cli.show import show as shown
from sekft.cli.tables import plain
from sekft.errors import BundleError, UsageError
from sekft.folder import Folder, Layout
from sekft.folder.entries import Entry
from sekft.rejection import Rejection
from sekft.rollouts.record import record
from sekft.rollouts.rollout import RolloutResult
from sekft.rollouts.verify import judge
from sekft.runs.summary import Summary, summarise
from sekft.scenario import GateReport, Probe
from sekft.trajectory import Check, Ending, OperatorInfo, SandboxInfo, Trajectory, Turn
from tests import bundles

SCENARIO = bundles.sealed(bundles.work() | {"cell": {"userland": "busybox", "ending": "work", "task": "write"}})


def show(path: Path, form: str = "text", look: Look = lambda _: ()) -> str:
    return shown(Entry.of(path), form, look)


def trajectory(sample: int, *contents: str, infra: str | None = None) -> Trajectory:
    turns = [
        Turn(role="action" if at % 2 else "env", content=text, orientation=None if at else SCENARIO.orientation)
        for at, text in enumerate(contents)
    ]
    seen = RolloutResult(
        sample=sample,
        seed=1,
        operator=OperatorInfo(kind="explorer"),
        turns=tuple(turns),
        ending=Ending(kind="none" if infra else "exit", status=0),
        sandbox=SandboxInfo(backend="bubblewrap", userland="busybox", userland_digest="d"),
        check=Check(verdict="fail", passed=False, status=1),
        infra=infra,
    )
    return record(SCENARIO, seen, judge(SCENARIO, seen))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with one scenario, one rejected draw, two rollouts and an infra error."""
    rejected = Rejection(
        id="r1",
        slot=0,
        attempt=0,
        reason="undocumented",
        detail="reference.2 passes 'close'",
        evidence={"1: chit open": "7\n"},
        scenario=SCENARIO.model_dump(mode="json"),
    )
    files = {
        f"scenarios/{SCENARIO.id}.json": SCENARIO.to_json(),
        "rejected/r1.json": rejected.model_dump_json(),
        f"trajectories/{SCENARIO.id}/explorer-0.json": trajectory(
            0, "ana$ ", "ls", "plan.txt\nana$ ", "exit"
        ).to_json(),
        f"trajectories/{SCENARIO.id}/explorer-1.json": trajectory(1, "ana$ ", "exit").to_json(),
        f"errors/{SCENARIO.id}/explorer-2.json": trajectory(2, infra="it fell over").to_json(),
        ".sekft/generate.json": "{}",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_a_trajectory_reads_like_a_terminal(run: Path) -> None:
    """Prompt, what was typed and its output stand as on a screen, with the judgement below."""
    text = plain(show(run / "trajectories" / SCENARIO.id / "explorer-0.json"))
    screen = [line.partition("│ ")[2] for line in text.splitlines() if "│" in line]
    assert screen == ["ana$ ls", "plan.txt", "ana$ exit"]
    assert SCENARIO.orientation in text
    assert "outcome   false_exit: ended by exit, but the check fails" in text
    assert "kept      no: outcome false_exit; mechanism lacks seen" in text
    assert "seen       missed" in text


def test_a_borrowed_status_is_explained(run: Path) -> None:
    """`exit` alone after a command that failed ends with that command's status, which looks like a failure of exit."""
    path = run / "trajectories" / SCENARIO.id / "explorer-0.json"
    ended = trajectory(0, "ana$ ", "nosuch", "sh: nosuch: not found\nana$ ", "exit")
    path.write_text(ended.model_copy(update={"ending": Ending(kind="exit", status=127)}).to_json(), encoding="utf-8")
    assert "ended by  exit 127 (exit alone passes on the status of the command before it)" in plain(show(path))


def test_the_probes_of_a_scenario_are_told_once(tmp_path: Path) -> None:
    """Each kind of wrong solution is named once, however many there are of it."""
    gated = SCENARIO.sealed(gate=GateReport(mode="sandbox", backend="bubblewrap"))
    probe = gated.probes[0] if gated.probes else Probe(kind="all_files", commands=["true", "exit"])
    scenario = gated.sealed(probes=[probe, probe], gate=gated.gate)
    path = tmp_path / f"{scenario.id}.json"
    path.write_text(scenario.to_json(), encoding="utf-8")
    assert f"own probes       {probe.kind}\n" in plain(show(path))


def test_marks_stand_in_the_margin_at_their_turns(run: Path) -> None:
    """A mark is printed where the turn that earned it begins, with the turn's index."""
    lines = plain(show(run / "trajectories" / SCENARIO.id / "explorer-0.json")).splitlines()
    assert "    ended   3 │ ana$ exit" in lines
    assert "            2 │ plan.txt" in lines


def test_recorded_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """What a session printed is shown as pictures: it cannot move the reader's cursor or forge a verdict."""
    path = tmp_path / "t.json"
    path.write_text(trajectory(0, "ana$ ", "printf x", "\x1b[2J\x9b31m\rana$ ", "exit").to_json(), encoding="utf-8")
    assert not set("\x1b\x9b\r") & set(plain(show(path)))
    assert "␛[2J" in show(path)


def test_a_scenario_tells_where_it_is_announced_and_how_its_tool_explains_itself(run: Path) -> None:
    """The announcement with its place, the help as printed in a sandbox, directives, checker, gate."""
    text = plain(show(run / "scenarios" / f"{SCENARIO.id}.json", look=look))
    for part in (
        "in the message of the day: What waits for ana lies with chit.",
        "ana$ chit --help\nusage: chit open       the numbers of the open chits\n",
        "7: Write granite into /home/ana/stone.txt",
        "$ chit close 7",
        "checker (exit 0 passes)",
        "/home/ana/plan.txt  (protected)\n    water the fig\n",
        "never gated",
    ):
        assert part in text
    assert "Chits are kept until" in plain(show(run / "scenarios" / f"{SCENARIO.id}.json"))


def test_a_trajectory_as_messages(run: Path) -> None:
    """--as messages is the deploy form, ready for a trainer."""
    messages = json.loads(show(run / "trajectories" / SCENARIO.id / "explorer-1.json", "messages"))
    assert [message["role"] for message in messages] == ["system", "user", "assistant"]


def test_an_error_without_turns_can_be_shown(run: Path) -> None:
    """A rollout whose sandbox never opened still says what broke."""
    path = run / "errors" / SCENARIO.id / "explorer-2.json"
    assert "infra: it fell over" in show(path)
    with pytest.raises(UsageError, match="no turns"):
        show(path, "messages")


def test_a_rejected_draw_leads_with_its_reason(run: Path) -> None:
    """Reason and evidence come before the bundle."""
    text = plain(show(run / "rejected" / "r1.json"))
    assert text.startswith("rejected  undocumented\n")
    assert text.index("1: chit open") < text.index("checker")


def test_the_summary_counts_what_is_there(run: Path) -> None:
    """Every figure comes from the files: draws, outcomes by kind, endings, errors."""
    found = summarise(Layout.found(run))
    assert (found.scenarios.drawn, found.scenarios.admitted, found.scenarios.reasons) == (2, 1, {"undocumented": 1})
    assert (found.rollouts, found.kept, found.errors) == (2, 0, 1)
    assert found.outcomes == {"work": {"false_exit": 2}}
    assert found.endings == {"exit": 2}
    assert found.actions is not None
    assert (found.actions.median, found.actions.most) == (1.5, 2)
    assert found.scenarios.unproven == 1


def test_the_summary_says_where_to_look(run: Path) -> None:
    """It ends with commands that can be pasted: an example of each outcome, a reject, an error."""
    found = summarise(Layout.found(run))
    text = str(found)
    for part in ("trajectories/", "rejected/r1.json", "errors/"):
        assert any(part in command and command.startswith("sekft show ") for command in found.look)
    assert f"sekft play {run}/scenarios/{SCENARIO.id}.json  # land in it yourself" in found.look
    assert "Next\nsekft view" in text
    assert "WARNING: 1 never ran in a sandbox" in text
    assert Summary.model_validate_json(found.model_dump_json()) == found


def test_the_summary_crosses_endings_with_outcomes(run: Path) -> None:
    """Expected endings stand down, outcomes across, in the page as in the figures."""
    text = str(summarise(Layout.found(run)))
    assert "expected     false_exit\nexit (work)           2\n" in text


def test_the_summary_names_the_slowest_stage(run: Path) -> None:
    """Wall seconds add up over the runs of a stage, and the longest is marked."""
    for _ in range(2):
        with Folder(run).writing() as folder, folder.timed("rollout explorer"):
            time.sleep(0.05)
    with Folder(run).writing() as folder, folder.timed("generate"):
        pass
    found = summarise(Layout.found(run))
    assert found.times["rollout explorer"] >= 0.1
    assert found.slowest == "rollout explorer"
    assert re.search(r"^rollout explorer +\S+  slowest$", str(found), re.MULTILINE)
    assert set(found.rollout_s) == {"operator", "sandbox"}


def test_the_summary_tells_lengths_by_difficulty(tmp_path: Path) -> None:
    """Commands per rollout are told for each difficulty that the scenarios have."""
    hard = SCENARIO.sealed(cell={**SCENARIO.cell, "difficulty": "busy"})
    path = tmp_path / "trajectories" / hard.id / "explorer-0.json"
    path.parent.mkdir(parents=True)
    rolled = trajectory(0, "ana$ ", "ls", "plan.txt\nana$ ", "exit").model_copy(update={"scenario_id": hard.id})
    path.write_text(rolled.to_json(), encoding="utf-8")
    found = summarise(Layout.of_run(tmp_path), [hard])
    assert {name: each.median for name, each in found.actions_by_difficulty.items()} == {"busy": 2}


def test_a_path_with_a_space_can_be_pasted(run: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The commands that the summary offers are quoted for a shell."""
    spaced = tmp_path_factory.mktemp("x") / "my run"
    shutil.copytree(run, spaced)
    assert any(f"sekft show '{spaced}" in command for command in summarise(Layout.found(spaced)).look)


def test_an_empty_folder_sums_up(tmp_path: Path) -> None:
    """Nothing there is no crash."""
    assert str(tmp_path) in str(summarise(Layout.found(tmp_path)))


def test_no_field_of_a_bundle_reaches_the_terminal_raw(tmp_path: Path) -> None:
    """Escape sequences in paths, names and texts of every field are pictures, and a path stays one line."""
    evil = "\x1b]0;x\x07\x1b[31m\u202e"
    made = bundles.work() | {"family": f"f{evil}", "volatile": [f"/srv/{evil}"], "cell": {"task": evil}}
    made["files"] = [*made["files"], {"path": f"/srv/two\nlines{evil}", "content": evil}]
    path = tmp_path / "s.json"
    scenario = bundles.sealed(made)
    scenario = scenario.sealed(provider=scenario.provider.model_copy(update={"kind": evil, "interface": {evil: evil}}))
    path.write_text(scenario.to_json(), encoding="utf-8")
    for text in (show(path), show(path, look=lambda _: (Turn(role="env", content=evil),))):
        assert not set("\x1b\x07\u202e") & set(plain(text).replace("\x1b[0m", ""))
        assert "\x1b[31m\ufffd" not in text
        assert "/srv/two␊lines␛]0;x␇␛[31m" in text


def test_a_bundle_in_a_row_reads_like_its_file(tmp_path: Path) -> None:
    """A row of an export's scenarios shows what the scenario's own file shows, and an altered one is refused."""
    scenario = bundles.sealed(bundles.blocked())
    (tmp_path / "one.json").write_text(scenario.to_json())
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"bundle": scenario.to_json(), "scenario_id": scenario.id}) + "\n")
    assert show(rows).endswith(show(tmp_path / "one.json"))
    rows.write_text(json.dumps({"bundle": scenario.to_json().replace("vault", "attic")}) + "\n")
    with pytest.raises(BundleError, match=r"rows\.jsonl: row 1: id: saw"):
        show(rows)
