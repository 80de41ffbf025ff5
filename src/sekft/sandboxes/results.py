"""A command's report as what is recorded: its output, decoded and cut to its limit, and how the session ended by it."""

from __future__ import annotations

import os
import re

from sekft.protocols import ExecResult
from sekft.sandboxes.shell_state import ShellState, panic_reason
from sekft.sandboxes.wire import CommandReport
from sekft.trajectory import Ending

OMITTED = "[… {} bytes omitted …]"
_WORDS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def recorded(report: CommandReport, limit_bytes: int, note: str = "") -> ExecResult:
    """The output and, on a line of its own, the note; together at most limit_bytes of UTF-8.

    dropped_bytes of the result counts bytes as recorded where they are known, raw bytes elsewhere.
    """
    closing = f"{note}\n" if note else ""
    room = limit_bytes - len(closing.encode()) - 1
    if report.unseen:
        head, tail = decoded(report.head).encode(), decoded(report.tail).encode()
        total = len(head) + len(tail) + report.unseen
    else:
        text = decoded(report.head + report.tail)
        head = tail = text.encode()
        total = len(head)
        if total <= (room if note else limit_bytes):
            return ExecResult(_joined(text, closing), report.status, report.sha256)
    half = max(0, (room - len(OMITTED.encode()) - 20) // 2)
    first = head[:half].decode("utf-8", "ignore")
    last = tail[max(0, len(tail) - half) :].decode("utf-8", "ignore")
    dropped = total - len(first.encode()) - len(last.encode())
    output = _joined(_joined(first, OMITTED.format(dropped) + "\n") + last, closing)
    return ExecResult(output, report.status, report.sha256, truncated=True, dropped_bytes=dropped)


def decoded(raw: bytes) -> str:
    """UTF-8; invalid bytes and NUL become U+FFFD."""
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


def _joined(text: str, line: str) -> str:
    """The line after the text, at the beginning of a line."""
    return text + ("\n" if line and text and not text.endswith("\n") else "") + line


def words_in(text: str, state: ShellState) -> frozenset[str]:
    """The words of the typed text and of every function and alias that it could use."""
    hidden = [function.text for function in state.functions if function.name != "panic"]
    return frozenset(_WORDS.findall(" ".join([text, *hidden, *state.aliases.values()])))


def ending(report: CommandReport, words: frozenset[str], after: ShellState | None) -> Ending | None:
    """What ended the session, or None when the shell read to the end of what was typed.

    A shell that stopped early did so by exit, panic, errexit, exec, a top-level return or a signal.
    words: words_in() the command. after: the state that the shell left, if it left one.
    """
    status = report.status
    shell_ended = Ending(kind="none", status=status, reason="shell_ended")
    if os.WIFSIGNALED(report.wait_status):
        return shell_ended
    if not report.left:
        return None
    if after is not None and "i" not in after.options and status in (126, 127):
        return shell_ended  # exec of what is not there: dash drops -i before it tries
    reason = panic_reason(report.dump) if report.dump is not None else None
    if reason is not None and status == 77:
        return Ending(kind="panic", status=status, reason=reason)
    if after is None:
        # Only a user's own end trap still allows an exit: otherwise the shell was replaced by exec.
        return Ending(kind="exit", status=status) if "trap" in words else shell_ended
    errexit = "e" in after.options and status != 0
    if words & {"exit", "panic"} or not (errexit or "return" in words):
        return Ending(kind="exit", status=status)
    return shell_ended
