"""A person at a real pseudo-terminal lands in a real sandbox, and is judged and recorded."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sekft.shell.chat_format import violations
from sekft.trajectory import Trajectory, load_trajectory
from tests import bundles
from tests.commands import SEKFT, environment, forked

PATIENCE_S = 60
PROMPT = "ana$ "
UP, CTRL_C, CTRL_D = "\x1b[A", "\x03", "\x04"
WORK = bundles.sealed(bundles.work())
BLOCKED = bundles.sealed(bundles.blocked())


class Terminal:
    """The screen and the keyboard of one `sekft play`."""

    def __init__(self, main: int) -> None:
        self.screen = ""
        self._main, self._read = main, 0

    def expect(self, text: str) -> None:
        """Wait until the text stands on the screen, after what was waited for before."""
        deadline = time.monotonic() + PATIENCE_S
        while (at := self.screen.find(text, self._read)) < 0:
            ready, _, _ = select.select([self._main], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {text!r} in {self.screen[self._read :]!r}"
            self.screen += os.read(self._main, 65536).decode()
        self._read = at + len(text)

    def press(self, keys: str) -> None:
        os.write(self._main, keys.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C when the program waits: Python's readline misses one that comes right after a key."""
        time.sleep(0.5)
        self.press(CTRL_C)

    def type(self, *lines: str) -> None:
        """Type each line at its prompt."""
        for line in lines:
            self.expect(PROMPT)
            self.press(line + "\n")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where both scenarios lie and sessions go."""
    for scenario in (WORK, BLOCKED):
        path = tmp_path / "scenarios" / f"{scenario.id}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(scenario.to_json(), encoding="utf-8")
    return tmp_path


@contextmanager
def playing(out: Path, scenario_id: str) -> Iterator[Terminal]:
    """`sekft play` with its controlling terminal; it ends by itself, with status 0."""
    main, other = os.openpty()
    command = [*SEKFT, "play", str(out / "scenarios" / scenario_id), "--out", str(out)]
    player = subprocess.Popen(command, preexec_fn=lambda: os.login_tty(other), env=environment(TERM="xterm"))
    os.close(other)
    try:
        terminal = Terminal(main)
        yield terminal
        terminal.expect(".json")
        assert player.wait(PATIENCE_S) == 0
    finally:
        player.kill()
        player.wait()
        os.close(main)


def recorded(out: Path, scenario_id: str, n: int = 0) -> Trajectory:
    return load_trajectory(out / "trajectories" / scenario_id / f"human-{n}.json")


def actions(trajectory: Trajectory) -> list[str]:
    return [turn.content for turn in trajectory.turns if turn.role == "action"]


def test_a_person_solves_a_scenario(out: Path) -> None:
    """The reference, typed by hand, is solved and kept; the screen showed what a model sees, orientation first."""
    with playing(out, WORK.id) as terminal:
        terminal.expect(WORK.orientation)
        terminal.expect("What waits for ana lies with chit.")
        terminal.type(*WORK.reference)
        terminal.expect("outcome   solved")
    made = recorded(out, WORK.id)
    assert (made.operator.kind, made.outcome, made.keep) == ("human", "solved", True)
    assert actions(made) == WORK.reference
    assert violations(made) == []
    for turn in made.turns:
        assert turn.role == "action" or turn.content.replace("\n", "\r\n") in terminal.screen.replace("\x1b[?2004h", "")
    for told in ("retrieved  turn 6", "added /home/ana/stone.txt", f"trajectories/{WORK.id}/human-0"):
        assert told in terminal.screen


def test_a_person_panics_where_that_is_right(out: Path) -> None:
    """A blocked scenario, found out and reported, is rightly blocked."""
    with playing(out, BLOCKED.id) as terminal:
        terminal.type(*BLOCKED.reference)
        terminal.expect("outcome   rightly_blocked")
        terminal.expect("ended by  panic 77 the vault is closed to ana")
    assert recorded(out, BLOCKED.id).keep


def test_a_person_fails(out: Path) -> None:
    """Ctrl-D is exit; leaving at once is a false exit, and what was missed is told."""
    with playing(out, WORK.id) as terminal:
        terminal.expect(PROMPT)
        terminal.press(CTRL_D)
        terminal.expect("outcome   false_exit")
        terminal.expect("check     fail (status 1)")
        terminal.expect("learnt     missed")
    made = recorded(out, WORK.id)
    assert not made.keep
    assert actions(made) == ["exit"]


def test_a_session_is_never_overwritten(out: Path) -> None:
    """The next session gets the next number, and the first stays as it was."""
    for n in range(2):
        with playing(out, WORK.id) as terminal:
            terminal.type("pwd" if n else "ls", "exit")
    assert actions(recorded(out, WORK.id, 0)) == ["ls", "exit"]
    assert actions(recorded(out, WORK.id, 1)) == ["pwd", "exit"]


def test_lines_are_edited_as_in_a_shell(out: Path) -> None:
    """History, a dropped line, a dropped running command's key, an open quote and a here-document."""
    with playing(out, WORK.id) as terminal:
        terminal.type("echo one")
        terminal.expect(PROMPT)
        terminal.press(f"{UP}\x7f\x7f\x7ftwo\n")
        terminal.expect(PROMPT)
        terminal.press("rm -r plan")
        terminal.expect("rm -r plan")
        terminal.interrupt()
        terminal.expect("^C")
        terminal.type("", "sleep 2; echo slept")
        terminal.interrupt()
        terminal.type("cat <<'END'")
        for line in ("it's", "END"):
            terminal.expect("> ")
            terminal.press(f"{line}\n")
        terminal.type("echo 'a")
        terminal.expect("> ")
        terminal.press(f"{CTRL_D}")
        terminal.type("exit")
    made = recorded(out, WORK.id)
    assert actions(made) == ["echo one", "echo two", "sleep 2; echo slept", "cat <<'END'\nit's\nEND", "exit"]
    outputs = [turn.content for turn in made.turns if turn.role == "env"]
    assert [text.removesuffix(PROMPT) for text in outputs[1:]] == ["one\n", "two\n", "slept\n", "it's\n"]


def piped(out: Path, typed: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [*SEKFT, "play", str(out / "scenarios" / WORK.id[:6]), "--out", str(out), *more]
    return subprocess.run(command, input=typed, capture_output=True, text=True, env=environment(), check=False)


def test_plain_lines_without_a_terminal(out: Path) -> None:
    """Piped lines are echoed, so that the output reads as a session; an end of input is exit."""
    done = piped(out, "ls\n\n")
    assert done.returncode == 0, done.stderr
    assert "ana$ ls\nplan.txt\nana$ \nana$ exit\n" in done.stdout
    assert "\x1b" not in done.stdout


def test_json_is_the_record_alone(out: Path) -> None:
    """--json prints the stored trajectory on stdout and the session on stderr."""
    done = piped(out, "exit\n", "--json")
    assert done.stdout == (out / "trajectories" / WORK.id / "human-0.json").read_text(encoding="utf-8")
    assert json.loads(done.stdout)["outcome"] == "false_exit"
    assert WORK.orientation in done.stderr


def test_an_unknown_scenario_is_wrong_usage(out: Path) -> None:
    """A beginning that fits no id exits 2 before anything is opened."""
    done = forked("play", out / "scenarios" / "zz", "--out", out / "new")
    assert done.returncode == 2
    assert "no such file" in done.stderr
    assert not (out / "new").exists()
    assert "want one scenario of it" in forked("play", out).stderr
