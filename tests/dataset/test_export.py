"""An export over a run folder: splits, filters, the files beside the rows, what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from sekft import __version__ as sekft_version
from sekft.cli.running import Lines
from sekft.dataset import card
from sekft.dataset.export import ExportConfig, Exported, Sources, export, read
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.dataset.rows import export_forms
from sekft.errors import BundleError, NothingKept, StoreError, UsageError
from sekft.folder import Layout, load_scenarios
from sekft.folder.stored import stored
from sekft.models.texts import EstimatedTokens, length
from sekft.report import text
from sekft.runs.run import deliver
from sekft.scenario import Scenario, load_scenario, parse_scenario
from tests import sets
from tests.commands import forked, sekft

FORMS = tuple(export_forms())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Twelve scenarios, some held out, two kept and two failed rollouts of each, and their pairs."""
    layout = sets.filled(tmp_path_factory)
    pair(layout, None, layout, PairConfig(), Lines())
    return layout


@pytest.fixture(scope="module")
def exported(run: Layout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every form there is, as JSONL, with its card."""
    out = tmp_path_factory.mktemp("data")
    config = ExportConfig(to=FORMS, format="jsonl")
    made = export(config, Sources.of(run.root), out, EstimatedTokens(), Lines())
    card.write(out, made, Sources.of(run.root), config, "sekft export --to sft")
    return out


def rows(out: Path, form: str, split: str = "*") -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(out.glob(f"{form}/{split}/*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def told(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["metadata"])
    return found


def test_a_row_lies_in_the_split_of_its_scenario(run: Layout, exported: Path) -> None:
    """Every kept rollout is there once, in the part that its scenario belongs to; both parts have some."""
    want = {(one.scenario.split, one.trajectory.id) for group in stored(run) for one in group if one.trajectory.keep}
    found = [
        (split, told(row)["trajectory_id"]) for split in ("train", "heldout") for row in rows(exported, "sft", split)
    ]
    assert set(found) == want
    assert len(found) == len(want)
    assert {split for split, _ in found} == {"train", "heldout"}


def test_no_family_has_rows_in_both_splits(exported: Path) -> None:
    """In no form does a family, twins and re-skins included, occur in train and held-out."""
    for form in ("sft", "prompt_completion", "dpo", "kto", "kto_whole"):
        train, heldout = (
            {told(row)["family"] for row in rows(exported, form, split)} for split in ("train", "heldout")
        )
        assert train
        assert not train & heldout


def test_a_family_in_both_splits_is_refused(run: Layout, tmp_path: Path) -> None:
    """A run whose scenario says another split than the rest of its family is broken, and the scenario is named."""
    torn = Layout.of_run(shutil.copytree(run.root, tmp_path / "run"))
    first, second = sorted(torn.scenarios.glob("*.json"))[:2]
    bodies = [json.loads(path.read_text()) for path in (first, second)]
    other = {"train": "heldout", "heldout": "train"}[bodies[0]["split"]]
    moved = Scenario.model_validate(bodies[1] | {"family": bodies[0]["family"], "split": other}).sealed()
    (torn.scenarios / f"{moved.id}.json").write_text(moved.to_json())
    shutil.move(torn.trajectories / second.stem, torn.trajectories / moved.id)
    with pytest.raises(BundleError, match="lies in both splits"):
        export(ExportConfig(to=("sft",)), Sources.of(torn.root), tmp_path / "out", EstimatedTokens(), Lines())


@pytest.mark.parametrize("form", ["dpo", "preference", "swift_dpo", "kto", "kto_chat"])
def test_rows_of_pairs_are_one_action_after_what_both_saw(form: str, exported: Path) -> None:
    """What is judged is a single assistant message, what comes before it ends with the terminal's."""
    for row in rows(exported, form):
        for before, judged in judgements(row):
            assert [message["role"] for message in judged] == ["assistant"]
            assert before[-1]["role"] == "user"
            assert alternates(before + judged)


def judgements(row: dict[str, Any]) -> Iterator[tuple[list[dict[str, str]], list[dict[str, str]]]]:
    """Of a row of any preference form: what was seen, and what is judged."""
    before = row.get("prompt") or row["messages"]
    sides = [row[side] for side in ("chosen", "rejected", "completion") if side in row]
    if not sides:
        before, last = before[:-1], before[-1]
        sides = [[last]]
    if "rejected_response" in row:
        sides.append([{"role": "assistant", "content": row["rejected_response"]}])
    yield from ((before, side if isinstance(side, list) else [side]) for side in sides)


def alternates(messages: Sequence[dict[str, str]]) -> bool:
    """The strict rule of LLaMA-Factory and ms-swift: a system message, then user and assistant in turn."""
    return [each["role"] for each in messages] == ["system", *["user", "assistant"] * (len(messages) // 2)]


def test_all_forms_of_pairs_say_the_same(exported: Path) -> None:
    """A pair has the same two actions in every preference form, and each side its label in both forms of KTO."""
    want = [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows(exported, "dpo")]
    assert [(row["chosen"]["content"], row["rejected"]["content"]) for row in rows(exported, "preference")] == want
    swift = rows(exported, "swift_dpo")
    assert [(row["messages"][-1]["content"], row["rejected_response"]) for row in swift] == want
    labelled = [(side, label) for sides in want for side, label in zip(sides, (True, False), strict=True)]
    assert [(row["completion"][0]["content"], row["label"]) for row in rows(exported, "kto")] == labelled
    assert [(row["messages"][-1]["content"], row["label"]) for row in rows(exported, "kto_chat")] == labelled


def test_whole_sessions_are_labelled_as_pairs_labelled_them(run: Layout, exported: Path) -> None:
    """kto_whole has the sessions of labels.jsonl, each with its label there."""
    labels = [json.loads(line) for line in (run.root / "pairs/labels.jsonl").read_text().splitlines()]
    want = {label["id"]: label["label"] for label in labels}
    assert {told(row)["trajectory_id"]: row["label"] for row in rows(exported, "kto_whole")} == want
    assert set(want.values()) == {True, False}


def test_lengths_are_those_of_the_rows(exported: Path) -> None:
    """The longest row that the manifest tells of is the longest there is."""
    part = next(part for part in read(exported).parts if (part.projection, part.split) == ("sft", "train"))
    found = [length(row["messages"], EstimatedTokens()) for row in rows(exported, "sft", "train")]
    assert part.tokens
    assert (part.tokens.most, part.tokens.total, part.rows) == (max(found), sum(found), len(found))
    assert sum(part.tokens.bins.values()) == len(found)


def test_llama_factory_finds_every_file_it_is_told_of(exported: Path) -> None:
    """dataset_info.json names folders that are there, hold one kind of file, and have the columns it names."""
    info = json.loads((exported / "dataset_info.json").read_text())
    assert {"sft", "sft_heldout", "sharegpt", "preference", "kto_chat"} <= info.keys()
    for name, body in info.items():
        form, split = body["file_name"].split("/")
        assert {path.suffix for path in (exported / form / split).iterdir()} == {".jsonl"}
        (first, *_) = rows(exported, form, split)
        assert set(body["columns"].values()) <= first.keys()
        assert bool(body.get("ranking")) == name.startswith("preference")


def test_filters_are_applied_and_counted(run: Layout, tmp_path: Path) -> None:
    """What a filter leaves out is missing from the rows and told in the funnel."""
    config = ExportConfig(to=("sft",), per_scenario=1)
    made = export(config, Sources.of(run.root), tmp_path, EstimatedTokens(), Lines())
    assert sum(part.rows for part in made.parts) == made.funnel[-1].passed == len(list(run.scenarios.glob("*.json")))
    assert made.funnel[-1].dropped > 0


def test_the_same_export_again_gives_the_same_bytes(run: Layout, tmp_path: Path) -> None:
    """Twice into one folder and once into another: the same files, byte for byte, the card's pictures included."""
    found: list[dict[str, bytes]] = []
    for name in ("one", "one", "other"):
        out, sources = tmp_path / name, Sources.of(run.root)
        made = export(ExportConfig(to=("sft", "dpo")), sources, out, EstimatedTokens(), Lines())
        card.write(out, made, sources, ExportConfig())
        files = (path for path in out.rglob("*") if path.is_file() and path.name != "README.md")
        found.append({str(path.relative_to(out)): path.read_bytes() for path in files})
    assert found[0] == found[1] == found[2]


def test_another_form_joins_the_folder(run: Layout, tmp_path: Path) -> None:
    """A second export of another form keeps the first one's rows and both are in the manifest."""
    for form in ("sft", "atif"):
        export(ExportConfig(to=(form,)), Sources.of(run.root), tmp_path, EstimatedTokens(), Lines())
    assert {part.projection for part in read(tmp_path).parts} == {"sft", "atif"}


@pytest.mark.parametrize(("forms", "suffix"), [(("sft", "sharegpt"), ".parquet"), (("sharegpt",), ".jsonl")])
def test_one_folder_has_one_format(forms: tuple[str, ...], suffix: str, run: Layout, tmp_path: Path) -> None:
    """All tables of a folder are of one format, later ones too, and another format is refused by name."""
    for config in (ExportConfig(to=forms), ExportConfig(to=("swift_dpo", "traces"))):
        export(config, Sources.of(run.root), tmp_path, EstimatedTokens(), Lines())
    tables = [path for path in tmp_path.glob("*/*/*") if path.is_file() and path.parts[-3] != ".sekft"]
    assert {path.suffix for path in tables} == {suffix}
    other: Literal["parquet", "jsonl"] = "jsonl" if suffix == ".parquet" else "parquet"
    config = ExportConfig(to=("dpo",), format=other)
    with pytest.raises(UsageError, match=f"cannot load a folder of two formats: want --format {suffix[1:]}"):
        export(config, Sources.of(run.root), tmp_path, EstimatedTokens(), Lines())


def test_scalar_columns_tell_of_each_row(run: Layout, exported: Path) -> None:
    """Every table but those of strict formats says of each row what it is of, in columns that a query can filter by."""
    bundles = {each.id: each for each in map(load_scenario, run.scenarios.glob("*.json"))}
    for form in export_forms().values():
        for row in rows(exported, form.name) if form.scalars else []:
            scenario = bundles[row["scenario_id"]]
            assert {axis: row[axis] for axis in scenario.cell} == scenario.cell
            assert row["ending"] == scenario.expected.kind
            assert row.keys() == form.all_columns.keys()
    for row in rows(exported, "kto_whole"):
        assert row["kept"] == row["label"]
        assert row["operator"] == ("explorer" if row["label"] else "saboteur")
        assert row["n_tokens"] == length(row["messages"], EstimatedTokens())
    assert all("outcome" not in row for row in rows(exported, "atif"))


def test_the_scenarios_of_an_export_are_those_of_the_run(run: Layout, exported: Path) -> None:
    """Each admitted scenario is there once, in its split, and is read again byte for byte."""
    for split in ("train", "heldout"):
        want = [each for each in load_scenarios(run.root) if each.split == split]
        assert [parse_scenario(row["bundle"], split) for row in rows(exported, "scenarios", split)] == want


def test_other_options_for_a_form_are_refused_by_name(run: Layout, tmp_path: Path) -> None:
    """What a form was made with is kept; another setting is refused and told."""
    export(ExportConfig(to=("sft",)), Sources.of(run.root), tmp_path, EstimatedTokens(), Lines())
    with pytest.raises(StoreError, match="shard_rows was 100000, now 10"):
        export(ExportConfig(to=("sft",), shard_rows=10), Sources.of(run.root), tmp_path, EstimatedTokens(), Lines())


def test_a_folder_of_an_earlier_version_of_the_command_resumes(run: Layout, tmp_path: Path) -> None:
    """The settings of a folder keep their names and values: files recorded before configs are accepted."""
    shards = {"format": "jsonl", "shard_rows": 7, "version": sekft_version}
    filters = {
        "bands": [], "complete": True, "grounded": False, "most_mended": 0.3, "most_tokens": 5000,
        "outcomes": ["solved", "idle"], "per_scenario": 2,
    }  # fmt: skip
    recorded = {
        "export": {"tokens": "estimate, 2.5 characters a token"},
        "export-sft": shards | filters | {"kept": True},
        "export-kto_whole": shards | filters | {"kept": False},
        "export-dpo": shards,
        "export-traces": shards | filters | {"kept": True, "format": "sessions"},
    }
    before = {name: json.dumps(body, indent=1, sort_keys=True) + "\n" for name, body in recorded.items()}
    (tmp_path / ".sekft").mkdir()
    for name, content in before.items():
        (tmp_path / ".sekft" / f"{name}.json").write_text(content)
    config = ExportConfig(
        to=("sft", "kto_whole", "dpo", "traces"), outcome=("solved", "idle"), complete=True, max_length=5000,
        recovered_share=0.3, per_scenario=2, format="jsonl", shard_rows=7, title="T", license="mit",
    )  # fmt: skip
    export(config, Sources.of(run.root), tmp_path, EstimatedTokens(), Lines())
    assert {path.stem: path.read_text() for path in (tmp_path / ".sekft").glob("*.json")} == before


def test_the_report_fits_a_narrow_terminal(exported: Path) -> None:
    """Every part has its line, the forms without lengths, too, and no line is wider than 60 columns."""
    report = read(exported)
    assert max(map(len, text(report.tables, 60).splitlines())) <= 60
    assert [tuple(row)[:3] for row in report.tables[0].rows] == [
        (part.projection, part.split, part.rows) for part in report.parts
    ]


def test_another_tokenizer_is_refused_by_name(run: Layout, tmp_path: Path) -> None:
    """All lengths of a folder are by one counter, whichever form they are of; one without a row takes any."""
    bare, out, other = Layout.of_run(tmp_path / "run"), tmp_path / "out", EstimatedTokens()
    bare.trajectories.mkdir(parents=True)
    other.name = "tokenizer y"
    export(ExportConfig(to=("sft",)), Sources(bare), out, other, Lines())
    bare = run
    export(ExportConfig(to=("sft",)), Sources(bare), out, EstimatedTokens(), Lines())
    other.name = "tokenizer x"
    for form in ("sft", "atif"):
        with pytest.raises(StoreError, match=r'tokens was "estimate.*", now "tokenizer x"'):
            export(ExportConfig(to=(form,)), Sources(bare), out, other, Lines())


def test_pairs_are_asked_for_where_there_are_none(run: Layout, tmp_path: Path) -> None:
    """A form of pairs without pairs is a wrong usage that says which command makes them."""
    with pytest.raises(UsageError, match="sekft pairs"):
        export(ExportConfig(to=("dpo",)), Sources(run), tmp_path, EstimatedTokens(), Lines())


def test_folders_that_stages_filled_apart_are_found(run: Layout, tmp_path: Path) -> None:
    """trajectories/ alone, its scenarios and pairs beside it, exports like the run folder."""
    beside = shutil.copytree(run.root, tmp_path / "apart", ignore=shutil.ignore_patterns(".sekft"))
    sources = Sources.of(beside / "trajectories")
    made = export(ExportConfig(to=("sft", "dpo")), sources, tmp_path / "out", EstimatedTokens(), Lines())
    again = export(
        ExportConfig(to=("sft", "dpo")), Sources.of(run.root), tmp_path / "again", EstimatedTokens(), Lines()
    )
    assert made.parts == again.parts


def test_the_command_tells_what_it_wrote(run: Layout, tmp_path: Path) -> None:
    """--json gives rows, files, the filters and the overlaps; without --to, what there are sources for is written."""
    done = forked("export", "--trajectories", run.root, "--out", tmp_path, "--json", "--against", __file__)
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    overlaps = body.pop("overlaps")
    assert {part["projection"] for part in Exported.model_validate(body).model_dump()["parts"]} == {"sft", "dpo", "kto"}
    assert {each["against"] for each in overlaps} == {"training", "test_export.py"}
    assert "sekft export --trajectories" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize(
    ("options", "says"),
    [(("--to", "csv"), "want one of sft"), (("--format", "csv"), "want parquet or jsonl")],
)
def test_wrong_usage_is_told(options: tuple[str, ...], says: str, run: Layout, tmp_path: Path) -> None:
    """An unknown form or format exits 2, names the known ones and writes nothing."""
    done = forked("export", "--trajectories", run.root, "--out", tmp_path / "out", *options)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_run_ends_ready_to_train_on(tmp_path: Path) -> None:
    """`sekft run` leaves pairs and an export with its card, tells of it, and gives the same bytes when run again."""
    found = []
    for run in (forked, sekft):
        done = run("run", "--n", "3", "--samples", "1", "--seed", "7", "--out", tmp_path, "--json")
        assert done.returncode == 0, done.stderr
        body = json.loads(done.stdout)
        assert body["operators"] == {"explorer": 3, "saboteur": 3}
        files = {path for path in (tmp_path / "export").rglob("*") if path.is_file()}
        found.append({path: path.read_bytes() for path in files})
    assert found[0] == found[1]
    made = Exported.model_validate(body["export"])
    assert {part.projection for part in made.parts} == {"sft", "dpo", "kto"}
    assert read(tmp_path / "export") == made
    assert f"sekft run --n 3 --samples 1 --seed 7 --out {tmp_path}" in (tmp_path / "export/README.md").read_text()


def test_a_run_of_another_operator_has_that_one_alone(tmp_path: Path) -> None:
    """With the reference nobody fails on purpose, so that the export has no pairs."""
    done = forked("run", "--n", "1", "--samples", "1", "--operator", "reference", "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert body["operators"] == {"reference": 1}
    assert {part["projection"] for part in body["export"]["parts"]} == {"sft"}


def test_a_run_that_keeps_nothing_says_so_and_exports_nothing(tmp_path: Path) -> None:
    """Where no rollout is kept the run is done all the same: the note tells why there is no data set."""
    done = forked("run", "--n", "1", "--samples", "1", "--operator", "blind", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no rollout is kept" in done.stderr
    assert "Data set" not in done.stdout


def test_a_run_folder_takes_no_pairs_of_its_neighbours(run: Layout, tmp_path: Path) -> None:
    """Pairs that lie beside a run folder are another set's."""
    own = shutil.copytree(run.root, tmp_path / "own", ignore=shutil.ignore_patterns("pairs"))
    shutil.copytree(run.root / "pairs", tmp_path / "pairs")
    assert Sources.of(own).pairs is None
    assert Sources.of(own / "trajectories").pairs is None
    assert Sources.of(run.root).pairs == run.root / "pairs"


def test_an_export_that_is_stopped_changes_nothing(run: Layout, tmp_path: Path) -> None:
    """Rows of an earlier export stay whole until those of the next are all written; what was staged is removed."""
    out, sources, config = tmp_path / "data", Sources.of(run.root), ExportConfig(to=("sft", "dpo"))

    class Interrupted(Lines):
        def step(self, text: str = "") -> None:
            raise KeyboardInterrupt

    export(config, sources, out, EstimatedTokens(), Lines())
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and ".sekft" not in path.parts}
    with pytest.raises(KeyboardInterrupt):
        export(config, sources, out, EstimatedTokens(), Interrupted())
    assert {path: path.read_bytes() for path in before} == before
    export(config, sources, out, EstimatedTokens(), Lines())
    assert {path: path.read_bytes() for path in before} == before
    assert not [path for path in (out / ".sekft").rglob("*") if path.suffix in (".parquet", ".unfinished")]


def test_a_form_without_rows_is_told(run: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Forms of pairs, where there are none: one beside others is told, one alone is refused with its reason."""
    empty = tmp_path / "pairs"
    empty.mkdir()
    (empty / "pairs.jsonl").write_text("")
    sources = Sources.of(run.root, pairs=empty)
    export(ExportConfig(to=("sft", "dpo")), sources, tmp_path / "both", EstimatedTokens(), Lines())
    assert "dpo: no row" in capsys.readouterr().err
    with pytest.raises(NothingKept, match="holds no pair"):
        deliver(ExportConfig(to=("dpo",)), sources, tmp_path / "one", Lines())
