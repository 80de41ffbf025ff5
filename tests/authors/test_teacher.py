"""The teacher author against a loopback service that writes as models write, with the gate behind it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from sekft import authors
from sekft.authors.procedural.author import compose
from sekft.authors.structured import find
from sekft.authors.teacher import CONTENT, TeacherAuthor, composed, content
from sekft.cli.running import Lines
from sekft.errors import UsageError
from sekft.folder import Layout, documents, load_scenarios
from sekft.gate.static import examine
from sekft.models.endpoint import Endpoint, Service
from sekft.protocols import AuthorConfig
from sekft.rejection import Rejected, Rejection
from sekft.runs.generate import AuthorExhausted, GenerateConfig, generate
from sekft.runs.summary import summarise
from sekft.scenario import Inspection, Scenario, load_noun
from sekft.taxonomy import load
from tests import teacher as forms
from tests.served import Answer
from tests.teacher import READ_AT_ONCE, Mess, Teacher, teaching

CELL = {
    "announcement": "motd", "decoy": "none", "difficulty": "plain", "documentation": "full", "ending": "work",
    "layout": "block", "provider": "tickets", "syntax": "subcommand", "task": "append", "userland": "busybox",
}  # fmt: skip
KEY = "sk-teachers-own-key"


async def drafted(served: Teacher, rounds: int = 3, ending: str = "work") -> Scenario | Rejected | None:
    """The last of so many candidates, each told structure's complaint about the one before."""
    author = TeacherAuthor(Endpoint(Service("big", served.url, KEY), first_pause_s=0.01), repairs=rounds - 1)
    draft, refused, found = author.begin(CELL | {"ending": ending}, 1), None, None
    try:
        while (drawn := await draft.next(refused)) is not None:
            found = drawn
            refused = drawn if isinstance(drawn, Rejected) else examine(drawn)
            if refused is None:
                return drawn
    finally:
        await author.endpoint.close()
    return found


@pytest.mark.parametrize("mess", READ_AT_ONCE, ids=lambda mess: mess.__name__)
async def test_a_messy_answer_is_read_as_it_was_meant(mess: Mess) -> None:
    """Fences, prose, thoughts and spoilt JSON cost no second question."""
    with teaching(Teacher([mess])) as served:
        found = await drafted(served, rounds=1)
    assert isinstance(found, Scenario)
    assert len(served.requests) == 1


UNLIKE = (forms.extra_keys, forms.bare_quotes, forms.old_form, forms.forgets_hidden)
READ_EXACTLY = [mess for mess in READ_AT_ONCE if mess not in UNLIKE]


@pytest.mark.parametrize("mess", READ_EXACTLY, ids=lambda mess: mess.__name__)
def test_spoilt_json_is_read_to_the_letter(mess: Mess) -> None:
    """What is read is what was meant, character by character: programs full of quotes, backslashes and dollar signs."""
    for slot in range(10):
        meant = composed(load().cell(2, slot), slot)
        found, _ = find(mess(meant), CONTENT)
        assert found is not None
        assert {name: found[name] for name in meant} == json.loads(json.dumps(meant))


def misspelt(body: forms.Body) -> str:
    return json.dumps(body | {"alternative": body.get("alternatives", [])})


def half_the_needles(body: forms.Body) -> str:
    return json.dumps(body | {"directives": [*body["directives"], {"id": "8", "text": "Sweep the yard."}]})


