"""Wrong inputs: each gives the right exit status and one clear message, before any work starts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sekft.folder import documents, load_scenarios
from tests.commands import forked
from tests.sets import two

MODEL = {"SEKFT_OP_MODEL": "m", "SEKFT_OP_URL": "http://127.0.0.1:9/v1", "SEKFT_OP_KEY": "k" * 20}
Environ = dict[str, str]
CASES: list[tuple[str, str, int, str, Environ]] = [
    # Options that cannot be meant. {run} is a run folder, {out} is new.
    ("generate --n -1 --out {out}", "--n", 2, "greater than or equal to 1", {}),
    ("generate --n 1e3 --out {out}", "--n", 2, "integer", {}),
    ("generate --n 3", "--out", 2, "Missing option", {}),
    ("generate --reskins -1 --n 1 --out {out}", "--reskins", 2, "greater than or equal to 0", {}),
    ("generate --where ending=work,blocked --n 1 --out {out}", "work,blocked", 2, "known values", {}),
    ("generate --where =work --n 1 --out {out}", "=work", 2, "axis", {}),
    ("generate --holdout nothing --n 1 --out {out}", "nothing", 2, "axis=value", {}),
    ("generate --author Procedural --n 1 --out {out}", "Procedural", 2, "procedural", {}),
    ("generate --seed one --n 1 --out {out}", "--seed", 2, "integer", {}),
    ("generate --concurrency 0 --n 1 --out {out}", "--concurrency", 2, "greater than or equal to 1", {}),
    ("generate --max-cost -1 --n 1 --out {out}", "--max-cost", 2, "greater than or equal to 0", {}),
    ("generate --sandbox podman --n 1 --out {out}", "podman", 2, "bubblewrap", {}),
    ("generate --colour red --n 1 --out {out}", "--colour", 2, "No such option", {}),
    ("generat --n 1", "generat", 2, "No such command", {}),
    # Options that another kind has, and this one has not.
    ("generate --repairs 5 --n 1 --out {out}", "--repairs", 2, "teacher, hybrid", {}),
    ("generate --answer-tokens 500 --n 1 --out {out}", "--answer-tokens", 2, "teacher, hybrid", {}),
    ("rollout --scenarios {run} --out {out} --scaffold careful", "--scaffold", 2, "it is for model", {}),
    ("rollout --scenarios {run} --out {out} --temperature 1", "--temperature", 2, "model, student", {}),
    (
        "rollout --scenarios {run} --out {out} --operator blind --recovery-share 1",
        "--recovery-share",
        2,
        "explorer",
        {},
    ),
    ("rollout --scenarios {run} --out {out} --operator explorer --model smollm2", "--model", 2, "student", {}),
    ("eval --scenarios {run} --out {out} --operator explorer --top-p 0.5", "--top-p", 2, "model, student", {}),
    # Everything of `sekft run` is checked before its first scenario.
    ("run --n 3 --out {out} --operator nobody", "nobody", 2, "explorer", {}),
    ("run --n 3 --out {out} --scaffold careful", "--scaffold", 2, "it is for model", {}),
    ("run --n 3 --out {out} --scaffold none-such", "none-such", 2, "careful", MODEL),
    ("run --n 3 --out {out} --keep-band easyish", "easyish", 2, "medium", {}),
    ("run --n 3 --out {out}", "http://127.0.0.1:9/v1", 1, "is it running", MODEL),
    ("run --n 3 --out {out} --model {run}", "config.json", 2, "Hugging Face", {}),
    # Folders and files that hold something else.
    ("rollout --scenarios {empty} --out {out}", "{empty}", 2, "holds no *.json", {}),
    ("rollout --scenarios {run}/trajectories --out {out}", "trajectories", 2, "holds no *.json", {}),
    ("export --trajectories {run}/scenarios --out {out}", "scenarios", 2, "want the run folder", {}),
    ("export --trajectories {empty} --out {out}", "{empty}", 2, "holds no trajectories", {}),
    ("export --trajectories /nowhere --out {out}", "/nowhere", 2, "no such folder", {}),
    ("export --trajectories {run} --to parquet --out {out}", "parquet", 2, "sft", {}),
    ("export --trajectories {run} --outcome right --out {out}", "--outcome right", 2, "solved", {}),
    ("export --trajectories {run} --tokenizer /nowhere --out {out}", "/nowhere", 2, "tokenizer", {}),
    ("pairs --trajectories {run}/scenarios --out {out}", "scenarios", 2, "want the run folder", {}),
    ("eval --scenarios {run} --split test --out {out}", "test", 2, "train", {}),
    ("eval compare {run}", "compare", 2, "two folders", {}),
    ("train --data {empty} --out {out}", "{empty}", 2, ".parquet file", {}),
    ("star --scenarios {train} --out {out}", "--split heldout", 2, "want one of", {}),
    ("replay {empty}", "{empty}", 2, "traject", {}),
    ("play {run}/scenarios", "scenarios", 2, "want one scenario", {}),
    ("play /nowhere/x.json", "/nowhere", 2, "no such file", {}),
    ("show {text}", "notes.txt", 2, "want a scenario", {}),
    ("show {foreign}", "foreign.json", 2, "want a scenario", {}),
    ("show {deep}", "deep.json", 2, "nested too deeply", {}),
    ("show {rows} --row 9", "rows.jsonl", 2, "want 1 to 2", {}),
    ("show {run} --as html", "--as html", 2, "text or messages", {}),
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A run folder of two scenarios with a rollout each, and files of other kinds."""
    root = tmp_path_factory.mktemp("places")
    shutil.copytree(two(tmp_path_factory), root / "run")
    (root / "train").mkdir()
    for one in load_scenarios(root / "run"):
        if one.split == "train":
            (root / "train" / f"{one.id}.json").write_text(one.to_json())
    (root / "empty").mkdir()
    (root / "notes.txt").write_text("milk, paper\n")
    (root / "foreign.json").write_text('{"messages": []}')
    (root / "deep.json").write_text("[" * 100_000 + "]" * 100_000)
    rows = ({"prompt": f"{n}", "label": n == 1} for n in range(2))
    (root / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    names = {
        "run": "run",
        "train": "train",
        "empty": "empty",
        "text": "notes.txt",
        "foreign": "foreign.json",
        "deep": "deep.json",
    }
    return {name: str(root / file) for name, file in (names | {"rows": "rows.jsonl"}).items()}


@pytest.mark.parametrize(("line", "thing", "status", "wanted", "environ"), CASES, ids=[case[0] for case in CASES])
def test_a_wrong_input_is_named(
    places: dict[str, str], tmp_path: Path, line: str, thing: str, status: int, wanted: str, environ: Environ
) -> None:
    """The message names the thing and what was wanted; nothing is made and nothing is a traceback."""
    out = tmp_path / "out"
    done = forked(*(word.format(out=out, **places) for word in line.split()), **environ)
    said = " ".join(done.stderr.replace("│", " ").split())
    assert done.returncode == status, said
    assert thing.format(**places) in said
    assert wanted in said
    assert "Traceback" not in done.stderr
    assert done.stderr.lower().count("error: ") == 1, done.stderr
    assert not documents(out / "scenarios")
    assert not documents(out)
