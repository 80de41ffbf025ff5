"""One file that holds a run: whole, small, and alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from sekft.viewer.opening import opened
from sekft.viewer.query import Filters
from sekft.viewer.report import LIMIT_BYTES, sampled, write_report
from tests.commands import sekft

BLOCK = re.compile(r'<script type="application/octet-stream" (?:id|class)="(\w+)">([^<]*)</script>')


def unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text), -15))


def test_it_holds_every_session_as_the_server_shows_it(run: Path, tmp_path: Path) -> None:
    """Each rollout's page, each pair's and each draft's is in the file, the scenario told once for all its rollouts."""
    viewer = opened([run], one_file=True)
    written = write_report(viewer, tmp_path / "run.html")
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    data = unpacked(next(body for kind, body in blocks if kind == "data"))
    chunks = [unpacked(body) for kind, body in blocks if kind == "chunk"]
    assert len(data["rollouts"]) == written.rollouts == written.of == viewer.pages.counts()["rollouts"]
    for row in data["rollouts"][::7]:
        page = chunks[row["chunk"]][f"rollout {row['run']} {row['place']}"]
        assert page == viewer.pages.fragment("rollout", row["run"], row["place"])
        assert "The checker" in chunks[row["scenario_chunk"]][f"scenario {row['run']} {row['scenario']}"]
    assert {f"pair {row['run']} {row['place']}" for row in data["pairs"]} <= {key for chunk in chunks for key in chunk}
    assert len(data["rejected"]) == 1
    assert "drawn evenly" not in text


def test_it_asks_for_nothing_else(run: Path, tmp_path: Path) -> None:
    """Its policy allows its own style and script by their digests alone, and there is no address in it."""
    write_report(opened([run], one_file=True), tmp_path / "run.html", most=2)
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    for element in ("style", "script"):
        own = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        assert len(own) == 1
        digest = base64.b64encode(hashlib.sha256(own[0].encode()).digest()).decode()
        assert f"{element}-src &#39;sha256-{digest}&#39;" in policy[1]
    head = BLOCK.sub("", text)
    assert not re.search(r"(?:src|href|action)\s*=\s*[\"']?(?:https?:)?//", head)


def test_a_large_run_is_sampled_and_says_so(run: Path, tmp_path: Path) -> None:
    """Of more rollouts than it holds, the file has some of each operator and outcome, and its first lines say so."""
    viewer = opened([run], one_file=True)
    pairs = {(row["operator"], row["outcome"]) for row in viewer.pages.indexes.rows(Filters(), 1000)}
    written = write_report(viewer, tmp_path / "run.html", most=len(pairs))
    first = [viewer.pages.row(*place) for place in sampled(viewer.pages)[: len(pairs)]]
    assert {(row["operator"], row["outcome"]) for row in first} == pairs
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert f"{written.rollouts} of {written.of} rollouts can be read here, drawn evenly" in text
    assert written.size_bytes < LIMIT_BYTES


@pytest.mark.parametrize("name", ["out.html", "out.eval", "out.json"])
def test_the_command_writes_what_the_name_asks_for(run: Path, tmp_path: Path, name: str) -> None:
    """`sekft report` writes a page or a log by the name's end, needs no server, and tells what it wrote as JSON."""
    done = sekft("report", str(run), "--out", str(tmp_path / name), "--json", "--most", "5")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["rollouts"], told["size_bytes"]) == (5, (tmp_path / name).stat().st_size)


def test_a_name_that_says_nothing_is_refused(run: Path, tmp_path: Path) -> None:
    """Another ending of the name is refused with those that there are."""
    done = sekft("report", str(run), "--out", str(tmp_path / "out.pdf"))
    assert done.returncode == 2
    assert ".html, .eval, .json" in done.stderr
