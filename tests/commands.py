"""The console command as a user runs it: another process, its output and its exit status."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

Command = Callable[..., subprocess.CompletedProcess[str]]
SEKFT = (sys.executable, "-c", "from sekft.cli import main; main()")
FORKING = """
import atexit, gc, json, os, sys, threading
from importlib import import_module
from pkgutil import iter_modules, resolve_name
for name in sys.argv[1:]:
    for module in iter_modules(getattr(import_module(name), "__path__", ()), name + "."):
        import_module(module.name)
gc.freeze()
for line in sys.stdin:
    request = json.loads(line)
    if pid := os.fork():
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        continue
    for descriptor, path in enumerate((os.devnull, *request["outputs"])):
        os.dup2(os.open(path, os.O_RDWR), descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv[1:] = request["arguments"]
    main = resolve_name(request["main"])
    break
else:
    sys.exit()
try:
    main()
    status = 0
except SystemExit as leaving:
    if not isinstance(leaving.code, int | None):
        raise
    status = leaving.code or 0
threading._shutdown()  # an interpreter's end, less taking a thousand modules apart, which is a copy of each page
atexit._run_exitfuncs()
for stream in (sys.stdout, sys.stderr):
    if not stream.closed:
        stream.flush()
os._exit(status)
"""


class Program(NamedTuple):
    """main: what is called, as module:function. loaded: modules and packages that its parent has imported."""

    main: str
    loaded: tuple[str, ...]


COMMAND_LINE = Program("sekft.cli:main", ("sekft.cli", "tests.loaded"))
TRAINER = Program("sekft.cli:main", ("sekft.cli", "tests.training.loaded"))
"""The command line with torch and transformers, which take another 4 s."""


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without any model service in it, and a plain terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEKFT_")}
    return kept | {"COLUMNS": "120", "NO_COLOR": "1"} | changes


def sekft(*arguments: str | Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run to the end. changes: environment variables."""
    command = [*SEKFT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment(**changes), timeout=900)


def forked(*arguments: str | Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """The same, forked from a process that has imported the command line: 0.7 s less.

    All of them share one order of hashes: who compares two runs wants `sekft`.
    """
    return forked_from(COMMAND_LINE, *arguments, **changes)


def forked_from(program: Program, *arguments: str | Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """The same of another program."""
    with forking(program, *arguments, **changes) as running:
        return running.done()


class Running(NamedTuple):
    """A forked command under way; its parent waits for it."""

    pid: int
    done: Callable[[], subprocess.CompletedProcess[str]]


@contextmanager
def forking(program: Program, *arguments: str | Path, **changes: str) -> Iterator[Running]:
    """Begin a command, one at a time; done() waits for its end."""
    with tempfile.NamedTemporaryFile("r") as output, tempfile.NamedTemporaryFile("r") as errors:
        words, outputs = [*map(str, arguments)], [output.name, errors.name]
        request = {
            "main": program.main,
            "arguments": words,
            "environment": environment(**changes),
            "folder": str(Path.cwd()),
            "outputs": outputs,
        }
        server = _forking(program.loaded)
        assert server.stdin
        assert server.stdout
        answers = server.stdout
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()

        @cache
        def done() -> subprocess.CompletedProcess[str]:
            return subprocess.CompletedProcess(words, int(answers.readline()), output.read(), errors.read())

        yield Running(int(answers.readline()), done)
        done()


@cache
def _forking(loaded: tuple[str, ...]) -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, "-c", FORKING, *loaded],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=Path(__file__).parent.parent,
    )
    atexit.register(server.communicate)  # the end of its input ends it
    return server


def start(*arguments: str | Path, **changes: str) -> subprocess.Popen[str]:
    """Start and leave running; it can be interrupted, also where these tests run in the background."""
    command = [*SEKFT, *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**changes),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
