"""The reader against a real dash, and the time it takes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekft.operators.answers import parse_action
from sekft.shell import markup, syntax
from sekft.shell.grounding import Seen
from sekft.shell.reader import ShellReader
from sekft.shell.syntax import bare
from tests.dash import dash

WORDS = (
    "a", "b1", "'q (q'", '"d $x"', "$(echo b)", '"$(b "c" | d)"', "`b c`", "${x:-y}", '${x#"}"}', "\"${x:-'}\"",
    "$((1+(2)))", "a\\ b", "a#b", "$#", "{}", "done", "x=1", "'l\nm'", "a\\\nb", "\\'", "$",
    "$(case x in a) b;; esac)", "$(\nb # c)\n)",
)  # fmt: skip
OPEN = ("end of file unexpected", "Unterminated quoted string", "EOF in backquote", "Missing '")
JOINS = (
    "; ", "\n", " & ", " && ", " | ", " ||\n  ", "\n\n", " # note '\n", ";\n# note (\n", " <<E\n$x ' )\nE\n",
    " <<'E F' | cat <<-\\G # note\n(\nE F\n\tif\n\tG\n",
)  # fmt: skip
FORMS = (
    "if {};\nthen {}\nfi", "if {}; then {}; elif {}; then {}; else {}; fi >f", "while {}; do {}; done <f",
    "until {}\ndo {}\ndone", "for x in a $y; do {}; done", "for x do {}; done",
    "case $x in a) {};; (b|'c d') {} ;; *) esac", "case x in\na)\n{}\nesac", "({})", "{{ {}; }} 2>&1",
    "f() {{ {}; }}", "f()\n({})", "g ( ) if {}; then {}; fi", "{}", "! {}",
)  # fmt: skip


@st.composite
def simple(draw: st.DrawFn) -> str:
    words = draw(st.lists(st.sampled_from(WORDS), max_size=3))
    return " ".join([*draw(st.sampled_from([["ls"], ["v=1", "ls"], [">f"], ["2>&1", "cat", "<f"]])), *words])


def combined(commands: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def filled(form: str) -> st.SearchStrategy[str]:
        return st.tuples(*[commands] * form.count("{}")).map(lambda parts: form.format(*parts))

    return st.sampled_from(FORMS).flatmap(filled) | st.tuples(commands, st.sampled_from(JOINS), commands).map("".join)


SCRIPTS = st.recursive(simple(), combined, max_leaves=10)


def verdict(script: str) -> str:
    """What a real dash says of a script: whole, open or broken."""
    shell = subprocess.run([*dash(), "-n"], input=script + "\n", capture_output=True, text=True, timeout=10)
    return "whole" if not shell.returncode else "open" if any(text in shell.stderr for text in OPEN) else "broken"


@settings(max_examples=100, deadline=None)
@given(SCRIPTS, st.data())
def test_what_is_open_is_what_dash_waits_for(script: str, data: st.DataObject) -> None:
    """Of scripts whole and cut off anywhere the reader says open where dash misses an end, and only there."""
    cut = script[: data.draw(st.integers(0, len(script)))]
    for text in (script, cut):
        expected = verdict(text)
        if expected == "open" or text == script or not (text.endswith("\\") or "<<" in text):  # dash misses no such end
            assert syntax.still_open(text) == (expected == "open")


PIECES = (
    "ls", " ", "  ", "a", "'x y'", '"p q"', "'it", '"', "|", "||", "&&", "&", ";", ";;", "if", "then", "fi", "do",
    "done", "for", "in", "while", "case", "esac", "x", "!", ">", "2>", "<", "<<E", "<<'E'", "<<-E", "$x", "$(", "(",
    ")", "{", "}", "\\", "#", "`", "a-if", "\t",
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_a_command_of_one_line_is_seen_without_reading(line: str) -> None:
    """What plainly ends with its line, or with its here-document, ends there for the reader, too."""
    text = f"{line}\necho z\nE\n)"
    assert syntax.command_end(text, 0) == ShellReader(text).read_command().at
    if syntax.is_one_line(text, 0, len(line)):
        assert ShellReader(text).read_command().at == len(line)


SHAPES = (
    "ls\n", "  ls\n", "a;", "a|", "a && \n", "! ", "a=1 ", "a=$(b) ", "a 'b\n", 'a "b\n', "'", '"', "''a ", "a'b'",
    '"$(', '$(a "', "${", "${a", '"${', "$((", "((", "(", "(\n", "{ ", "`", "\\`", "\\\\\\`", " `a \\`b", "cat <<E\n",
    "cat <<E <<F\n", "<<a ", "<", ">", "a >b ", "\\", "\\\n", "a \\ \n", "#", " #a\n", "# a\n",
    "case x in a) b;; esac\n", "case x in\n", "a) b;;\n", "*)", "if a\n", "if a; then b\n",
    "if a; then b; elif c; then ", "for x in a\n", "fi\n", "f() {\n", "f() { a; } <<E\n", ")\n", ")'\n", "```\n",
    "```sh\nls\n```\n", "``` ", "```a", "$ ls\n", "a@b:~$ ls\nx\n", "$ cat <<E\n> a\n", "I will look.\n", ". A", "a-",
    "~", "<think ", "<think>a", "<cmd> a ", "<|a", "<|channel|> final ", "</think>", "<think>", "[THINK]",
    "'</think>\n", "<tool_call>",
    "<|im_end|", "<tool_", "it's </think>\n", "(\n</think>", "'", "panic ", "; ", "&", " ", "\n", "\t", "\r", "é",
)  # fmt: skip
"""What hostile answers repeat."""


def read(text: str) -> None:
    """Every reader of shell text, and what reads an answer before them."""
    parse_action(text)
    markup.read(text)
    bare(text)
    syntax.only_looks(text)
    Seen().missing(text)


def calls_made(text: str) -> int:
    """How many functions run while the text is read."""
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return count


def processor_s(reader: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    reader(text)
    return time.process_time() - began


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_reading_is_linear(shape: str) -> None:
    """Eight times the text takes eight times the steps, whatever it repeats; a quadratic reader would take 64 times."""
    read("ls")  # patterns are compiled once
    for before in ("ls ", "```sh\n"):
        short, long = (before + shape * (characters // len(shape)) for characters in (150, 1200))
        assert calls_made(long) < 10 * calls_made(short) + 1000


@pytest.mark.parametrize(
    ("reader", "before", "characters"), [(parse_action, "", 1000), (bare, "a", 2000), (markup.read, "", 20_000)]
)
def test_patterns_are_linear(reader: Callable[[str], object], before: str, characters: int) -> None:
    """Nor does a regular expression, whose steps are not calls, go over the text again and again."""
    for shape in SHAPES:
        short, long = (f"{before}{shape * (size // len(shape))}a" for size in (characters, 8 * characters))
        limit_s = 20 * min(processor_s(reader, short) for _ in range(3)) + 0.001
        assert any(processor_s(reader, long) < limit_s for _ in range(3)), shape
