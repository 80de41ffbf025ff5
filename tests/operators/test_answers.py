"""What models really answer, and what of it is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekft.operators.answers import parse_action

AS_IT_IS = [
    "ls -la",
    "exit",
    "exit 3",
    "panic the ledger is locked by another user and I must not touch it",
    "cat /etc/motd && ls ~",
    "./run --all",
    "../tool/x",
    "$EDITOR notes",
    '"$HOME/bin/tool" list',
    "PAGER=cat man orders",
    "A=1",
    "[ -e done ] && exit",
    "! grep -q x f",
    "{ ls; date; }",
    "(cd /srv && ls)",
    ". ./env",
    "orders fetch 12 --format=plain",
    "echo the work is done and it is good",
    "printf '%s\\n' 'I have seen this. It is here.' >> notes.txt",
    "grep -rn 'to be or not to be' /srv",
    "n=$(wc -l < f)",
    "x='a b' y",
    "ls|wc -l",
    "true&&exit",
    "ls;date",
    "cat<notes",
    ">notes",
    "> /tmp/notes",
    "2>/dev/null ls",
    "greet() { echo hi; }",
    "'/srv/a tool' --list",
    "[",
    ":",
    "! true",
    "if [ -f x ]; then\n\tcat x\nfi",
    "for f in *; do\n  echo $f\ndone",
    "ls |\n  wc -l",
    "cat a \\\n  b",
    "cat > notes <<'EOF'\nThis is prose. It stays.\n# so does this\n\n  and this\nEOF",
    "cat <<-END\n\tyes\n\tEND\nls",
    "echo 'one\ntwo'",
    "echo '# kept' \"# kept\" a#b $# ${x#y}",
    "ls\ncat a\nwc -l a",
    "case $x in\n  a) echo 1;;\n  *) echo 2;;\nesac",
    "if grep -q x f; then\n  echo It is there. Good.\nelse\n  (cd /srv && ls)\nfi\nls",
    'show() {\n  cat "$1"\n}\nshow notes',
]

TAKEN_OFF = [
    ("$ ls", "ls"),
    ("% ls", "ls"),
    ("  ls  \n", "ls"),
    ("ls\r\n", "ls"),
    ("mira@box:~$ ls -l", "ls -l"),
    ("[mira@box srv]$ ls", "ls"),
    ("~/work $ ls", "ls"),
    ("`ls -l`", "ls -l"),
    ("```ls -l```", "ls -l"),
    ("```\nls\n```", "ls"),
    ("```bash\nls\n```", "ls"),
    ("```sh title=x\nls\n```", "ls"),
    ("~~~sh\nls\n~~~", "ls"),
    ("````\nls\n````", "ls"),
    ("```console\n$ ls\nmotd notes\n$ cat notes\n```", "ls"),
    ("```sh\nls", "ls"),
    ("Sure! Here is the command:\n\n```sh\nls\n```\n\nIt lists the files.", "ls"),
    ("```python\nprint(1)\n```\nor\n```sh\nls\n```", "ls"),
    ("```sh\ncat > f <<'EOF'\nThis stays. So does that.\nEOF\n```", "cat > f <<'EOF'\nThis stays. So does that.\nEOF"),
    ("I'll look around first.\n\nls -la /", "ls -la /"),
    ("sure, let me check\nls", "ls"),
    ("ls\n\nThis lists the files.", "ls"),
    ("exit\n\nI have finished the work.", "exit"),
    ("Let me see what this is.\nls\ncat x\nNow we know.", "ls\ncat x"),
    ("$ ls\nnotes.txt orders\n$ rm notes.txt", "ls"),
    ("$ cat <<EOF\n> hello\n> EOF\nhello", "cat <<EOF\nhello\nEOF"),
    ("$ echo 'a\nb'\na\nb", "echo 'a\nb'"),
    ("ls # list the files", "ls"),
    ("# look around\nls", "ls"),
    ("ls\n# then read\ncat x", "ls\ncat x"),
    ("for f in *; do\n  # each one\n  cat $f # its text\ndone", "for f in *; do\n  cat $f\ndone"),
    ("$ for f in *; do\n> cat $f\n> done\nmotd", "for f in *; do\ncat $f\ndone"),
    ("cat a \\ \n  b", "cat a \\\n  b"),
    ("**Command:** ls", "ls"),
    ("Action: ls -l", "ls -l"),
    ("Command:\nls -l", "ls -l"),
    ("<command>ls</command>", "ls"),
    ("<bash>\nls\n</bash> done", "ls"),
    ("<think>The user wants\nls</think>\ncat /etc/motd", "cat /etc/motd"),
    ("<think>a</think><think>b</think>ls", "ls"),
    ("<THINKING>a</THINKING>\nls", "ls"),
    ("so I should look</think>\n\nls", "ls"),
    ("<think></think>\n\n```\nls\n```", "ls"),
    ("ls<|im_end|>\n<|im_start|>user\nnope", "ls"),
    ("ls</s>", "ls"),
    ("ls<end_of_turn>", "ls"),
    ("<|im_start|>assistant\nls", "ls"),
    ("assistant\nls", "ls"),
    ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>ls<|return|>", "ls"),
    ("l\0s", "ls"),
]

FAULTS = [
    ("", "empty"),
    (" \n\t", "empty"),
    ("```\n\n```", "a fence without a command"),
    ("<think>what now</think>", "only thoughts"),
    ("<think>and it never ends\nls", "only thoughts"),
    ("```python\nimport os\n```", "a fence without a command"),
    ("```\nTo send mail, please include the following:\n```", "prose"),
    ("cat > a.md <<EOF\n```\nls\n```\nEOF", "a fence without a command"),
    ("# just a comment", "prose"),
    ("I need to look at the message of the day.", "prose"),
    ("Let me see what is here", "prose"),
    ("it is a good day", "prose"),
    ("The `panic` command ends the session.", "prose"),
    ("We are given a shell. The first step is to look.", "prose"),
    ("Okay, so I should list the directory first:", "prose"),
    ("1. Look for an announcement of where directives are kept.", "prose"),
    ("damm.", "prose"),
    ("1. gia-stop", "prose"),
    ("dario's open matters are found in the list.", "prose"),
    ("dario@flint45: up for 79 days", "prose"),
    ("> a quotation", "prose"),
    ("note: see the list", "prose"),
    ("Hello! How can I help you today?", "prose"),
]


@pytest.mark.parametrize("command", AS_IT_IS)
def test_a_bare_command_is_typed_as_it_is(command: str) -> None:
    """What is plainly shell, on one line or several, is not touched."""
    assert parse_action(command).text == command


@pytest.mark.parametrize("command", AS_IT_IS)
def test_a_fenced_command_is_typed_as_it_is(command: str) -> None:
    """A fence around a command changes nothing in it."""
    assert parse_action(f"Here it is:\n\n```sh\n{command}\n```\n").text == command


@pytest.mark.parametrize(("answer", "command"), TAKEN_OFF)
def test_what_surrounds_a_command_is_taken_off(answer: str, command: str) -> None:
    """Prompts, fences, thoughts, labels, template tokens, comments and prose are not typed."""
    assert parse_action(answer).text == command


@pytest.mark.parametrize(("answer", "fault"), FAULTS)
def test_an_answer_without_a_command_is_a_fault(answer: str, fault: str) -> None:
    """Where nothing can be typed, nothing is guessed, and the reason is named."""
    parsed = parse_action(answer)
    assert (parsed.text, parsed.fault) == ("", fault)


def test_the_displayed_prompt_is_taken_off_whatever_it_looks_like() -> None:
    """A repeated prompt of the scenario's own is recognised without a rule for its shape."""
    assert parse_action("ledger> ls", prompt="ledger> ").text == "ls"


