"""Where a function's text begins and ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekft.shell.syntax import definitions

ONE = [
    "f() { echo a; }",
    "f ( ) { echo a; }",
    "f()\n\n{\n echo a\n}",
    "f() ( cd /; pwd )",
    "f() if a; then b; else c; fi",
    "f() while read x; do echo; done",
    "f() for i in a b; do echo $i; done",
    "f() { case $1 in a) echo ;; (b|c) echo ;; *) echo; esac; }",
    "f() { echo '}' \"}\" \\} ${x:-\\}} ${y} $(echo }) `echo }`; }",
    'f() { echo "$(echo "}" ")")"; }',
    'f() { echo $((1 + (2 << 3))) ${x#"}"}; }',
    "f() { cat <<E\n} done\nE\n}",
    "f() { cat <<-'E F'; echo b\n\t}\n\tE F\n}",
    "f() { echo a # } not here\n}",
    "f() { { { echo a; }; }; }",
    "f() { echo a }; }",
    "f() { echo done fi esac; }",
    "f() { if ! { a && b; }; then :; fi; }",
    "f() { a | b & c; wait; }",
    "f() { x=1 y='2' a >b 2>&1 <c; }",
    "f() { echo a\\\n b; }",
    "f() { g() { :; }; }",
    "f() echo a",
]


@pytest.mark.parametrize("text", ONE)
@pytest.mark.parametrize(("before", "behind"), [("", ""), ("x=1; ", "; echo behind"), ("true && ", " && true"),
                                                ("if a; then ", "\nfi"), ("# f() {\n", "\n\n")])  # fmt: skip
def test_a_definition_is_found_whole(text: str, before: str, behind: str) -> None:
    """Its text is what was typed, without what stands around it."""
    found = definitions(before + text + behind)
    assert found["f"].strip() == text


NONE = [
    "echo 'f() { :; }'",
    'echo "f() { :; }"',
    "cat <<E\nf() { :; }\nE",
    "# f() { :; }",
    "echo f\\(\\)",
    "f",
    "f() {",
    "f() { echo 'a; }",
    "f()",
]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_definition(text: str) -> None:
    """Quoted, commented, in a here-document or unfinished."""
    assert definitions(text) == {}


def test_here_documents_of_a_body_belong_to_it_and_the_rest_of_the_line_does_not() -> None:
    """What stands behind a definition must not run again with it."""
    text = "cat <<A; f() { cat; } <<B; touch x; g() { :; }\n1\nA\n2\nB\ndate"
    assert definitions(text) == {"f": "f() { cat; } <<B\n2\nB", "g": "g() { :; }"}


def test_the_last_definition_wins() -> None:
    """Of two with one name the later text is kept; others keep their order."""
    assert definitions("f() { a; }; g() { b; }; f() { c; }") == {"g": "g() { b; }", "f": "f() { c; }"}


def test_what_stands_before_an_error_counts() -> None:
    """Broken text keeps what was whole before."""
    assert definitions("f() { a; }\necho )\ng() {") == {"f": "f() { a; }"}


@given(st.text(alphabet="f(){};|&<>\"'`$\\ \n#aEic=-!", max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Any text ends in an answer, and what it finds stands in the text."""
    for body in definitions(text).values():
        assert all(line in text for line in body.split("\n"))


def test_a_long_text_is_read_in_time() -> None:
    """A mebibyte of plain commands, and deep nesting, are no trouble."""
    assert definitions("echo word 'quoted' $x\n" * 50_000 + "f() { :; }") == {"f": "f() { :; }"}
    definitions("(" * 100_000)
    definitions("f() {" * 10_000)
