"""Rounds of self-training with a tiny student and real sandboxes; when they stop."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from sekft.cli.running import Lines
from sekft.errors import UsageError
from sekft.runs.star import Round, StarConfig, _trained, verdict
from sekft.runs.star import Star as Told
from sekft.runs.star import star as rounds
from sekft.training.config import TrainConfig
from sekft.training.data import method_of
from sekft.trajectory import load_trajectory
from tests import bundles
from tests.commands import TRAINER, forked, forked_from
from tests.training import tiny

KINDS = ("work", "empty", "blocked")
# What `.sekft/star.json` named at commit 13ef821.
RECORDED = """
    also base dpo judged keep learning.beta learning.epochs learning.layers learning.max_length learning.method
    learning.rank learning.rate learning.seed learning.step_tokens learning.tokens max_tokens max_turns pass_k patience
    rounds samples sandbox scenarios seed student temperature tolerance
"""


def judged(number: int, right: float, pass_k: float, distinct: float | None = 0.9, kept: int = 5) -> Round:
    return Round(
        number=number, student=f"round-{number}/sft", kept=kept, pairs=0, right=right, pass_k=pass_k, distinct=distinct,
        timely_panic=0.5, false_panic=0.1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rounds", "told"),
    [
        ([], None),
        ([judged(0, 0.0, 0.0, None, 0)], None),
        ([judged(0, 0.1, 0.2), judged(1, 0.3, 0.4)], None),
        ([judged(0, 0.1, 0.4), judged(1, 0.3, 0.3)], "narrows"),
        ([judged(0, 0.1, 0.4), judged(1, 0.3, 0.39)], None),
        ([judged(0, 0.1, 0.2), judged(1, 0.3, 0.4, 0.5)], "variety falls"),
        ([judged(0, 0.3, 0.4), judged(1, 0.3, 0.4)], "improves nothing"),
        ([judged(0, 0.3, 0.4), judged(1, 0.2, 0.5)], None),
        ([judged(0, 0.0, 0.0), judged(1, 0.0, 0.0, None, 0)], "kept nothing"),
        ([judged(0, 0.1, 0.1), judged(1, 0.2, 0.2), judged(2, 0.3, 0.3)], "2 rounds are done"),
    ],
)
def test_when_rounds_stop(rounds: list[Round], told: str | None) -> None:
    """Where pass@1 rises while pass@k or variety falls, where nothing improves, is kept or is left to do."""
    found = verdict(rounds, StarConfig(base="base", rounds=2))
    assert (found is None) == (told is None)
    assert told is None or told in (found or "")


def test_what_a_folder_remembers_keeps_its_names() -> None:
    """Rounds of an earlier version go on: no option of training that is new since then is missing from their folder."""
    assert StarConfig().recorded().keys() == set(RECORDED.split())


def test_patience_lets_rounds_go_by() -> None:
    """With a patience of two, one round may improve nothing, and a better one counts from anew."""
    plan, still = StarConfig(base="base", rounds=9, patience=2), [judged(0, 0.3, 0.4), judged(1, 0.3, 0.4)]
    assert verdict(still, plan) is None
    assert verdict([*still, judged(2, 0.2, 0.4)], plan) == "round 2 improves nothing"
    assert verdict([*still, judged(2, 0.3, 0.5), judged(3, 0.3, 0.5)], plan) is None


def test_the_table_names_the_best_round() -> None:
    """The rounds as a table, why they ended, and the student to take."""
    text = str(Told(rounds=[judged(0, 0.1, 0.2), judged(1, 0.3, 0.4, None)], best=1, stopped="2 rounds are done"))
    assert "30.0%" in text
    assert "best: round 1, round-1/sft" in text


@pytest.mark.parametrize(
    ("also", "dpo", "methods"),
    [
        ("export", True, ["sft", "dpo"]),
        ("export", False, ["sft"]),
        ("export/sft/train", True, ["sft"]),
        ("export/dpo/train/dpo.jsonl", True, ["dpo"]),
    ],
)
def test_also_feeds_what_its_rows_teach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, also: str, dpo: bool, methods: list[str]
) -> None:
    """An export feeds both trainings, rows of one kind theirs alone; without DPO its pairs are left."""
    tiny.sessions(tmp_path / "export/sft/train")
    tiny.pairs(tmp_path / "export/dpo/train")
    trained: list[str | None] = []

    def train(config: TrainConfig, data: Path, *_: object) -> None:
        trained.append(config.method)
        assert method_of(data) == config.method

    monkeypatch.setattr("sekft.runs.star.train", train)
    _trained(StarConfig(base="base", also=tmp_path / also, no_dpo=not dpo), 1, tmp_path / "out", Lines())
    assert trained == methods


def test_also_without_a_row_to_learn_from_is_refused_at_the_start(tmp_path: Path) -> None:
    """Nothing there, only pairs where no DPO is wanted, or labelled rows: told before the first rollout."""
    scenarios = [bundles.sealed(bundles.work() | {"split": split}) for split in ("train", "heldout")]
    pairs = tiny.pairs(tmp_path / "pairs")
    labelled = tiny.written(tmp_path / "kto.jsonl", [{"messages": tiny.conversation("exit"), "label": False}])
    for also, dpo, says in (
        (tmp_path / "nowhere", True, "no rows for sft or dpo"),
        (pairs, False, "no rows for sft; want"),
        (labelled, True, "columns label, messages, want"),
    ):
        with pytest.raises(UsageError, match=says):
            rounds(
                StarConfig(base="base", also=also, no_dpo=not dpo), scenarios, tmp_path / "out", Lines(), asyncio.run
            )
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenarios to learn from and three held out, and a reference's rollouts of all."""
    pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")
    made = tmp_path_factory.mktemp("star")
    (made / "scenarios").mkdir()
    for kind in KINDS:
        for split in ("train", "heldout"):
            body = getattr(bundles, kind)() | {"split": split, "family": f"{kind} {split}"}
            one = bundles.sealed(body)
            (made / "scenarios" / f"{one.id}.json").write_text(one.to_json())
    done = forked("rollout", "--scenarios", made, "--out", made / "oracle", "--operator", "reference", "--samples", "1")
    assert done.returncode == 0, done.stderr
    tiny.model(made / "base")
    return made


