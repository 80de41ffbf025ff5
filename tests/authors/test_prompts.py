"""The prompts, whole, as a model gets them: a change to one is seen in a diff of tests/authors/golden."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekft.authors.hybrid import HybridAuthor
from sekft.authors.teacher import TeacherAuthor, complaint
from sekft.models.endpoint import Endpoint, Service
from sekft.rejection import GateFault, Reason, Rejected
from tests import bundles

GOLDEN = Path(__file__).parent / "golden"
CELL = {"announcement": "motd", "ending": "blocked", "provider": "tickets", "task": "append", "userland": "gnu"}
PASSAGES = '{"name": "text_1", "kind": "remark", "text": "The lift is out of order.", "keep": []}'


def teacher() -> str:
    author = TeacherAuthor(Endpoint(Service("big", "http://localhost:1/v1")))
    author.met(bundles.sealed(bundles.work()))
    return author.begin(CELL, 1).exchange[0]["content"]


def repair() -> str:
    known = GateFault(Reason.WRONG_ENDING, "the reference's last command is 'ls', want one that ends in exit")
    shown = "$ echo gravel > stone.txt\nchecker: pass (status 0) "
    probes = [GateFault(Reason.PROBE_PASSES, f"{kind}: the checker passes, want fail", shown) for kind in ("a", "b")]
    return complaint(Rejected.of([known, *probes]), [known])


def hybrid() -> str:
    author = HybridAuthor(Endpoint(Service("big", "http://localhost:1/v1")))
    author.met(bundles.sealed(bundles.work()))
    return author.question("a terse engineer", PASSAGES, "The last answer broke a rule:\n'Write …': too long")


PROMPTS = {"teacher": teacher, "repair": repair, "hybrid": hybrid}


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_is_as_it_was_read_and_approved(name: str) -> None:
    """Every slot is filled, and not a word differs from the golden file (`python -m` this module writes it)."""
    assert PROMPTS[name]() == (GOLDEN / f"{name}.md").read_text(encoding="utf-8")


def main() -> None:
    for name, made in PROMPTS.items():
        (GOLDEN / f"{name}.md").write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
