"""The checker of a procedural scenario: the whole tree against the expected one.

The expected state is known when the scenario is drawn, so the checker compares every path,
mode and content under the listed roots and the provider's store. Files that the work makes
or changes are compared as text, so that a missing last newline or another umask is no fault.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Mapping, Sequence

from sekft.authors.procedural.host import LISTED_ROOTS
from sekft.scenario import File


def tree_checker(expected: Iterable[File], written: Sequence[File], judged: Mapping[str, str] | None = None) -> str:
    """A POSIX sh script that exits 0 exactly when the tree is as expected.

    expected: every file that must be there at the end, apart from `written`.
    written:  files compared by their text alone.
    judged:   for each other path that may differ in bytes, a line of sh that succeeds when "$1", the path, is right.
    """
    judged = judged or {}
    loose = {file.path for file in written} | set(judged)
    strict = [file for file in expected if file.path not in loose]
    outside = _tops(file.path for file in strict if not file.path.startswith(LISTED_ROOTS))
    skipped = " ".join(f"-path {path} -o" for path in [*LISTED_ROOTS, *sorted(loose)])
    lines = ['fail() { echo "$1"; exit 1; }']
    lines += [_text_check(file) for file in written]
    for path, script in judged.items():
        lines.append(f'set -- {shlex.quote(path)}; {{ {script}; }} >/dev/null 2>&1 || fail "{path} is not as asked"')
    lines += [
        # One walk, and three programs over all that it finds: this runs after every rollout and every wrong solution.
        # No parentheses: busybox find does not run `-exec … +` in them.
        f"seen=$(find {' '.join([*LISTED_ROOTS, *outside])} {skipped} -type l -exec stat -c '%N' {{}} + \\",
        "  -o -exec stat -c '%a %n' {} + -type f -exec sha256sum {} + 2>/dev/null | LC_ALL=C sort)",
        f"want={shlex.quote(chr(10).join(_listing(strict)))}",
        '[ "$seen" = "$want" ] || fail "the tree is not as expected"',
    ]
    return "\n".join(lines) + "\n"


def _text_check(file: File) -> str:
    path, text = shlex.quote(file.path), shlex.quote((file.content or "").rstrip("\n"))
    return f'[ -f {path} ] && [ ! -L {path} ] && [ "$(head -c 65536 {path})" = {text} ] || fail "{file.path} is not as asked"'


def _tops(paths: Iterable[str]) -> list[str]:
    """The paths that lie under no other one of them: what `find` needs to be given."""
    tops: list[str] = []
    for path in sorted(paths):
        if not any(path.startswith(top + "/") for top in tops):
            tops.append(path)
    return tops


def _listing(files: Iterable[File]) -> list[str]:
    lines = []
    for file in files:
        if file.kind == "symlink":
            lines.append(f"'{file.path}' -> '{file.target}'")
            continue
        lines.append(f"{int(file.mode, 8):o} {file.path}")
        if file.kind == "file" and file.mode != "0000":
            lines.append(f"{hashlib.sha256(file.data).hexdigest()}  {file.path}")
    return sorted(lines, key=lambda line: line.encode())
