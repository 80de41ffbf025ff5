"""Progress: lines where nobody watches, a bar on a terminal, nothing on stdout."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from sekft.authors.teacher import TeacherAuthor
from sekft.cli.running import Lines, reporter
from sekft.models.endpoint import Endpoint, Service
from sekft.models.journal import Reply
from sekft.runs.resources import Tally, tell_of_building
from sekft.trajectory import Usage
from tests.commands import SEKFT, environment


def test_lines_tell_both_ends(capsys: pytest.CaptureFixture[str]) -> None:
    """The first and the last step always have a line; what was done before is told."""
    with Lines() as lines:
        lines.begin("rollouts", 4, 1)
        for _ in range(3):
            lines.step("solved")
    out, log = capsys.readouterr()
    assert out == ""
    assert log.splitlines() == ["sekft: rollouts 1/4 (1 done before)", "sekft: rollouts 4/4  solved"]


def test_lines_tell_how_things_stand(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """While a model thinks, a line now and then says what is done, what waits and what it cost."""
    author = TeacherAuthor(Endpoint(Service("m", "http://127.0.0.1:9/v1", price=(1.0, 1.0))))
    tally = Tally(author)
    tally.add("admitted", "repaired")
    tally.add("rejected", "redrawn")
    author.endpoint.journal.add("k", "teacher", None, Reply("", Usage(requests=1, cost_usd=0.25)))
    with Lines() as lines:
        lines.begin("scenarios", 2, 0)
        lines.status(str(tally))
        monkeypatch.setattr("sekft.cli.running.LINE_AT_LEAST_EVERY_S", 0.0)
        lines.status(str(tally))
    assert capsys.readouterr().err.splitlines()[1:] == [
        "sekft: scenarios 0/2  1 admitted, 1 repaired, 1 rejected, 1 redrawn, 0 waiting, $0.25"
    ]


def test_what_is_built_once_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With an empty cache the first sandboxes wait for userlands and runner; otherwise nothing is said."""
    tell_of_building(Lines())
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("SEKFT_CACHE", str(tmp_path))
    tell_of_building(Lines())
    assert "not built on this machine yet: runner and tools, busybox, gnu" in capsys.readouterr().err


def test_plain_lines_off_a_terminal() -> None:
    """Under a test's captured stderr the reporter prints lines."""
    assert isinstance(reporter(), Lines)


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    """With a terminal as stderr a bar is drawn, and stdout holds the summary alone."""
    leader, follower = pty.openpty()
    command = [*SEKFT, "generate", "--no-sandbox", "--n", "3", "--out", str(tmp_path)]
    environ = environment(TERM="xterm")
    environ.pop("NO_COLOR")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=follower, text=True, env=environ) as process:
        os.close(follower)
        out, _ = process.communicate(timeout=60)
    drawn = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:
            break
        if not chunk:
            break
        drawn += chunk
    os.close(leader)
    assert process.returncode == 0
    assert b"3/3" in drawn
    assert "━".encode() in drawn
    assert "author: procedural" in drawn.decode()
    assert "━" not in out
