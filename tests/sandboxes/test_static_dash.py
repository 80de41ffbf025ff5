"""Our static dash: what the userland's dash prints, does and answers, in a quarter of its time."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sekft.cache import cache_root
from sekft.cli import doctor
from sekft.protocols import SandboxSpec
from sekft.sandboxes import no_static_shell, static_dash
from sekft.sandboxes.bubblewrap import BubblewrapSandbox
from sekft.sandboxes.userland import tools, userland
from sekft.scenario import File
from tests.dash import dash
from tests.sandboxes.conftest import LOGIN, Landing, shown

SCRIPTS = {
    "errors": "cd /x; . /x; > /; > /etc/passwd/x; /etc/passwd; exec /x",
    "links in a circle": "ln -s a b; ln -s b a; cd a; : > a; . ./a",
    "a long name": "a=$(printf %0300d 1); : > $a; cd $a; ./$a",
    "an argument too long": "/bin/echo $(printf %0200000d 1)",
    "a busy program": "cp /bin/sleep s; ./s 1 & sleep 0.1; : > s; kill $!",
    "a full device": "echo x > /dev/full; printf x > /dev/full",
    "signals": 'for s in $(seq 18) $(seq 23 64); do dash -c "kill -$s \\$\\$"; echo $s $?; done',
    "names of signals": "kill -l; kill -l 9; kill -l 130; trap 'echo x' 70; trap; trap : RTMIN",
    "options": "set -o; set -p; echo $-; set +o",
    "numbers": "printf '%f %e %g %d %x %o %c %b %5.3s|' 1.5 1e100 1e-7 010 255 8 abc 'a\\tb' abcdef",
    "what is no number": "printf %d 9x; printf %f z; echo $((9x))",
    "arithmetic": "echo $((9223372036854775807 + 1)) $((-7 / 2)) $((0x1f)) $((1 ? 2 : 3)); echo $((1 / 0))",
    "patterns": "for w in a '[' ']' - é '\\'; do case $w in [!a-y]) echo 1 ;; [[:punct:]]) echo 2; esac; done",
    "names of files": "touch b a A .c 'd e' é; echo *; echo [[:upper:]]* ?*? ~root ~nobody ~nosuch",
    "cutting": "a=/x/y.tar.gz; echo ${a##*/} ${a%%.*} ${#a} ${b:-c} ${b?gone}",
    "reading": "printf 'a b\\\\\\nc\\n' | { read x y; echo $x-$y; }; seq 3000 | { read a; read b; echo $b; }",
    "long words": 'a=x; for i in $(seq 16); do a=$a$a; done; b=$a$a; eval "c=$a"; echo ${#a} ${#b} ${#c}',
    "many words": "i=0; while [ $i -lt 9999 ]; do i=$((i + 1)) w=$w,$i; eval v$i=1; done; echo ${#w}; set | grep -c ^v",
    "limits": "umask; umask -S; ulimit -n -f; ulimit -a",
    "the clock": "times | wc -l",
    "syntax": "if; done",
}


def said(shell: Sequence[str], script: str, folder: Path) -> tuple[int, bytes]:
    """What it answers and prints, in a fresh folder."""
    folder.mkdir()
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp"}
    done = subprocess.run(
        [*shell, "-c", script, "sh"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_says_what_the_userlands_dash_says(name: str, tmp_path: Path) -> None:
    """To the byte, the names of errors and of signals included."""
    ours, theirs = tools(userland("busybox").dash) / "dash", dash()
    assert said([str(ours)], SCRIPTS[name], tmp_path / "ours") == said(theirs, SCRIPTS[name], tmp_path / "theirs")


async def test_sessions_and_hidden_providers_run_it(land: Landing) -> None:
    """The session's shell is no copy of the userland's, the provider's is the static one, the agent's sh is its own."""
    assert no_static_shell() is None
    same = "test /bin/sh -ef /usr/lib/sekft/dash && echo ours || echo theirs"
    provider = File(path="/usr/local/bin/errand", content=f"#!/bin/sh\n{same}\n", mode="0755", owner="root")
    session = await land(provider, hidden=(provider.path,))
    assert await shown(session, f"ls /usr/lib/sekft/own; errand; {same}") == "ours\ntheirs\n"


async def test_another_version_keeps_its_own_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the userland's dash is not the one that ours is made of, sessions run the userland's."""
    monkeypatch.setattr(static_dash, "pins", lambda: {"version": "0.5.11-1"})
    assert no_static_shell() == f"it is made of dash 0.5.11-1, and the userlands have {userland('gnu').dash}"
    async with BubblewrapSandbox().open(SandboxSpec("gnu", LOGIN, ())) as session:
        assert await shown(session, "ls /usr/lib/sekft/own") == "sh\n"


@pytest.fixture
def no_make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache that lacks the static dash alone, on a machine without make; where the sandbox's uid can enter."""
    place = Path(tempfile.mkdtemp(prefix="sekft-test-"))
    place.chmod(0o755)
    cache, programs = place / "cache", place / "bin"
    programs.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name != "make":
            (programs / program.name).symlink_to(program)
    plain = tools()
    for part in ("userlands", "runner"):
        (cache / part).parent.mkdir(exist_ok=True)
        (cache / part).symlink_to(cache_root() / part)
    copied = cache / plain.relative_to(cache_root())
    shutil.copytree(plain.parent, copied.parent, symlinks=True)
    (copied.parent / "why").unlink(missing_ok=True)
    monkeypatch.setenv("SEKFT_CACHE", str(cache))
    monkeypatch.setenv("PATH", str(programs))
    yield copied
    shutil.rmtree(place)


def test_where_it_cannot_be_made_the_userlands_runs(no_make: Path) -> None:
    """The tools come without it, and doctor says why and what to do."""
    assert tools(userland("gnu").dash) == no_make
    assert not (no_make / "dash").exists()
    (found,) = (row for row in doctor.examine("bubblewrap") if row.name == "static shell")
    assert (found.ok, found.needed) == (False, False)
    assert "no make here" in found.detail
    assert "apt-get install" in found.advice
