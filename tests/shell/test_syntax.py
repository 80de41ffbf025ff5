"""Reading typed text: which programs it runs, with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekft.shell import syntax


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("tool list", [["tool", "list"]]),
        ("a; b && c || d | e &", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("if tool ready; then tool go; fi", [["tool", "ready"], ["tool", "go"]]),
        ('X=1 tool \'two words\' "a\\"b"', [["tool", "two words", 'a"b']]),
        ("echo $(tool list | head -1)", [["tool", "list"], ["head", "-1"], ["echo", "$(…)"]]),
        ('echo "`tool id`"', [["tool", "id"], ["echo", "$(…)"]]),
        ("cat > out <<EOF\ntool list\nEOF\nls", [["cat", ">out", "<EOF"], ["ls"]]),
        ("tool x 2>/dev/null >> log", [["tool", "x", ">/dev/null", ">log"]]),
        ("(cd /srv; tool x)", [["cd", "/srv"], ["tool", "x"]]),
        ("echo 'tool list'", [["echo", "tool list"]]),
        ("for x in a b; do tool $x; done", [["x", "in", "a", "b"], ["tool", "$x"]]),
        ("a \\\n b", [["a", "b"]]),
        ("exec tool go", [["tool", "go"]]),
        ("", []),
    ],
)
def test_simple_commands(text: str, wanted: list[list[str]]) -> None:
    """Separators, keywords, assignments and substitutions fall away; quotes are removed."""
    assert syntax.simple_commands(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ls # all of them", ["# all of them"]),
        ("# note\nls", ["# note"]),
        ("echo '# no' \"# no\" a#b ${x#y} $#", []),
        ("cat <<EOF\n# no\nEOF", []),
        ("cat <<'EOF' && ls # yes\n# no\nEOF", ["# yes"]),
    ],
)
def test_comments(text: str, wanted: list[str]) -> None:
    """A comment is what the shell would skip, not every #."""
    assert syntax.comments(text) == wanted


def test_a_call_is_told_from_a_mention() -> None:
    """Reading the program's file mentions it and does not call it."""
    assert syntax.calls("/usr/local/bin/tool list", "tool") == [["/usr/local/bin/tool", "list"]]
    assert not syntax.calls("cat /usr/local/bin/tool", "tool")
    assert syntax.mentions("cat /usr/local/bin/tool", "tool")
    assert not syntax.mentions("cat toolbox tool-kit", "tool")


def test_arguments_are_what_reaches_the_program() -> None:
    """Redirections are no arguments."""
    assert syntax.arguments(["tool", "close", ">out", "7", "<in"]) == ["close", "7"]


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("ls -la /srv", True),
        ("cd /srv && cat a | grep -c x", True),
        ("cat a 2>/dev/null", True),
        ("tar -tf a.tar", True),
        ("sed -n 3p a", True),
        ("cat a > b", False),
        ("sed -i s/a/b/ a", False),
        ("find . -name x -delete", False),
        ("sort -u -o b a", False),
        ("tar -xf a.tar", False),
        ("cat a | xargs rm", False),
        ("tool list", False),
        ("ls; exit", False),
        ("", False),
    ],
)
def test_a_look_is_told_from_a_deed(text: str, looks: bool) -> None:
    """What writes, removes, ends, or runs anything but common readers is no look."""
    assert syntax.only_looks(text) is looks


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("sort -u /srv/a | sed 1d > /srv/b", {"/srv/b"}),
        ("echo 3 > b; echo 4 >> b", {"b"}),
        ("awk '{print $1}' a > b && cat b", {"b"}),
        ("cat a 2>/dev/null", set()),
        ("cp a b", None),
        ("sort a > b && rm a", None),
        ("sort -o a a > b", None),
        ("tool list > b", None),
        ("> b", {"b"}),
        ("(cd /srv && cat *.txt) > b", {"b"}),
        ("{ cat a; echo c; } >> b", {"b"}),
        ("awk '{print > \"b\"}' a", None),
        ("awk '$3 > 5 {print $1}' a > b", {"b"}),
    ],
)
def test_what_is_written_by_redirection_alone_is_known(text: str, files: set[str] | None) -> None:
    """None where something else may change, too."""
    assert syntax.written(text) == files


@given(st.text(alphabet="ab '\"\\$(){}`;|&<>#\n=-E", max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    """Whatever is typed, reading ends and yields words."""
    for words in syntax.simple_commands(text):
        assert words
    syntax.comments(text)


@pytest.mark.parametrize(
    "text",
    [
        "echo 'a",
        'echo "a',
        "cat <<EOF\na",
        "cat <<EOF",
        "ls \\",
        "if a; then",
        "case x in\na) b;;",
        "a &&",
        "f() {",
        "(a",
    ],
)
def test_an_unfinished_command_is_open(text: str) -> None:
    """An open quote, here-document, continued line or construct waits for more."""
    assert syntax.still_open(text)


@pytest.mark.parametrize(
    "text", ["echo 'a'", 'echo "\\""', "cat <<EOF\na\nEOF", "echo \\\\", "cat <<-'E'\n\tE", "echo done", "a )"]
)
def test_a_finished_command_is_not_open(text: str) -> None:
    """Closed quotes and here-documents wait for nothing; nor does a syntax error."""
    assert not syntax.still_open(text)


@given(st.text(alphabet="ab '\"\\#\n<E$;&|()", max_size=40))
def test_comments_are_taken_off_once(text: str) -> None:
    """Taking comments off is idempotent: nothing that is left reads as a comment."""
    once = syntax.without_comments(text)
    assert syntax.without_comments(once) == once
