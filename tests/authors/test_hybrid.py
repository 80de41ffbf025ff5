"""The hybrid author: what a rewording may not lose, and what stays when it does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sekft import taxonomy
from sekft.authors.hybrid import HybridAuthor, Passage, fault, passages, reworded, secrets
from sekft.authors.procedural.author import bundle, compose
from sekft.authors.procedural.sketch import sketch
from sekft.cli.running import Lines
from sekft.folder import Layout, load_scenarios
from sekft.models.endpoint import Endpoint, Service
from sekft.rejection import Reason, Rejected
from sekft.runs.generate import GenerateConfig, generate
from sekft.scenario import Inspection, Scenario
from tests import teacher as forms
from tests.teacher import Body, Teacher, said_otherwise, teaching

KEY = "sk-teachers-own-key"
CELLS = [taxonomy.load().cell(3, slot) for slot in range(40)]


def as_row(passage: Passage) -> Body:
    return {"kind": passage.kind, "text": passage.text}


def test_rewording_nothing_changes_nothing() -> None:
    """The hook for new wording leaves a composed scenario as it is, byte for byte."""
    for at, cell in enumerate(CELLS):
        assert bundle(reworded(sketch(cell, at), {}), cell, at) == compose(cell, at)


def test_every_passage_stands_for_itself() -> None:
    """No rule refuses the text as it was composed."""
    for at, cell in enumerate(CELLS):
        drawn = sketch(cell, at)
        assert [fault(one, one.text, secrets(drawn)) for one in passages(drawn)] == [None] * len(passages(drawn))


def test_new_wording_reaches_all_that_hangs_on_it() -> None:
    """Announcement, directives, store, checker and needles agree after a rewording; needles of facts stay."""
    for at, cell in enumerate(CELLS):
        drawn = sketch(cell, at)
        wording = {one.text: said_otherwise(as_row(one)) for one in passages(drawn)}
        made, before = bundle(reworded(drawn, wording), cell, at), compose(cell, at)
        assert made.needles.directives == before.needles.directives
        for directive in made.directives:
            assert wording.get(directive.text.removeprefix("Somebody would be glad of this: ")) in (
                directive.text,
                None,
            )
        shown = made.login.motd + made.login.banner + "".join(map(str, made.login.env.values())) + made.login.prompt
        shown += "".join(f"{file.path}\n{file.content or ''}{file.target or ''}" for file in made.files)
        assert made.needles.announcement in shown
        assert made.reference == before.reference


def test_what_evidence_needs_stays_wherever_it_is_told() -> None:
    """A word that shows the block, and the name of what one looks at, stand in the new wording, or it is refused."""
    drawn = next(
        one
        for at in range(40)
        if (one := sketch(CELLS[at] | {"ending": "blocked"}, at)).blocked is not None
        and one.clutter
        and any(passage.kind == "directive" for passage in passages(one))
    )
    directive = next(one for one in passages(drawn) if one.kind == "directive")
    plain = [word for word in directive.text.split() if word.isalpha() and not any(word in it for it in directive.kept)]
    remarks = [one.text for one in passages(drawn) if one.kind == "remark"]
    assert drawn.blocked is not None
    assert plain
    assert remarks
    looks = Inspection(target=plain[-1], aspect="program")
    guarded = replace(drawn, blocked=replace(drawn.blocked, evidence=(remarks[0], looks)))
    (now,) = [one for one in passages(guarded) if one.text == directive.text]
    assert any(plain[-1] in piece for piece in now.kept)
    assert "kept as it is" in str(fault(now, directive.text.replace(plain[-1], "thing"), ()))
    assert remarks[0] not in [one.text for one in passages(guarded)]


DIRECTIVE = Passage(
    "directive",
    "Move the files in /srv/a from /srv/b, but not x.txt, to a file of 3 lines named: out.lst",
    ("/srv/a", "from /srv/b", "x.txt", "3", "out.lst"),
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("In /srv/a, from /srv/b, x.txt not among them, 3 lines: out.lst", None),
        ("In /srv/a, from /srv/b, not x.txt, lines: out.lst", "'3' kept"),
        ("from /srv/b to /srv/a, not x.txt, 3 lines: out.lst", "'from /srv/b' kept"),
        ("In /srv/a, from /srv/b, x.txt among them, 3 lines: out.lst", "lacks 'not'"),
        ("In /srv/a, from /srv/b, not x.txt, 3 lines: out.lst, please", "end in 'out.lst'"),
        ("In /srv/a, from /srv/b, not x.txt, 3 lines, else it is blocked: out.lst", "adds 'blocked'"),
        ("In /srv/a, from /srv/b, except x.txt, 3 lines: out.lst", "lacks 'not' and adds 'except'"),
        ("In /srv/a, from /srv/b, don't take x.txt, 3 lines: out.lst", None),
        ("In /srv/a, from /srv/b, not x.txt, 3 lines at the seventh: out.lst", "adds 'seventh'"),
        ("In /srv/a, from /srv/b, not x.txt nor y.txt, 3 lines: out.lst", "adds 'y.txt'"),
        ("In /srv/a, from /srv/b, not x.txt, 3 lines | out.lst", "adds '|'"),
        ("In /srv/a, from /srv/b, not x.txt, 3 lines:\nout.lst", "one line"),
        ("In /srv/a, from /srv/b, not x.txt, 3 lines" + " and so on" * 30 + ": out.lst", "too long"),
        ("", "one line"),
    ],
)
def test_a_directive_asks_for_the_same_or_stays(text: str, said: str | None) -> None:
    """Facts stay, in their order and with what turns them; none is added."""
    found = fault(DIRECTIVE, text, ())
    assert found is None if said is None else said in str(found)


def test_an_announcement_describes_and_gives_nothing_away() -> None:
    """Neither a request nor a text that only a directive may hold is taken."""
    passage = Passage("announcement", "What waits for ana lies with chit.", ("chit",))
    assert fault(passage, "For ana, chit has what waits.", ["granite"]) is None
    assert "description" in str(fault(passage, "Run chit to see what waits.", ["granite"]))
    assert "only a directive" in str(fault(passage, "With chit lies granite for ana.", ["granite"]))


async def worded(served: Teacher, refusals: int = 0, cell: int = 0) -> list[Scenario]:
    """The candidates of one draft, so many of them refused."""
    author = HybridAuthor(Endpoint(Service("big", served.url, KEY), first_pause_s=0.01))
    draft, refused, made = author.begin(CELLS[cell], 1), None, []
    for _ in range(refusals + 1):
        drawn = await draft.next(refused)
        if isinstance(drawn, Scenario):
            made.append(drawn)
        refused = Rejected(Reason.DIRECTIVE_LEAKS, "the sandbox says so")
    await author.endpoint.close()
    return made


@pytest.mark.parametrize("mess", [forms.clean, forms.fenced, forms.thinking], ids=lambda mess: mess.__name__)
async def test_a_scenario_is_reworded_in_small_calls(mess: forms.Mess) -> None:
    """One call a kind of passage, and the provenance says how many passages were taken."""
    with teaching(Teacher([mess])) as served:
        (made,) = await worded(served)
    count = len(passages(sketch(CELLS[0], 1)))
    assert made.provenance.note == f"{count} of {count} passages reworded"
    assert (made.provenance.author, made.provenance.model) == ("hybrid", "big")
    assert len(served.requests) == len({one.kind for one in passages(sketch(CELLS[0], 1))})
    assert all(text.text.startswith("Somebody would be glad") for text in made.directives)


async def test_what_breaks_a_rule_is_asked_for_once_more_and_then_stays() -> None:
    """A passage that is spoilt twice keeps its procedural text, and the provenance says which and why."""
    with teaching(Teacher([lambda body: json.dumps(dict.fromkeys(body, "Ask 999 for it"))])) as served:
        (made,) = await worded(served)
    assert made.checker == compose(CELLS[0], 1).checker
    assert "0 of" in str(made.provenance.note)
    asked = [request["messages"][0]["content"] for request in served.requests]
    assert sum("broke a rule:\n" in text for text in asked) == sum("broke a rule:\n" not in text for text in asked)


async def test_wording_that_the_gate_refuses_is_mended_once_then_the_procedural_text_stays() -> None:
    """The second candidate is asked for with the gate's reason; the third is the skeleton, and says so."""
    with teaching(Teacher()) as served:
        first, second, third, *more = await worded(served, refusals=4)
    assert more == []
    assert first.directives == second.directives
    assert third.directives == compose(CELLS[0], 1).directives
    assert str(third.provenance.note).startswith("the procedural text stays: directive_leaks")
    assert "the sandbox says so" in served.requests[-1]["messages"][0]["content"]


async def test_a_teacher_that_says_nothing_of_use_costs_no_scenario() -> None:
    """Where no answer can be read, the skeleton is the scenario."""
    with teaching(Teacher([forms.refusal])) as served:
        (made,) = await worded(served)
    assert made.content_id == compose(CELLS[0], 1).content_id


async def test_reworded_scenarios_pass_the_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hybrid scenarios are admitted in real sandboxes, with no draw lost to the wording."""
    with teaching(Teacher([forms.fenced])) as served:
        for name, value in {"SEKFT_MODEL": "big", "SEKFT_URL": served.url, "SEKFT_KEY": KEY}.items():
            monkeypatch.setenv(name, value)
        await generate(GenerateConfig(n=4, author="hybrid", seed=5, concurrency=2), Layout.of_stage(tmp_path), Lines())
    made = load_scenarios(tmp_path)
    assert len(made) == 4
    assert [one.provenance.mended for one in made] == [[]] * 4
    assert all("passages reworded" in str(one.provenance.note) for one in made)
