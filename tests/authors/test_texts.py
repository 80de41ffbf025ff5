"""What tasks share to write texts and commands: quotes, tables, logs, and files that may be spaced otherwise."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sekft.authors.procedural import logs, tables
from sekft.authors.procedural.host import land
from sekft.authors.procedural.tables import TableFormat
from sekft.authors.procedural.tasks import quoted, spaced

COLUMNS, ROWS = ("sample", "farm", "grams"), [("S-12", "koski", "40"), ("S-7", "niemi", "41"), ("S-9", "koski", "39")]


def sh(command: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", command, "sh", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("text", ["plain words", "the farmers' evening", 'say "yes"', 'it\'s $5 for `two` \\ "three"'])
def test_a_quoted_text_reaches_a_program_as_it_is(text: str) -> None:
    """Apostrophes, dollars, backticks, backslashes and double quotes included."""
    assert sh(f"printf %s {quoted(text)}").stdout == text


def test_blanks_may_be_wider_and_nothing_else_may_differ(tmp_path: Path) -> None:
    """Other blanks and a missing last newline pass; another word, another line or a link do not."""
    path, judged = tmp_path / "hosts", spaced("10.0.0.1\tkiln\n# the house\n")
    link = tmp_path / "link"
    link.symlink_to(path)
    for text, right in (
        ("10.0.0.1\tkiln\n# the house\n", True),
        ("10.0.0.1    kiln\n# the house", True),
        ("10.0.0.1\tkiln\n# the house\n\n", False),
        ("10.0.0.2\tkiln\n# the house\n", False),
        ("10.0.0.1\tkiln\n", False),
    ):
        path.write_text(text)
        assert (sh(judged, str(path)).returncode == 0) is right, text
    path.write_text("10.0.0.1\tkiln\n# the house\n")
    assert sh(judged, str(link)).returncode != 0


@pytest.mark.parametrize("form", sorted(set(tables.FORMATS), key=repr))
@pytest.mark.parametrize("header", [True, False])
def test_rows_are_selected_as_they_stand_in_the_file(form: TableFormat, header: bool, tmp_path: Path) -> None:
    """Only those whose last column passes, with the header where it is wanted and there is one."""
    path = tmp_path / "table"
    path.write_text(form.text(COLUMNS, ROWS))
    want = [*(form.head(COLUMNS) if header else []), *(form.line(COLUMNS, row) for row in ROWS[:2])]
    assert sh(form.selecting(">= 40", "grams", str(path), header)).stdout.splitlines() == want
    loop = f'while read -r x; do echo "{form.last("x")}"; done < {path}'
    assert sh(loop).stdout.splitlines()[form.top :] == ["40", "41", "39"]


@pytest.mark.parametrize("form", logs.FORMATS)
def test_a_log_runs_forward_and_names_each_source_once(form: logs.LogFormat) -> None:
    """A line an entry, in the order of time, with the source and the message in it."""
    entries = [("oven-1", "no heat", True), ("dryer", "tray 12 in", False), ("oven-1", "door closed", False)]
    lines = form.text(land({}, 4), entries).splitlines()
    assert len(set(lines)) == len(entries)
    for line, (source, message, _) in zip(lines, entries, strict=True):
        assert line.endswith(message)
        assert line.count(source) == 1
    if form.stamp.startswith("%Y"):
        assert lines == sorted(lines)
