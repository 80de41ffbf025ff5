"""A report is tables: text that fits, Markdown, JSON."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekft.report import LEAST_COLUMNS, Report, Styled, Table, facts, markdown, text

WORDS = st.text("abcdefghijklmnop.=/-", min_size=1, max_size=20)
CELLS = st.one_of(st.lists(WORDS, max_size=6).map(" ".join), st.integers(0, 10**9), st.none())
TABLES = st.integers(1, 9).flatmap(
    lambda columns: st.builds(
        Table,
        st.tuples(*[st.lists(WORDS, min_size=1, max_size=2).map(" ".join)] * columns),
        st.lists(st.tuples(*[CELLS] * columns), max_size=5),
    )
)


class Count(Report):
    files: int

    @property
    def tables(self) -> list[Table]:
        return [Table(("what", "count"), [("files", self.files)], "Count")]


@settings(max_examples=settings().max_examples * 2, deadline=None)
@given(TABLES, st.integers(LEAST_COLUMNS, 160))
def test_any_table_fits_any_width_and_breaks_no_word(table: Table, width: int) -> None:
    """Every word of every cell stands whole in the text, and no line is wider than the terminal."""
    shown = text([table], width)
    words = [
        word
        for cell in [*table.columns, *(cell for row in table.rows for cell in row)]
        for word in str(cell).split()
        if isinstance(cell, str)
    ]
    lines = [line.split() for line in shown.splitlines()]
    there = {word for line in lines for word in line}
    assert set(words) <= there
    assert max(map(len, shown.splitlines()), default=0) <= width


def test_columns_that_do_not_fit_go_below_with_the_first_repeated() -> None:
    """A wide table becomes panels, each with the names of its rows."""
    names = [f"measure-number-{number}" for number in range(8)]
    shown = text([Table(["axis", *names], [["value", *range(8)]])], 60)
    assert shown.count("axis") == shown.count("value") == 3
    assert all(name in shown for name in names)


def test_panels_stand_apart_and_labels_in_one_line() -> None:
    """A blank line parts the panels of a table, and a short label before a row is not wrapped."""
    names = ("expected", *(f"outcome_number_{number}" for number in range(7)))
    shown = text([Table(names, [("exit (work)", *range(7)), ("panic (blocked)", *range(7))])], 60)
    panels = [panel.splitlines() for panel in shown.split("\n\n")]
    assert len(panels) == 4
    for head, *rows in panels:
        assert head.startswith("expected ")
        assert [row[:15].strip() for row in rows] == ["exit (work)", "panic (blocked)"]


def test_numbers_stand_right_and_nothing_is_a_dash() -> None:
    """Columns of numbers are aligned to the right; None is a dash; thousands are separated."""
    lines = text([Table(("a", "n"), [("x", 1234567), ("y", 5), ("z", None)])], 80).splitlines()
    assert lines[1:] == ["x  1,234,567", "y          5", "z          –"]


def test_a_note_is_wrapped_and_loses_no_word() -> None:
    """A note longer than the terminal goes on below; a word longer than it stays whole."""
    note = " ".join(f"word-{number}" for number in range(40)) + " " + "x" * 90
    lines = text([Table((), (), notes=[note])], 60).splitlines()
    assert [word for line in lines for word in line.split()] == note.split()
    assert max(map(len, lines[:-1])) <= 60


def test_emphasis_is_for_terminals_alone() -> None:
    """Escape codes are there when asked for, and never else."""
    table = [Table(("a",), [(Styled("broken", "bad"),)])]
    assert "\x1b[31m" in text(table, 80, emphasis=True)
    assert "\x1b" not in text(table, 80)


def test_a_report_is_text_json_and_markdown() -> None:
    """One value, three forms; the fields alone are the JSON body."""
    report = Count(files=1200)
    assert report.to_json() == '{\n "files": 1200\n}\n'
    assert report.to_markdown() == "### Count\n\n| what | count |\n| --- | ---: |\n| files | 1,200 |\n"
    assert str(report) == "Count\nwhat   count\nfiles  1,200\n"


def test_a_pipe_in_a_cell_does_not_cut_a_markdown_row() -> None:
    """Commands hold pipes."""
    assert markdown(Table(("command",), [("a | b",)])).splitlines()[-1] == "| a \\| b |"


def test_facts_leave_out_what_is_empty() -> None:
    """A fact that is not there takes no line."""
    assert text([facts([("user", "ada"), ("host", ""), ("home", None)])], 80) == "user  ada\n"


def test_a_report_without_tables_says_whose_fault_it_is() -> None:
    """A report must define its tables."""
    with pytest.raises(NotImplementedError, match="Report defines no tables"):
        str(Report())


def test_a_command_is_never_wrapped() -> None:
    """What is to be copied stays on one line, however narrow the terminal is."""
    command = "sekft show " + "x" * 90
    assert text([Table((), (), "Next", commands=[command])], 60) == f"Next\n{command}\n"
