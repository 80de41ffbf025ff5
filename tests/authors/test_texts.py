"""What tasks share to write texts and commands: quotes, tables, logs, and files that may be spaced otherwise."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sekft.authors.procedural import logs, tables, tolerance
from sekft.authors.procedural.host import land
from sekft.authors.procedural.tables import TableFormat
from sekft.authors.procedural.tasks import quoted

COLUMNS, ROWS = ("sample", "farm", "grams"), [("S-12", "koski", "40"), ("S-7", "niemi", "41"), ("S-9", "koski", "39")]


def sh(command: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", command, "sh", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("text", ["plain words", "the farmers' evening", 'say "yes"', 'it\'s $5 for `two` \\ "three"'])
def test_a_quoted_text_reaches_a_program_as_it_is(text: str) -> None:
    """Apostrophes, dollars, backticks, backslashes and double quotes included."""
    assert sh(f"printf %s {quoted(text)}").stdout == text


def test_blanks_may_be_wider_and_nothing_else_may_differ(tmp_path: Path) -> None:
    """Other blanks and a missing last newline pass; another word, another line or a link do not."""
    path, judged = tmp_path / "hosts", tolerance.alike("10.0.0.1\tkiln\n# the house\n", tolerance.words())
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


WRITTEN = [
    (
        "41\n",
        tolerance.FIGURES,
        ["41", "koski: 41\n", "41 samples", "total = 41"],
        ["42", "41 40", "41\n41\n", "", "koski-41"],
    ),
    (
        "a.txt\nb.txt\n",
        tolerance.NAMES,
        ["b.txt\na.txt", "a.txt, b.txt", "./a.txt\n/x/b.txt\n", "a.txt: FAILED\nb.txt: FAILED\n"],
        ["a.txt\n", "a.txt\nb.txt\nb.txt\n", "a.txt b.txt c.txt", "a.txt: OK\nb.txt\n"],
    ),
    (
        "aa  x\nbb  y\n",
        tolerance.SUMS,
        ["bb  /d/y\naa  /d/x\n", "aa *x\nbb *y\n"],
        ["aa\nbb\n", "aa  y\nbb  x\n", "aa  x\n"],
    ),
    (
        "x.csv 12\ny.csv 3\n",
        tolerance.PAIRS,
        ["y.csv: 3\nx.csv: 12\n", "  12 d/x.csv\n   3 d/y.csv\n  15 total\n", "x.csv\t12\ny.csv,3"],
        ["x.csv 3\ny.csv 12\n", "x.csv 12\n", "12\n3\n"],
    ),
    (
        "keys\nold list\n",
        tolerance.SUBJECTS,
        ["old list\nkeys", "Subject: keys\nSubject: old list\n"],
        ["keys\n", "From: x\nkeys\nold list\n"],
    ),
    (
        "a,b\n1,x\n2,y\n",
        tolerance.rows("a,b"),
        ["2,y\n1,x\n", '"a","b"\n1,"x"\n2,"y"\n'],
        ["1,x\n", "a,b\n1,x\n2,y\n2,y\n", "1\n2\n"],
    ),
    (
        "oven\n",
        tolerance.only("oven", ["ERROR", "lines"]),
        ["      5 oven", "oven: 5 ERROR lines\n"],
        ["dryer\n", "oven dryer\n", "08:00 ERROR oven too hot\n", "5\n"],
    ),
]
"""A result, its filter, other ways to write it, and results that are wrong."""


@pytest.mark.parametrize(("result", "normal", "as_good", "wrong"), WRITTEN)
def test_a_result_is_accepted_in_every_sensible_form(
    result: str, normal: str, as_good: list[str], wrong: list[str], tmp_path: Path
) -> None:
    """With a label, in another order or without its header, as a careful person writes it, and nothing else."""
    path, judged = tmp_path / "result", tolerance.alike(result, normal)
    for text in [result, *as_good, *wrong]:
        path.write_text(text)
        assert (sh(judged, str(path)).returncode == 0) is (text not in wrong), text


def test_a_numbered_series_runs_in_one_scheme() -> None:
    """The keys of a table share all but their number, which rises."""
    for seed in range(40):
        keys = land({"names": "plain"}, seed).world.table(6, 2).keys
        assert keys == sorted(keys), keys
        assert len(set(keys)) == 6, keys
