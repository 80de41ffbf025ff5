"""The forms of an export hold what their consumers document, and lose nothing of the deploy form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import atif
import pyarrow.parquet
import pytest

from sekft.dataset.files import arrow_schema, line, put_in_place, sink, staged
from sekft.dataset.rows import ExportForm, export_forms, messages_of, named
from sekft.errors import UsageError
from sekft.evaluation.metrics import mistakes
from sekft.folder import Folder
from sekft.folder.stored import stored
from sekft.shell.chat_format import violations
from sekft.shell.plan import is_wrong_work
from sekft.trajectory import StoredRollout, Turn
from tests import sets

FORMATS = ("parquet", "jsonl")
FORMS = export_forms()
OF_ROLLOUTS = [form for form in FORMS.values() if form.of in ("kept", "labelled")]
TABLES = [form for form in OF_ROLLOUTS if form.is_table]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> list[StoredRollout]:
    groups = stored(sets.filled(tmp_path_factory))
    return [one for group in groups for one in group if one.trajectory.keep]


def written(folder: Path, form: ExportForm, kept: Sequence[StoredRollout], into: Any, most: int = 1000) -> list[Path]:
    """The files that these rollouts' rows fill."""
    with Folder(folder).writing() as root:
        stage = staged(folder)
        place = sink(root, stage, form, "train", into, most)
        for one in kept:
            made: Iterable[Any] = map(line, form.rows(one)) if into == "jsonl" else form.rows(one)
            place.add(made)
        place.end()
        put_in_place(stage / form.name, folder / form.name)
    files = sorted(path for path in (folder / form.name).rglob("*") if path.is_file())
    assert place.files == len(files)
    assert place.size_bytes == sum(path.stat().st_size for path in files)
    return files


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        found: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
        return found
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rows(form: str, kept: Sequence[StoredRollout]) -> Iterator[Mapping[str, Any]]:
    return (row for one in kept for row in FORMS[form].rows(one))


@pytest.mark.parametrize("form", TABLES, ids=lambda form: form.name)
def test_jsonl_and_parquet_hold_the_same_rows(form: ExportForm, kept: list[StoredRollout], tmp_path: Path) -> None:
    """A form's rows are equal field by field in both formats, nulls included."""
    one, other = (
        [row for path in written(tmp_path / into, form, kept, into) for row in read(path)] for into in FORMATS
    )
    assert one == other
    assert len(one) >= len(kept)


@pytest.mark.parametrize("form", TABLES, ids=lambda form: form.name)
def test_a_row_has_the_columns_that_its_table_declares(form: ExportForm, kept: list[StoredRollout]) -> None:
    """No field is dropped by the Parquet schema, and none is missing from a row."""
    for row in (row for one in kept for row in form.rows(one)):
        assert row.keys() == form.columns.keys()


@pytest.mark.parametrize("form", OF_ROLLOUTS, ids=lambda form: form.name)
def test_the_same_rollouts_give_the_same_bytes(form: ExportForm, kept: list[StoredRollout], tmp_path: Path) -> None:
    """Two exports of one set are equal byte for byte."""
    once, again = (written(tmp_path / name, form, kept, form.format) for name in ("once", "again"))
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]


@pytest.mark.parametrize("into", FORMATS)
def test_shards_hold_at_most_what_they_may_and_keep_the_order(
    into: str, kept: list[StoredRollout], tmp_path: Path
) -> None:
    """Cut into files of five rows, a form has the rows of one file, in order, and a last file that is shorter."""
    whole = [row for path in written(tmp_path / "whole", FORMS["sft"], kept, into) for row in read(path)]
    cut = [read(path) for path in written(tmp_path / "cut", FORMS["sft"], kept, into, most=5)]
    assert [len(each) for each in cut[:-1]] == [5] * (len(cut) - 1)
    assert 0 < len(cut[-1]) <= 5
    assert [row for each in cut for row in each] == whole


def test_a_shorter_export_leaves_nothing_of_a_longer_one(kept: list[StoredRollout], tmp_path: Path) -> None:
    """Files of an earlier export that this one has no rows for are gone."""
    written(tmp_path, FORMS["sft"], kept, "jsonl", most=2)
    assert len(written(tmp_path, FORMS["sft"], kept[:2], "parquet", most=2)) == 1


