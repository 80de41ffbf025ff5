"""The console command as a user runs it: another process, its output and its exit status."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

SEKFT = (sys.executable, "-c", "from sekft.cli import main; main()")
FORKING = """
import atexit, gc, importlib, json, openai, os, pkgutil, sys, threading
import sekft.cli
from sekft.cli import main
for module in pkgutil.iter_modules(sekft.cli.__path__, "sekft.cli."):
    importlib.import_module(module.name)
gc.freeze()
for line in sys.stdin:
    request = json.loads(line)
    if pid := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        continue
    for descriptor, path in enumerate((os.devnull, *request["outputs"])):
        os.dup2(os.open(path, os.O_RDWR), descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv[1:] = request["arguments"]
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
    with tempfile.NamedTemporaryFile("r") as output, tempfile.NamedTemporaryFile("r") as errors:
        words, outputs = [*map(str, arguments)], [output.name, errors.name]
        request = {
            "arguments": words,
            "environment": environment(**changes),
            "folder": str(Path.cwd()),
            "outputs": outputs,
        }
        server = _forking()
        assert server.stdin
        assert server.stdout
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess(words, status, output.read(), errors.read())


@cache
def _forking() -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FORKING]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())
    atexit.register(server.communicate)  # the end of its input ends it
    return server


def start(*arguments: str | Path, **changes: str) -> subprocess.Popen[str]:
    """Start and leave running; it can be interrupted, also where these tests run in the background."""
    command = [*SEKFT, *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**changes),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
