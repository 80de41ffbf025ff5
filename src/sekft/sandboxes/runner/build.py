"""Compile the runner to a static program, against musl where that can be had."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

from sekft.cache import built
from sekft.errors import SandboxUnavailable
from sekft.sandboxes import musl
from sekft.sandboxes.musl import HINT

FLAGS = ("-std=c11", "-Os", "-Wall", "-Wextra", "-s")


def sources() -> list[Path]:
    return sorted(path for path in Path(__file__).parent.iterdir() if path.suffix in (".c", ".h"))


def compilers() -> list[list[str]]:
    """Commands that may be able to compile, best first."""
    commands = [[path, "-static"] for name in ("cc", "gcc", "clang") if (path := shutil.which(name))]
    with suppress(SandboxUnavailable):  # no network, no Debian …
        commands.insert(0, musl.compiler())
    return commands


@cache  # each start asks for it
def digest() -> str:
    """What the program depends on: its source, the flags, the processor. Not the compiler: either will do."""
    sha256 = hashlib.sha256(f"{platform.machine()} {FLAGS}".encode())
    for path in sources():
        sha256.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return sha256.hexdigest()[:16]


def runner() -> Path:
    """The compiled runner, built on first use. Raises SandboxUnavailable where nothing can compile it."""
    return built(f"runner/{digest()}", _compile) / "runner"


def _compile(folder: Path) -> None:
    failures: list[str] = []
    code = [str(path) for path in sources() if path.suffix == ".c"]
    for compiler in compilers():
        command = [*compiler, *FLAGS, "-o", str(folder / "runner"), *code]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode == 0:
            (folder / "runner").chmod(0o755)
            return
        failures.append(f"{compiler[0]}: {result.stderr.strip()[-400:]}")
    raise SandboxUnavailable("cannot compile the runner: " + ("; ".join(failures) or "no compiler") + f"; {HINT}")
