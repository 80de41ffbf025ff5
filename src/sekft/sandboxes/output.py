"""Raw output as it is recorded: decoded, cut to its limit, with fixed texts where something is missing."""

from __future__ import annotations

from dataclasses import dataclass

from sekft.sandboxes.wire import CommandReport

OMITTED = "[… {} bytes omitted …]"


@dataclass(frozen=True, slots=True)
class Shown:
    """dropped_bytes: how many bytes, counted as recorded where known, the omission stands for."""

    text: str
    truncated: bool
    dropped_bytes: int


def decoded(raw: bytes) -> str:
    """UTF-8; invalid bytes and NUL become U+FFFD."""
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


def fitted(report: CommandReport, limit_bytes: int, note: str = "") -> Shown:
    """The output and, on a line of its own, the note; together at most limit_bytes of UTF-8."""
    ending = f"{note}\n" if note else ""
    room = limit_bytes - len(ending.encode()) - 1
    unseen = report.total - len(report.head) - len(report.tail)
    if not unseen:
        text = decoded(report.head + report.tail)
        if len(text.encode()) <= (room if note else limit_bytes):
            return Shown(_joined(text, ending), False, 0)
        head, tail = text.encode(), text.encode()
        whole = len(head)
    else:
        head, tail = decoded(report.head).encode(), decoded(report.tail).encode()
        whole = len(head) + len(tail) + unseen
    half = max(0, (room - len(OMITTED.encode()) - 20) // 2)
    first = head[:half].decode("utf-8", "ignore")
    last = tail[max(0, len(tail) - half) :].decode("utf-8", "ignore")
    dropped = whole - len(first.encode()) - len(last.encode())
    middle = _joined(first, OMITTED.format(dropped) + "\n")
    return Shown(_joined(middle + last, ending), True, dropped)


def _joined(text: str, line: str) -> str:
    """The line after the text, at the beginning of a line."""
    return text + ("\n" if line and text and not text.endswith("\n") else "") + line