@pytest.mark.parametrize(
    ("mess", "said"),
    [
        (forms.missing_field, "needles: saw nothing"),
        (forms.wrong_type, "files.0.mode"),
        (forms.truncated, "cut off"),
        (forms.refusal, "no JSON object"),
        (forms.nothing, "empty"),
        (forms.no_ending, "want one that ends in exit"),
        (forms.outside, "absolute path"),
        (forms.leaking, "login.banner"),
        (forms.hides_half, "List in `provider.hidden` the program and every file"),
        (misspelt, "alternative: no such field, want alternatives"),
        (half_the_needles, "needles.directives: saw 1, want one for each of 2"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_is_wrong_is_told_and_mended(mess: Mess, said: str) -> None:
    """A candidate that does not hold together is refused with words that name the fault; the next answer is taken."""
    with teaching(Teacher([mess, forms.clean])) as served:
        found = await drafted(served)
    assert isinstance(found, Scenario)
    assert said in served.requests[1]["messages"][-1]["content"]


async def test_all_that_is_wrong_on_paper_is_told_at_once() -> None:
    """Fields of the wrong type, recipes that lead nowhere and a bundle that does not hold together, in one message."""

    def weak(body: forms.Body) -> str:
        files = [*body["files"], {"path": "/srv/x", "content": "{md5 of /srv/none}", "mode": "rw"}, {"path": "/root/x"}]
        results = [{"path": "/srv/y", "text": "a", "words": "b"}, *body["results"]]
        left = {name: value for name, value in body.items() if name != "orientation"}
        return json.dumps(left | {"files": files, "results": results, "reference": ["ls"]})

    with teaching(Teacher([weak, forms.clean])) as served:
        found = await drafted(served)
    assert isinstance(found, Scenario)
    told = served.requests[1]["messages"][-1]["content"]
    for said in (
        "'{md5 of /srv/none}', which is none of `files`", "mode: saw 'rw'", "outside the writable tree",
        "results.0: saw", "has text, words of text, words, lines", "orientation: saw nothing",
    ):  # fmt: skip
        assert said in told


async def test_a_fault_that_a_repair_leaves_is_told_as_such() -> None:
    """Also where the repair cannot be read: what was told before it still stands."""
    with teaching(Teacher([forms.no_ending, forms.nothing, forms.no_ending, forms.clean])) as served:
        found = await drafted(served, rounds=4)
    assert isinstance(found, Scenario)
    _, *complaints = [one["messages"][-1]["content"] for one in served.requests]
    assert ["(told before, and still so)" in one for one in complaints] == [False, True, True]
    assert all("want one that ends in exit" in one for one in complaints)
    assert "it is empty" in complaints[1]


async def test_a_repair_may_bring_only_what_changes() -> None:
    """Fields that a repair leaves out stay as they were."""
    with teaching(Teacher([forms.no_ending, lambda body: json.dumps({"reference": body["reference"]})])) as served:
        found = await drafted(served)
    assert isinstance(found, Scenario)
    assert found.reference[-1] == "exit"


@pytest.mark.parametrize("ending", ["work", "empty", "blocked"])
@pytest.mark.parametrize("mess", [forms.old_form, forms.forgets_hidden], ids=lambda mess: mess.__name__)
async def test_what_an_answer_leaves_out_is_filled_in(mess: Mess, ending: str) -> None:
    """A notice is one text of evidence, and the provider's store is found from its program."""
    meant = compose(CELL | {"ending": ending}, 1)
    with teaching(Teacher([mess])) as served:
        found = await drafted(served, rounds=1, ending=ending)
    assert isinstance(found, Scenario)
    assert (found.schema_version, sorted(found.hidden)) == (2, sorted(meant.hidden))
    assert found.needles.texts[:1] == meant.needles.texts[:1]
    assert found.alternatives == ([] if mess is forms.old_form else meant.alternatives)


async def test_keys_that_an_inspection_does_not_have_are_dropped() -> None:
    """What a model adds to one item of the evidence says nothing, and the item is read."""
    with teaching(Teacher([forms.strange_evidence])) as served:
        found = await drafted(served, rounds=1, ending="blocked")
    assert isinstance(found, Scenario)
    assert found.needles.inspections[-1] == Inspection(target="/srv", aspect="presence")


@pytest.mark.parametrize("status", [400, 422, 500])  # llama_cpp.server's is 500
async def test_the_ladder_steps_down_once_and_for_all(status: int) -> None:
    """A service that takes no schema is asked for any object, then for text; later questions start there."""
    with teaching(Teacher([forms.no_ending, forms.fenced], formats=["text"], refuses=status)) as served:
        assert isinstance(await drafted(served), Scenario)
    asked = [request.get("response_format", {"type": "text"})["type"] for request in served.requests]
    assert asked == ["json_schema", "json_object", "text", "text"]


async def test_the_schema_asks_for_the_content_alone() -> None:
    """Ids, cell, seed and provenance are ours: no answer is asked for them, and none is taken."""
    with teaching(Teacher([lambda body: json.dumps(body | {"id": "mine", "seed": 9, "split": "held"})])) as served:
        found = await drafted(served)
    schema = served.requests[0]["response_format"]["json_schema"]["schema"]
    assert set(schema["properties"]) == set(CONTENT) == {*schema["required"], "loose", "protected"}
    assert isinstance(found, Scenario)
    assert (found.id, found.seed, found.split, dict(found.cell)) == (found.content_id, 1, "train", CELL)
    assert (found.provenance.author, found.provenance.model) == ("teacher", "big")


@pytest.mark.parametrize(
    "excess",
    [
        {"files": [{"path": f"/srv/f{at}", "content": ""} for at in range(300)]},
        {"probes": [{"kind": "k", "commands": ["ls"]}] * 50},
        {"probes": [{"kind": "k", "commands": ["sleep 9"] * 500}]},
        {"alternatives": [{"kind": "k", "commands": ["ls"]}] * 20},
        {"alternatives": [{"kind": "k", "commands": ["sleep 9"] * 500}]},
        {"needles": {"announcement": "a", "documentation": "d", "evidence": ["x"] * 500}},
        {"orientation": "x" * (2 << 20)},
    ],
    ids=["files", "probes", "commands", "alternatives", "their commands", "evidence", "bytes"],
)
async def test_a_bundle_without_measure_is_refused_before_anything_runs(excess: dict[str, object]) -> None:
    """Sizes are bounded before the gate: a teacher cannot keep a machine busy for a day."""
    with teaching(Teacher([lambda body: json.dumps(body | excess)])) as served:
        found = await drafted(served, rounds=1)
    assert isinstance(found, Rejected)


async def generated(
    served: Teacher,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    n: int = 1,
    more: tuple[str, ...] = (),
    on_paper: bool = False,
) -> None:
    """on_paper: where what the gate's sandbox says is not asked for."""
    for name, value in {"SEKFT_MODEL": "big", "SEKFT_URL": served.url, "SEKFT_KEY": KEY}.items():
        monkeypatch.setenv(name, value)
    where = tuple(f"{axis}={value}" for axis, value in CELL.items() if axis not in ("task", "layout")) + more
    plan = GenerateConfig(n=n, author="teacher", where=where, concurrency=1, no_sandbox=on_paper)
    await generate(plan, Layout.of_stage(folder), Lines())


async def test_the_gate_tells_the_teacher_and_admits_what_it_mends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results that are looked at too little are refused in the sandbox; the repaired ones are admitted and say so."""
    with teaching(Teacher([forms.lenient_results, forms.clean])) as served:
        await generated(served, tmp_path, monkeypatch)
    (scenario,) = load_scenarios(tmp_path)
    assert scenario.provenance.mended == ["probe_passes"]
    assert scenario.gate is not None
    assert scenario.gate.mode == "sandbox"
    complaint = served.requests[1]["messages"][-1]["content"]
    assert complaint.count("the checker passes, want fail") > 4
    assert "probe_passes" in complaint
    assert "cheat_passes" in complaint


@pytest.mark.parametrize(
    ("mess", "said"),
    [(forms.strict_results, "umask': the checker fails"), (forms.odd_alternative, "right solution 'with a note'")],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_a_checker_that_refuses_right_work_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mess: Mess, said: str
) -> None:
    """It is refused for another umask, or for the teacher's own alternative, and told what to leave open."""
    with teaching(Teacher([mess, forms.clean])) as served:
        await generated(served, tmp_path, monkeypatch, more=("task=write",))
    (scenario,) = load_scenarios(tmp_path)
    assert scenario.provenance.mended == ["alternative_refused"]
    assert scenario.gate is not None
    assert scenario.gate.right >= 2
    complaint = served.requests[1]["messages"][-1]["content"]
    assert said in complaint
    assert "leave open what the directive leaves open" in complaint


async def test_a_store_that_can_be_read_is_hidden_when_the_teacher_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate finds the directive where nothing but the program should, and names the file."""
    with teaching(Teacher([forms.hides_the_program_alone, forms.clean])) as served:
        await generated(served, tmp_path, monkeypatch)
    (scenario,) = load_scenarios(tmp_path)
    assert scenario.provenance.mended == ["store_in_reach"]
    complaint = served.requests[1]["messages"][-1]["content"]
    assert "a directive can be read in" in complaint
    assert "every file or folder that only the program reads" in complaint


@pytest.mark.parametrize("ending", ["work", "empty", "blocked"])
async def test_an_answer_in_the_old_form_passes_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """One notice, no alternatives and nothing hidden are enough, where they are right."""
    with teaching(Teacher([forms.old_form])) as served:
        where = tuple(f"{axis}={value}" for axis, value in CELL.items() if axis not in ("task", "layout", "ending"))
        monkeypatch.setenv("SEKFT_MODEL", "big")
        monkeypatch.setenv("SEKFT_URL", served.url)
        plan = GenerateConfig(n=1, author="teacher", where=(*where, f"ending={ending}"), concurrency=1, seed=3)
        await generate(plan, Layout.of_stage(tmp_path), Lines())
    (scenario,) = load_scenarios(tmp_path)
    assert (scenario.expected.kind, scenario.alternatives, scenario.provenance.mended) == (ending, [], [])


async def test_a_draw_that_is_never_mended_is_kept_with_its_whole_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rejected draw holds every question and answer, and nothing inadmissible gets in."""
    monkeypatch.setattr("sekft.runs.generate.ATTEMPTS", 1)
    with teaching(Teacher([forms.leaking])) as served, pytest.raises(AuthorExhausted, match="none of 1 draws"):
        await generated(served, tmp_path, monkeypatch)
    (file,) = documents(Layout.of_stage(tmp_path).rejected)
    kept = load_noun(Rejection, file)
    assert [turn["role"] for turn in kept.exchange] == ["user", "assistant"] * 3
    assert kept.reason == "announcement_gives_directive"
    assert documents(tmp_path) == []
    assert KEY not in file.read_text(encoding="utf-8")


async def test_a_repair_that_mends_nothing_and_a_slot_that_is_redrawn_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log says what stands after each repair, and that the slot is drawn again; the report counts both."""
    leaky = [forms.leaking] * 3

    class Moody(Teacher):
        def answer(self, request: forms.Body) -> Answer:
            first = self.requests[0]["messages"][0]["content"]
            self.messes = leaky if request["messages"][0]["content"] == first else [forms.no_ending, forms.clean]
            return super().answer(request)

    with teaching(Moody()) as served:
        await generated(served, tmp_path, monkeypatch)
    told = capsys.readouterr().err
    for said in (
        "slot 0: repair 1 refused (announcement_gives_directive", "slot 0: repair 2 refused (announcement_gives_",
        "told before and still so: announcement_gives_directive",
        "slot 0: draw 1 of 20 refused (announcement_gives_directive); it is drawn again",
    ):  # fmt: skip
        assert said in told
    draws = summarise(Layout.of_stage(tmp_path)).scenarios
    assert (draws.mended, draws.redrawn) == ({"1": 1}, {"0": 1})


async def test_later_prompts_show_admitted_bundles_and_the_names_used_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was admitted is an example for other cells, and its names are not to be used again, also after a resume."""
    with teaching(Teacher()) as served:
        await generated(served, tmp_path, monkeypatch, on_paper=True)
        (first,) = load_scenarios(tmp_path)
        await generated(served, tmp_path, monkeypatch, n=2, on_paper=True)
    asked = served.requests[-1]["messages"][0]["content"]
    assert f"{first.provider.command}, {first.login.user}, {first.login.host}" in asked
    author = TeacherAuthor(Endpoint(Service("big", served.url)))
    author.met(first)
    for cell in map(load().cell, range(40), range(40)):
        question = author.begin(cell, 1).exchange[0]["content"]
        alike = set(cell.items()) & set(first.cell.items()) - {("userland", "busybox")}
        if not {axis for axis, _ in alike} - {"userland", "ending", "difficulty", "decoy", "names", "setting"}:
            assert json.dumps(content(first), ensure_ascii=False) in question
        else:
            assert first.provider.command not in question.partition("# Scenarios of other cells")[2]


async def test_a_teacher_writes_no_families(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins and re-skins share a task by construction, which a free text cannot promise."""
    monkeypatch.setenv("SEKFT_MODEL", "big")
    plan = GenerateConfig(n=1, author="teacher", no_sandbox=True, twins=True)
    with pytest.raises(UsageError, match="single scenarios"):
        await generate(plan, Layout.of_stage(tmp_path), Lines())


def test_an_unknown_author_lists_the_known() -> None:
    """A misspelt author is answered with the names there are."""
    with pytest.raises(UsageError, match="procedural, teacher"):
        authors.make("techer", AuthorConfig())


async def test_what_was_answered_is_not_asked_again_though_the_prompt_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot that was cut off after its answers came is filled from the journal: the same scenario, no request."""
    with teaching(Teacher([forms.no_ending, forms.clean])) as served:
        await generated(served, tmp_path, monkeypatch, n=2, on_paper=True)
        asked = len(served.requests)
        (lost,) = [one for one in load_scenarios(tmp_path) if one.provenance.slot == 0]
        (tmp_path / f"{lost.id}.json").unlink()
        await generated(served, tmp_path, monkeypatch, n=2, on_paper=True)
    assert len(served.requests) == asked
    assert lost in load_scenarios(tmp_path)


async def test_the_key_is_nowhere_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenarios, rejections with their exchanges, journal and settings: no byte of them is the key."""
    monkeypatch.setattr("sekft.runs.generate.ATTEMPTS", 2)
    quoting = [lambda body: f"{KEY}: no", forms.leaking, forms.leaking, forms.clean]
    with teaching(Teacher(quoting)) as served, suppress(AuthorExhausted):
        await generated(served, tmp_path, monkeypatch, on_paper=True)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
