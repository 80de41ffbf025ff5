"""What two parts of a set, or a set and a file, have in common."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sekft.dataset.overlap import Overlap, overlaps, runs, table
from sekft.errors import UsageError
from sekft.quality.facts import ScenarioFacts
from tests import bundles

LONG = "Write the name of each stone that lies in the garden into the file named stones, one a line, in order"
OTHER = "Every second line of the ledger is to be moved to the end of the same ledger, and nothing else changes there"


def asking(text: str, split: str, seed: int = 1) -> ScenarioFacts:
    body = bundles.work()
    body |= {"directives": [{"id": "7", "text": text}], "split": split, "seed": seed}
    return ScenarioFacts.of(bundles.sealed(body))


def directives(found: list[Overlap]) -> Overlap:
    return next(each for each in found if each.of.endswith("directives"))


def test_a_copied_directive_is_found_in_the_other_split() -> None:
    """A held-out directive that training has word for word shares its runs and is a near-duplicate; no other is."""
    train = [asking(LONG, "train"), asking("Write granite", "train", 2)]
    found = directives(overlaps([*train, asking(LONG, "heldout", 3), asking(OTHER, "heldout", 4)]))
    assert (found.texts, found.shared, found.alike) == (2, 1, 1)
    assert found.where == [asking(LONG, "heldout", 3).id]
    assert 0 < found.runs < 1


def test_a_run_survives_other_case_and_signs() -> None:
    """Thirteen words in a row are the same run however they are punctuated; twelve are none."""
    assert runs(LONG) & runs("Now: " + LONG.upper().replace(" ", ", "))
    assert not runs(" ".join(LONG.split()[:12]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tasks.jsonl", json.dumps({"id": 3, "prompts": [{"text": LONG}]}) + "\n" + json.dumps({"text": "else"})),
        ("tasks.json", json.dumps([LONG, 7, None])),
        ("tasks.md", f"# Tasks\n\n- {LONG}\n\nAnd so on.\n"),
    ],
)
def test_a_named_file_is_compared_string_by_string(name: str, content: str, tmp_path: Path) -> None:
    """JSON, JSON by the line and plain text give up a directive that they hold, and no other."""
    path = tmp_path / name
    path.write_text(content)
    found = directives(overlaps([asking(LONG, "train"), asking(OTHER, "train", 2)], [path]))
    assert (found.against, found.texts, found.shared) == (name, 2, 1)
    assert found.where == [asking(LONG, "train").id]
    assert table([found]).rows == [(found.of, name, 2, 1, f"{found.runs:.1%}", 1)]


def test_one_split_alone_is_compared_with_files_only() -> None:
    """Without a held-out part there is nothing to compare between splits."""
    assert overlaps([asking(LONG, "train")]) == []


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    """What cannot be read as text is a wrong usage that names the file and what is wanted."""
    path = tmp_path / "weights.bin"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"weights\.bin.*JSONL"):
        overlaps([asking(LONG, "train")], [path])
