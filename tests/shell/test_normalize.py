"""What makes two texts the same, and what does not."""

from __future__ import annotations

import pytest

from sekft.shell.syntax import bare, settled


@pytest.mark.parametrize(
    ("action", "one", "two"),
    [
        ("ls -l", "-rw-r--r-- 1 ana ana 7 Nov 23 03:17 a\n$ ", "-rw-r--r-- 1 ana ana 7 Nov 22  2026 a\n$ "),
        ("date", "Mon Nov 23 03:17:14 UTC 2026\n$ ", "Tue Nov 24 11:00:01 UTC 2026\n$ "),
        ("stat -c %y a", "2026-11-23 03:17:14.25 +0000\n", "2026-11-22 03:17:15.01 +0000\n"),
        ("date +%s", "1795403834\n", "1795403999\n"),
        ("ps", "  PID COMMAND\n   12 sh\n   31 ps\n", "  PID COMMAND\n   14 sh\n   37 ps\n"),
        ("sleep 9 &", "[1] 4711\n$ ", "[1] 4802\n$ "),
        ("find .", "./b\n./a\n$ ", "./a\n./b\n$ "),
    ],
)
def test_what_is_volatile_makes_no_difference(action: str, one: str, two: str) -> None:
    """Times, the numbers of processes and the order of lines differ between two runs of one session."""
    assert settled(one, action) == settled(two, action)


@pytest.mark.parametrize(
    ("action", "one", "two"),
    [
        ("cat a", "pine\n$ ", "fir\n$ "),
        ("wc -l a", "12 a\n$ ", "13 a\n$ "),
        ("ls -l", "-rw-r--r-- 1 ana ana 7 Nov 23 03:17 a\n", "-rw-r--r-- 1 ana ana 8 Nov 23 03:17 a\n"),
        ("ls", "a\nb\n$ ", "a\n$ "),
    ],
)
def test_what_is_shown_makes_a_difference(action: str, one: str, two: str) -> None:
    """Contents, sizes, counts and what is there are never taken for volatile."""
    assert settled(one, action) != settled(two, action)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("cat  'notes.txt' ", 'cat "notes.txt"'),
        ("panic 'the disk is full'", "panic no space"),
        ("make all && exit 0", "make all && exit"),
        ("ls|wc -l", "ls | wc -l"),
    ],
)
def test_spelling_makes_no_difference(one: str, two: str) -> None:
    """Spaces, idle quotes, a panic's reason and exit's zero change nothing of what is done."""
    assert bare(one) == bare(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("exit", "exit 3"),
        ("exit", "panic no"),
        ('echo "$HOME"', "echo '$HOME'"),
        ("rm *", "rm '*'"),
        ("echo a > b", "echo a b"),
        ("echo 'a  b'", "echo 'a b'"),
        ("cat <<'E'\na\nE", "cat <<'E'\nb\nE"),
        ("echo panic > a", "echo b > a"),
    ],
)
def test_what_is_done_makes_a_difference(one: str, two: str) -> None:
    """An ending's status, an expansion, a redirection or a text never counts as spelling."""
    assert bare(one) != bare(two)
