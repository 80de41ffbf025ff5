"""Rows of NL2Bash for a student that knows little of the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.proof import commands
from sekft.errors import UsageError


def clone(folder: Path, pairs: list[tuple[str, str]]) -> Path:
    (folder / "data/bash").mkdir(parents=True)
    for name, texts in zip(("all.nl", "all.cm"), zip(*pairs, strict=True), strict=True):
        (folder / "data/bash" / name).write_text("\n".join(texts) + "\n")
    return folder


def test_a_row_is_a_request_on_the_screen_and_the_command_that_does_it(tmp_path: Path) -> None:
    """As a session shows it: the text, a prompt, and the command as the action."""
    source = clone(tmp_path / "nl2bash", [("count lines in a", "wc -l a")])
    (row,) = (commands.write(source, tmp_path / "rows") / "train.jsonl").read_text().splitlines()
    assert json.loads(row)["messages"] == [
        {"role": "user", "content": "count lines in a\n$ "}, {"role": "assistant", "content": "wc -l a"},
    ]  # fmt: skip


def test_each_command_comes_once_and_no_program_too_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is long or holds a tab, which a terminal would take for completion, is left out."""
    monkeypatch.setattr(commands, "MOST_OF_A_PROGRAM", 2)
    finds = [(f"files named {name}", f"find . -name {name}") for name in "abc"]
    others = [
        ("say hello", "echo hello"),
        ("greet", "echo hello"),
        ("say much", "echo " + 160 * "x"),
        ("tab", "echo 'a\tb'"),
    ]
    found = [command for _, command in commands.pairs(clone(tmp_path, [*finds, *others]))]
    assert len(found) == len(set(found)) == 3
    assert "echo hello" in found
    assert sum(command.startswith("find") for command in found) == 2


def test_where_no_clone_lies_it_says_which_file_lacks(tmp_path: Path) -> None:
    """Before anything is trained."""
    with pytest.raises(
        UsageError, match=r"all\.nl: No such file or directory; want a clone of github.com/TellinaTool/nl2bash"
    ):
        commands.write(tmp_path / "nl2bash", tmp_path / "rows")
