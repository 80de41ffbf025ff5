"""How a session's shell came to its end, judged from the wait status, the typed text and the dump."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from sekft.sandboxes.shell_state import ShellState, panic_reason
from sekft.sandboxes.wire import CommandReport
from sekft.trajectory import Ending

SHELL_ENDED = "shell_ended"
_WORDS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def words_in(text: str, state: ShellState) -> frozenset[str]:
    """The words of the typed text and of every function and alias that it could use."""
    hidden = [function.text for function in state.functions if function.name != "panic"]
    return frozenset(_WORDS.findall(" ".join([text, *hidden, *state.aliases.values()])))


def ending(report: CommandReport, words: frozenset[str], after: ShellState | None) -> Ending | None:
    """What ended the session, or None when the shell read to the end of what was typed.

    A shell that stopped early did so by exit, panic, errexit, exec, a top-level return or a signal.
    words: words_in() the command. after: the state that the shell left, if it left one.
    """
    status = shell_status(report.wait_status)
    if os.WIFSIGNALED(report.wait_status):
        return Ending(kind="none", status=status, reason=SHELL_ENDED)
    if not report.left:
        return None
    if after is not None and "i" not in after.options and status in (126, 127):
        # exec of what is not there: dash drops -i before it tries
        return Ending(kind="none", status=status, reason=SHELL_ENDED)
    reason = panic_reason(report.dump) if report.dump is not None else None
    if reason is not None and status == 77:
        return Ending(kind="panic", status=status, reason=reason)
    if _typed(words, ("exit", "panic", "trap") if after is None else ("exit", "panic")):
        # Without a dump only a user's own end trap still allows an exit: otherwise the shell was replaced by exec.
        if after is None and "trap" not in words:
            return Ending(kind="none", status=status, reason=SHELL_ENDED)
        return Ending(kind="exit", status=status)
    left_on_purpose = after is not None and not _errexit(after, status) and "return" not in words
    if left_on_purpose:
        return Ending(kind="exit", status=status)
    return Ending(kind="none", status=status, reason=SHELL_ENDED)


def shell_status(wait_status: int) -> int:
    """The wait status as `$?` shows it."""
    if os.WIFSIGNALED(wait_status):
        return 128 + os.WTERMSIG(wait_status)
    return os.WEXITSTATUS(wait_status)


def _errexit(after: ShellState, status: int) -> bool:
    return "e" in after.options and status != 0


def _typed(words: frozenset[str], wanted: Iterable[str]) -> bool:
    return any(word in words for word in wanted)
