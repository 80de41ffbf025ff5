"""What others wrote, and what others read: exports, documents of ATIF, evaluations, several runs, logs of inspect."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from sekft.cli.running import Lines
from sekft.folder import ROLLOUTS, Layout, documents, load_scenarios
from sekft.runs.evaluate import EvalConfig, examine
from sekft.trajectory import load_trajectory
from sekft.viewer.inspect_log import write_log
from sekft.viewer.opening import opened
from sekft.viewer.query import Filters
from sekft.viewer.server import Viewer
from sekft.viewer.session import lines

ATIF = {
    "schema_version": "ATIF-v1.6",
    "session_id": "s-1",
    "agent": {"name": "terminus-2", "version": "2.0", "model_name": "some/model"},
    "steps": [
        {"step_id": 1, "source": "system", "message": "You are an agent."},
        {"step_id": 2, "source": "user", "message": "Fix <b>it</b>."},
        {
            "step_id": 3,
            "source": "agent",
            "message": "I look first.",
            "reasoning_content": "hm",
            "tool_calls": [{"tool_call_id": "1", "function_name": "bash", "arguments": {"command": "ls -l /x"}}],
            "observation": {"results": [{"source_call_id": "1", "content": "total 0\n"}]},
        },
        {"step_id": 4, "source": "agent", "message": [{"type": "text", "text": "Done."}, {"type": "image"}]},
    ],
    "final_metrics": {"total_prompt_tokens": 900, "total_completion_tokens": 40, "total_cost_usd": 0.01},
}


def test_an_export_is_read_as_its_run_is(run: Path, viewer: Viewer) -> None:
    """The rows of an export, in Parquet and JSONL alike, are the kept sessions, with the same marks and mistakes."""
    kept = {row["id"]: row for row in viewer.pages.indexes.rows(Filters.of("keep=yes"), 1000)}
    pages = opened([run / "export"]).pages
    rows = pages.indexes.rows(Filters(), 10_000)
    by_form = {form: [row for row in rows if row["place"].startswith(form)] for form in ("sft", "sharegpt", "atif")}
    assert pages.counts()["pairs"] == viewer.pages.counts()["pairs"]
    for form, found in by_form.items():
        assert {row["id"] for row in found} == kept.keys(), form
        for row in found[:6]:
            ours, theirs = viewer.pages.reading("run", kept[row["id"]]["place"]), pages.reading("export", row["place"])
            assert [turn.content for turn in theirs.turns] == [turn.content for turn in ours.turns]
            assert (theirs.mechanism, list(theirs.mistakes)) == (ours.mechanism, list(ours.mistakes))
            assert "directive" in pages.rollout("export", row["place"], Filters())


def test_another_agent_s_document_is_read(tmp_path: Path) -> None:
    """A document of ATIF by an agent of others shows its commands, answers and thoughts; nothing is judged."""
    (tmp_path / "trial.json").write_text(json.dumps(ATIF), encoding="utf-8")
    pages = opened([tmp_path / "trial.json"]).pages
    row = pages.indexes.rows(Filters(), 2)[0]
    assert (row["model"], row["outcome"], row["tokens"], row["actions"]) == ("some/model", "", 940, 2)
    reading = pages.reading(row["run"], row["place"])
    assert reading.actions == ["ls -l /x", "Done.\n[image]"]
    assert reading.thoughts[1] == "hm\n\nI look first."
    page = pages.rollout(row["run"], row["place"], Filters())
    assert "Fix &lt;b&gt;it&lt;/b&gt;." in page
    assert "not judged" in page


def test_two_evaluations_stand_side_by_side(run: Path, tmp_path: Path) -> None:
    """Two folders of `sekft eval` show their reports and one table of axes, and their sessions can be compared."""
    scenarios = load_scenarios(run)[:3]
    for name, operator in (("before", "saboteur"), ("after", "explorer")):
        asyncio.run(examine(EvalConfig(operator=operator), scenarios, tmp_path / name, Lines()))
    viewer = opened([tmp_path / "before", tmp_path / "after"], run)
    page = viewer.pages.overview(Filters(), viewer.tables(measured=False))
    assert "before: saboteur" in page
    assert "after: explorer" in page
    assert page.count("<caption>Ends right, in %") == 2
    one, other = (viewer.pages.indexes.rows(Filters.of(f"run={name}"), 1)[0] for name in ("before", "after"))
    assert one["scenario"] == other["scenario"]
    sides = viewer.pages.compare(("before", one["place"]), ("after", other["place"]))
    assert sides.count(f'<article data-scenario="{one["scenario"]}">') == 2


def test_a_run_is_followed(run: Path, tmp_path: Path) -> None:
    """What a run adds while it is read is found by the next look, and readers meanwhile see a whole index."""
    root = tmp_path / "growing"
    shutil.copytree(run / "scenarios", root / "scenarios")
    (root / ".sekft").mkdir()
    viewer = opened([root], following=True)
    assert viewer.pages.counts()["rollouts"] == 0
    assert not viewer.pages.seen(Filters()).actors
    before = viewer.pages.indexes.generation()
    folders = sorted((run / "trajectories").iterdir())
    adding = threading.Thread(
        target=lambda: [shutil.copytree(folder, root / "trajectories" / folder.name) for folder in folders]
    )
    adding.start()
    while adding.is_alive():
        viewer.refresh()
        viewer.pages.rollouts(Filters())
    viewer.refresh()
    assert viewer.pages.counts()["rollouts"] == len(documents(Layout.of_run(run).trajectories, ROLLOUTS))
    assert viewer.pages.indexes.generation() != before
    assert sum(actor.rollouts for actor in viewer.pages.seen(Filters()).actors) == viewer.pages.counts()["rollouts"]


def test_thoughts_are_shown_where_they_were_kept(run: Path, tmp_path: Path) -> None:
    """What a model thought before a command stands before it, folded, and is no part of the session."""
    path = documents(Layout.of_run(run).trajectories, ROLLOUTS)[0]
    one = load_trajectory(path)
    root = tmp_path / "thinking"
    shutil.copytree(path.parent, root / "trajectories" / one.scenario_id)
    (root / "thoughts" / one.scenario_id).mkdir(parents=True)
    told = root / "thoughts" / one.scenario_id / path.name
    told.write_text(json.dumps({"1": "the <i>motd</i> names a tool"}), encoding="utf-8")
    pages = opened([root]).pages
    reading = pages.reading("thinking", f"trajectories/{one.scenario_id}/{path.name}")
    assert [line.thought for line in lines(reading) if line.thought] == ["the <i>motd</i> names a tool"]
    assert "the &lt;i&gt;motd&lt;/i&gt; names a tool" in pages.rollout("thinking", reading.place, Filters())


READ = """
import sys
from inspect_ai.log import read_eval_log, read_eval_log_sample, read_eval_log_sample_summaries
for path in sys.argv[1:]:
    log = read_eval_log(path)
    assert log.status == "success" and log.version == 2
    ids = [(sample.id, sample.epoch) for sample in log.samples]
    assert len(set(ids)) == len(ids) == log.results.completed_samples
    right = sum(sample.scores["right"].value == "C" for sample in log.samples)
    assert abs(log.results.scores[0].metrics["accuracy"].value - right / len(ids)) < 1e-9
    sample = read_eval_log_sample(path, *ids[0])
    assert sample.messages[0].role == "system" and sample.messages[-1].role == "assistant"
    assert len(read_eval_log_sample_summaries(path)) == len(ids)
    print(len(ids))
"""


@pytest.mark.soak
def test_inspect_reads_our_logs(viewer: Viewer, tmp_path: Path) -> None:
    """inspect's own reader takes both forms of a log, whole, one sample at a time, and its summaries."""
    python = os.environ.get("SEKFT_INSPECT_PYTHON", "")
    if not Path(python).is_file():
        pytest.skip("wants SEKFT_INSPECT_PYTHON: a python with inspect-ai")
    paths = [tmp_path / "log.eval", tmp_path / "log.json"]
    written = [write_log(viewer.pages, path) for path in paths]
    read = subprocess.run([python, "-c", READ, *map(str, paths)], capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert read.stdout.split() == [str(each.rollouts) for each in written]