def star(folder: Path, out: Path, *more: str) -> dict[str, object]:
    done = forked_from(
        TRAINER, "star", "--scenarios", folder, "--base", folder / "base", "--out", out, "--samples", "2",
        "--pass-k", "2", "--max-turns", "3", "--max-tokens", "12", "--tokens", "3000", "--layers", "0", "--json", *more,
        OMP_NUM_THREADS="1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_student_that_keeps_nothing_stops(folder: Path, tmp_path: Path) -> None:
    """An untrained base types nonsense: after a round without a keeper there is nothing to learn from."""
    found = star(folder, tmp_path / "out", "--rounds", "2")
    assert "kept nothing" in str(found["stopped"])
    assert found["best"] == 0
    assert not (tmp_path / "out/round-1/sft").exists()


def test_a_round_learns_from_keepers_and_pairs_and_resumes(folder: Path, tmp_path: Path) -> None:
    """Keepers of a stopped run's rollouts are learnt from, from the base; run again, nothing is done twice."""
    out = tmp_path / "out"
    trained = {
        path.parent.name for path in (folder / "oracle").glob("*/reference-0.json") if _split(folder, path) == "train"
    }
    star(folder, out, "--rounds", "1")
    shutil.rmtree(out / "round-1/eval")
    (out / "round-1/round.json").unlink()
    for name in trained:
        kept = load_trajectory(folder / "oracle" / name / "reference-0.json")
        student = load_trajectory(out / "round-1/rollouts" / name / "student-0.json")
        typed = student.model_copy(
            update={
                name: getattr(kept, name)
                for name in ("turns", "ending", "outcome", "keep", "keep_reasons", "mechanism")
            }
        )
        (out / "round-1/rollouts" / name / "student-0.json").write_text(typed.to_json())
    found = star(folder, out, "--rounds", "1")
    rounds = found["rounds"]
    assert isinstance(rounds, list)
    assert rounds[1]["kept"] == len(trained) == len(KINDS)
    assert (out / "round-1/sft/training.json").exists()
    assert rounds[1]["student"] == ("round-1/student" if rounds[1]["pairs"] else "round-1/sft")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert star(folder, out, "--rounds", "1") == found
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == before


def _split(folder: Path, rollout: Path) -> str:
    return str(json.loads((folder / "scenarios" / f"{rollout.parent.name}.json").read_text())["split"])
