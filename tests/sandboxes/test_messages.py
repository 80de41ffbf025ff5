"""Messages equal those of a real interactive dash on a real terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import termios
import time
from pathlib import Path

import pytest

from sekft.protocols import Session
from sekft.sandboxes.userland import userland as built

TEXTS = [
    "foo",
    "foo bar baz",
    "/none/foo",
    "./none",
    "cd /none",
    "cd a b",
    ". ./none",
    ". nonesuch",
    "echo )",
    "echo (",
    "fi",
    "if true; then",
    "for",
    "case x",
    "echo 'abc",
    'echo "abc',
    "echo `abc",
    "echo $(",
    "true &&",
    "{ echo a",
    "x=${y?}",
    "x=${y?gone}",
    "x=${y:?}",
    "set -u; echo $nothing",
    "echo ${x!y}",
    "echo a; foo bar\n\nbaz",
    "echo ${nope?}; echo same\necho next",
    "if true; then\nfoo\nfi",
    "f() {\nfoo\n}\nf",
    "readonly r=1; r=2; echo same",
    "unset -q",
    "set -q",
    "shift 3",
    "exit abc",
    "return abc",
    "break",
    "alias nonesuch",
    "type nonesuch",
    "command -v nonesuch",
    "umask 9",
    "ulimit -q",
    "kill",
    "wait 99999",
    "echo > /none/f",
    "cat < /none/f",
    "echo > /",
    "echo $((1/0))",
    "echo $((1+))",
    "[ 1 -eq a ]",
    "[ a",
    "test 1 2 3 4 5",
    "printf %d abc",
    "read 1x",
    "export 1x",
    "eval 'echo )'",
    "eval foo",
    "sh -c 'foo'",
    "sh -c 'echo )'",
    "trap x NOSUCH",
    "bg",
    "fg",
    "getopts",
    "local x",
    "f( ) { echo a; }; f; g ( ) { foo; }; g",
    "$nothing",
    "''",
    "/etc",
    "!",
    "& echo",
    ";;",
    "echo a &&& echo b",
    "times x > /dev/null; exec 9<&8",
    "command foo",
    "command",
    "hash foo",
    "jobs %1",
    "a=(1 2)",
    "echo ${",
    "cat <<E\n$(foo)\nE",
    "set -e; echo ${x?}",
]


def interactive(rootfs: Path, text: str, cwd: Path) -> str:
    """What the userland's dash shows on a terminal of its own, prompts and echo off."""
    library = next((rootfs / "usr/lib").glob("*-linux-gnu"))
    loader = next(library.glob("ld-linux*"))
    ours, theirs = pty.openpty()
    modes = termios.tcgetattr(theirs)
    modes[1] &= ~termios.OPOST
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    shell = subprocess.Popen(
        [str(loader), "--argv0", "sh", "--library-path", str(library), str(rootfs / "usr/bin/dash"), "-i", "+m"],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, start_new_session=True,
        env={"PS1": "", "PS2": "", "PATH": "/usr/bin:/bin", "HOME": str(cwd)},
    )  # fmt: skip
    os.close(theirs)
    for line in (text + "\n").splitlines(keepends=True):
        os.write(ours, line.encode())
    output = b""
    deadline = time.monotonic() + 30
    os.write(ours, b"\x04" * 4)
    while time.monotonic() < deadline and select.select([ours], [], [], 30)[0]:
        try:
            block = os.read(ours, 65536)
        except OSError:
            break
        output += block
    shell.wait(timeout=30)
    os.close(ours)
    return output.decode()


@pytest.mark.parametrize("text", TEXTS)
async def test_messages_equal_an_interactive_dashs(session: Session, userland: str, text: str, tmp_path: Path) -> None:
    """Prefix, line numbers and wording are those that a person would see at a prompt."""
    result = await session.exec(text)
    real = interactive(built(userland).rootfs, text, tmp_path)
    # The one difference allowed: a terminal's shell ends by itself at the end of its input, with a newline.
    ended = "" if result.ended else "\n"
    assert _plain(result.output) == _plain(real.removesuffix(ended) if ended else real)


def _plain(output: str) -> str:
    return re.sub(r"/\S*/usr/bin/dash", "sh", output)