def test_parquet_is_what_the_hub_pages_through(kept: list[StoredRollout], tmp_path: Path) -> None:
    """zstd and a page index for every column."""
    (path,) = written(tmp_path, FORMS["sft"], kept, "parquet")
    group = pyarrow.parquet.ParquetFile(path).metadata.row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    assert all(each.compression == "ZSTD" and each.has_offset_index for each in columns)


def test_a_session_is_whole_again_from_its_row(kept: list[StoredRollout]) -> None:
    """The turns of a trajectory, and what it was of, come back from the row of sft, of sharegpt and of atif."""
    for one in kept:
        (plain,), (human,), (document,) = (list(rows(name, [one])) for name in ("sft", "sharegpt", "atif"))
        assert spoken(plain["messages"]) == deployed(one)
        assert spoken(messages_of(human, ["system", "conversations"])) == deployed(one)
        assert observed(document["steps"]) == deployed(one)
        told = json.loads(plain["metadata"])
        assert (told["trajectory_id"], told["family"]) == (one.trajectory.id, one.scenario.family)


def test_a_mistake_is_named_and_is_no_step(kept: list[StoredRollout]) -> None:
    """Of a session with a mistake the metadata name its turn, and no row of single actions has it as completion."""
    mended = [one for one in kept if mistakes(one)]
    assert mended, "this set has no mistakes"
    for one in mended:
        (plain,), singles = rows("sft", [one]), list(rows("prompt_completion", [one]))
        wrong = json.loads(plain["metadata"])["mistakes"]
        turns = one.trajectory.turns
        assert all(turns[at + 1].status or is_wrong_work(turns[at].content, one.scenario) for at in wrong)
        assert len(singles) == len(one.actions) - len(wrong)
        assert {json.loads(row["metadata"])["turn"] for row in singles}.isdisjoint(wrong)


def deployed(one: StoredRollout) -> list[str]:
    login, *turns = one.trajectory.turns
    return [login.orientation or "", login.content, *(turn.content for turn in turns)]


def spoken(messages: Sequence[Mapping[str, str]]) -> list[str]:
    return [message["content"] for message in messages]


def observed(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        text
        for step in steps
        for text in (step["message"], *(told["content"] for told in (step["observation"] or {}).get("results", [])))
    ]


def test_a_row_of_sft_is_the_deploy_form(kept: list[StoredRollout]) -> None:
    """Made turns again, the messages hold no violation of the form in which the model is deployed."""
    for one, row in zip(kept, rows("sft", kept), strict=True):
        system, *others = row["messages"]
        turns = [Turn(role="env", content=others[0]["content"], orientation=system["content"])]
        turns += [
            Turn(role="action" if each["role"] == "assistant" else "env", content=each["content"])
            for each in others[1:]
        ]
        assert not violations(one.trajectory.model_copy(update={"turns": turns}))