def test_a_line_that_was_cut_is_not_typed() -> None:
    """At max_tokens the last line is not whole; whole lines before it are typed."""
    assert parse_action("ls\ncat /etc/mo", cut=True).text == "ls"
    assert parse_action("rm -rf /tmp/scra", cut=True).fault == "cut off"


def test_prose_that_was_cut_after_a_closed_fence_costs_nothing() -> None:
    """A command whose end was seen is whole, however the answer went on."""
    assert parse_action("```sh\nls\n```\nThis will li", cut=True).text == "ls"


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("ls\n" * 11_000, "an answer of 32999 bytes without its thoughts, want at most 32768"),
        ("<think>" + "so " * 400_000 + "</think>ls", "an answer of 1200017 characters, want at most 1048576"),
    ],
)
def test_an_answer_over_the_limits_is_a_fault(answer: str, fault: str) -> None:
    """Thoughts may be long and a command may not; what exceeds either limit is not read."""
    assert parse_action(answer).fault == fault
    assert parse_action("<think>" + "so " * 300_000 + "</think>ls").text == "ls"


@given(st.text())
def test_any_answer_is_either_typed_or_a_fault(answer: str) -> None:
    """Whatever a model says, there is a command or a reason, never both, and never a fence or a thought."""
    parsed = parse_action(answer)
    assert bool(parsed.text) != bool(parsed.fault)
    assert "```" not in parsed.text
    assert "<think>" not in parsed.text
