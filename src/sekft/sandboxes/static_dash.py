"""A static dash that does what the userlands' dash does: the session's shell, and the providers' where they are hidden.

It is made of the source of the package that the userlands have, with Debian's patches, and it says of an error or a
signal what glibc says. static_dash.toml has the version and its digests. A userland of another version keeps its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from sekft.errors import SandboxUnavailable
from sekft.sandboxes import debian, musl

_PINS = Path(__file__).parent / "static_dash.toml"
_OPTIONS = ("--disable-fnmatch", "--disable-glob", "--disable-lineno")
"""Those of Debian's rules."""
_STDIO = "#include_next <stdio.h>\n#undef BUFSIZ\n#define BUFSIZ 8192\n"
"""glibc's size of a buffer: dash reads what is typed, and writes, in pieces of that size."""
_ERRORS, _SIGNALS = 134, 65
_FOR_AUTOTOOLS = ("configure.ac", "Makefile.am", "src/Makefile.am")
_WORDS = """\
#include <stdio.h>
static const char *const errors[] = {%s}, *const signals[] = {%s};
static char *text(const char *const *all, int count, int number, const char *other) {
    static char unknown[32];
    if (number >= 0 && number < count) return (char *)all[number];
    snprintf(unknown, sizeof unknown, other, number);
    return unknown;
}
char *strerror(int n) { return text(errors, sizeof errors / sizeof *errors, n, "Unknown error %%d"); }
char *strsignal(int n) { return text(signals, sizeof signals / sizeof *signals, n, "Unknown signal %%d"); }
"""
_HEAP = Path(__file__).parent / "static_dash_heap.c"


@cache
def pins() -> dict[str, Any]:
    """version, and the digests of its archives."""
    return tomllib.loads(_PINS.read_text(encoding="utf-8"))


@cache
def key() -> str:
    """Of what it is made of."""
    made_by = (Path(__file__), Path(musl.__file__), _PINS, _HEAP)
    return hashlib.sha256(b"".join(path.read_bytes() for path in made_by)).hexdigest()[:8]


def build(scratch: Path) -> Path:
    """The program, made in this folder. Raises SandboxUnavailable where that is not possible."""
    if absent := [program for program in ("make", "patch") if not shutil.which(program)]:
        raise SandboxUnavailable(f"no {' and no '.join(absent)} here; Debian: apt-get install {' '.join(absent)}")
    source, words = scratch / "source", scratch / "words.c"
    debian.unpack_source("dash", pins()["version"], pins()["sha256"], source)
    for name in _FOR_AUTOTOOLS:  # patched, they are newer than what was made of them, and make would ask for autotools
        os.utime(source / name, (0, 0))
    words.write_text(_WORDS % (_quoted(os.strerror, _ERRORS), _quoted(_signal, _SIGNALS)))
    command = musl.compiler()
    (source / "like_glibc").mkdir()
    (source / "like_glibc/stdio.h").write_text(_STDIO)
    _run([*command, "-O2", "-c", str(words), "-o", str(source / "words.o")], source)
    _run([*command, "-O2", "-fno-builtin", "-c", str(_HEAP), "-o", str(source / "heap.o")], source)
    flags = [f"CC={' '.join(command)}", f"CFLAGS=-O2 -I{source}/like_glibc", "LDFLAGS=-s"]
    _run(["./configure", *_OPTIONS, *flags], source)
    _run(["make", "-C", "src", "priv.o"], source)  # Debian's patch adds it where only autotools would see it
    # A helper lists the signals: their numbers and names are to be glibc's.
    _run(["make", "LIBS=../words.o ../heap.o priv.o", f"CC_FOR_BUILD={' '.join(musl.native())}"], source)
    return source / "src/dash"


def _quoted(text: Callable[[int], str], count: int) -> str:
    return ", ".join(json.dumps(text(number)) for number in range(count))


def _signal(number: int) -> str:
    try:
        return signal.strsignal(number) or f"Unknown signal {number}"
    except ValueError:
        return f"Unknown signal {number}"


def _run(command: list[str], folder: Path) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode:
        raise SandboxUnavailable(f"cannot compile dash: {command[0]}: {result.stderr.strip()[-400:]}")