def test_llama_factory_drops_no_row(kept: list[StoredRollout]) -> None:
    """Its ShareGPT rules: an even number of messages that alternate, human first, the system message in a field."""
    for row in rows("sharegpt", kept):
        talkers = [each["from"] for each in row["conversations"]]
        assert talkers == ["human", "gpt"] * (len(talkers) // 2)
        assert row["system"]


def test_ms_swift_and_llama_factory_take_the_messages(kept: list[StoredRollout]) -> None:
    """The rules of their messages form: at most one system message, first; then user and assistant in turn."""
    for name in ("sft", "kto_whole"):
        for row in rows(name, kept):
            talkers = [each["role"] for each in row["messages"]]
            assert talkers == ["system", *["user", "assistant"] * (len(talkers) // 2)]
            assert all(isinstance(each["content"], str) and each["content"] for each in row["messages"])


def test_each_action_is_completed_from_all_that_came_before(kept: list[StoredRollout]) -> None:
    """The rows of prompt_completion are a session's actions less its mistakes, each after the session up to it."""
    for one in kept:
        found, wrong = list(rows("prompt_completion", [one])), mistakes(one)
        right = [turn.content for at, turn in enumerate(one.trajectory.turns) if at % 2 and at not in wrong]
        assert [row["completion"][0]["content"] for row in found] == right
        assert all(row["prompt"][-1]["role"] == "user" for row in found)
        last = found[-1]
        assert last["prompt"] + last["completion"] == one.trajectory.messages()


def test_the_atif_package_accepts_every_document(kept: list[StoredRollout], tmp_path: Path) -> None:
    """Each line is a valid trajectory of the interchange format, its steps numbered and its version told."""
    (path,) = written(tmp_path, FORMS["atif"], kept, "jsonl")
    documents = [atif.Trajectory.model_validate(row) for row in read(path)]
    assert [document.trajectory_id for document in documents] == [one.trajectory.id for one in kept]
    assert {document.schema_version for document in documents} == {"ATIF-v1.8"}


def test_a_trace_is_a_header_and_the_messages(kept: list[StoredRollout], tmp_path: Path) -> None:
    """A file a session: first the line that the Hub's viewer knows it by, then one line a message."""
    files = written(tmp_path, FORMS["traces"], kept, "sessions")
    assert len(files) == len(kept)
    for path in files:
        header, *lines = read(path)
        assert (header["type"], header["harness"], header["id"]) == ("session", "sekft", path.stem)
        assert {each["type"] for each in lines} == {"message"}
        assert {each["message"]["role"] for each in lines} == {"system", "user", "assistant"}


def test_every_table_declares_types_that_parquet_knows() -> None:
    """The declared columns of every form, those of pairs included, make a schema."""
    assert all(len(arrow_schema(form.columns)) == len(form.columns) for form in FORMS.values())


def test_an_unknown_form_is_refused_with_the_known_ones() -> None:
    """A form that there is not is a wrong usage that lists what there is."""
    with pytest.raises(UsageError, match=r"--to csv: .*sft, .*atif"):
        named(["sft", "csv"])


@pytest.mark.parametrize("name", ["plain", "sft"])
def test_a_form_of_another_package_is_written_and_replaces_none(
    name: str, kept: list[StoredRollout], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ExportForm that an installed package names is a form like ours; a name that we have is refused."""
    info = tmp_path / "plain-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plain\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[sekft.exporters]\n{name} = plain_form:FORM\n")
    (tmp_path / "plain_form.py").write_text(
        "from sekft.dataset.rows import ExportForm\n"
        "def rows(rollout):\n    yield {'text': rollout.actions[0]}\n"
        "FORM = ExportForm('plain', 'first actions', 'kept', rows, 'jsonl', {'text': 'string'}, [['text']], 'none')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    if name == "sft":
        with pytest.raises(UsageError, match="'sft' is built in"):
            export_forms()
        return
    (form,) = named(["plain"])
    (path,) = written(tmp_path / "out", form, kept, "jsonl")
    assert read(path) == [{"text": one.actions[0]} for one in kept]


def test_forms_come_once_in_the_order_of_the_table() -> None:
    """Asked twice or in another order, the forms are the same."""
    assert [form.name for form in named(["dpo", "sft", "dpo"])] == ["sft", "dpo"]


def test_lengths_are_of_what_a_trainer_sees(kept: list[StoredRollout]) -> None:
    """The columns whose length is measured hold the whole conversation, whatever the form calls its fields."""
    for one in kept:
        for name in ("sft", "sharegpt", "kto_whole"):
            (row,) = rows(name, [one])
            assert sorted(spoken(messages_of(row, FORMS[name].length[0]))) == sorted(deployed(one))


def test_an_export_that_breaks_leaves_no_half_of_a_file(kept: list[StoredRollout], tmp_path: Path) -> None:
    """What was written of a file when an error came is gone; the file that an earlier export made stays."""
    before = [path.read_bytes() for path in written(tmp_path, FORMS["sft"], kept, "jsonl")]

    def breaking() -> None:
        with Folder(tmp_path).writing() as root:
            root.begin(tmp_path / "sft/train/00000.jsonl").write(b"{")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaking()
    assert [path.read_bytes() for path in tmp_path.glob("sft/*/*")] == before
