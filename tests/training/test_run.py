"""A training run: what learns, what it leaves, and that stopping it changes nothing."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sekft.cli.running import Lines
from sekft.errors import StoreError, UsageError
from sekft.training import loop
from sekft.training.base_model import tokenizer_of
from sekft.training.config import TrainConfig, complete
from sekft.training.data import examples, packed
from sekft.training.student import Student
from sekft.training.train import Trained, train
from tests.commands import TRAINER, forked_from, forking, sekft
from tests.training import tiny

torch = pytest.importorskip("torch", reason="wants the extra train: ./dev setup train")

CONFIG = TrainConfig(rate=0.01, epochs=12, step_tokens=400)
# What `.sekft/train.json` held at commit f645cf2.
RECORDED_SFT = """{
 "base": "tiny",
 "beta": 0.1,
 "data_sha256": "29e61b9eda9b8775906f2dcc1256db0df86f3776dab5111a90fd5345fbb7221e",
 "device": "cpu",
 "epochs": 2,
 "layers": null,
 "max_length": 2048,
 "method": "sft",
 "rank": 0,
 "rate": 0.01,
 "seed": 0,
 "step_tokens": 400,
 "tokens": 900
}"""
RECORDED_DPO = """{
 "base": "tiny",
 "beta": 0.2,
 "data_sha256": "aa652148e84b6a28b5635f00a563d4865f3f1183a32daf264b5407af93bf3402",
 "device": "cpu",
 "epochs": 1,
 "layers": 2,
 "max_length": 900,
 "method": "dpo",
 "rank": 4,
 "rate": 5e-05,
 "seed": 3,
 "step_tokens": 1600,
 "tokens": null
}"""
TYPED = ("--rate", "0.01", "--epochs", "40", "--step-tokens", "1000", "--checkpoint-s", "0")
"""All sessions in a step, which are two packs: a step lasts, and two threads have something to share."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.sessions(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def student(base: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(base, data, tmp_path_factory.mktemp("out") / "student")


def trained(base: Path, data: Path, out: Path, **options: Any) -> Path:
    train(CONFIG.model_copy(update={"base": str(base)} | options), data, out, Lines(), "sekft train …")
    return out


def weights(folder: Path) -> dict[str, Any]:
    from transformers import AutoModelForCausalLM

    return dict(AutoModelForCausalLM.from_pretrained(folder).named_parameters())


def changed(base: Path, student: Path) -> Iterator[str]:
    before, after = weights(base), weights(student)
    assert before.keys() == after.keys()
    yield from (name for name in before if not torch.equal(before[name], after[name]))


def report(folder: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((folder / "training.json").read_text())
    return body


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "steps.jsonl").read_text().splitlines()]


def test_the_loss_falls(student: Path) -> None:
    """Twelve epochs over eight sessions at least halve the loss."""
    body = report(student)
    assert body["loss_after"] < body["loss_before"] / 2
    assert body["steps"] == len(losses(student))


def test_the_upper_half_learns_by_default_on_a_cpu(base: Path, student: Path) -> None:
    """Nothing below it, no embedding and no norm outside of it differs from the base; all in it does."""
    touched = set(changed(base, student))
    upper = {name for name in weights(base) if ".layers.2." in name or ".layers.3." in name}
    assert touched == upper


def test_the_card_says_what_made_it(student: Path, data: Path) -> None:
    """Beside the weights lie the card, with data, command and seed, and the template with its marks."""
    card = (student / "README.md").read_text()
    assert str(data) in card
    assert "sekft train …" in card
    assert "$" not in card
    assert "{%- generation -%}" in (student / "chat_template.jinja").read_text()


def test_the_result_is_a_report(student: Path) -> None:
    """A person reads a table, a program reads training.json, and what is read from it is written again alike."""
    text = (student / "training.json").read_text()
    trained = Trained.model_validate_json(text)
    assert trained.to_json() == text
    assert "sft of top 2 layers" in str(trained)
    assert "tokens/s" in str(trained)


def test_a_finished_run_is_left_alone(base: Path, data: Path, student: Path) -> None:
    """The same command again does nothing, and another rate is refused with the difference named."""
    before = (student / "model.safetensors").stat().st_mtime_ns
    trained(base, data, student)
    assert (student / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(StoreError, match=r"rate was 0\.01, now 0\.5"):
        trained(base, data, student, rate=0.5)


def test_what_a_folder_remembers_keeps_its_names(base: Path, tmp_path: Path) -> None:
    """A folder of an earlier version resumes: the recorded settings are those that it wrote, of both methods."""
    sft, dpo = tiny.sessions(tmp_path), tiny.pairs(tmp_path)
    for data, options, before in (
        (sft, {"layers": 0, "rate": 0.01, "epochs": 2, "step_tokens": 400, "tokens": 900, "gguf": True}, RECORDED_SFT),
        (dpo, {"rank": 4, "layers": 2, "beta": 0.2, "seed": 3, "max_length": 900, "checkpoint_s": 9.0}, RECORDED_DPO),
    ):
        config = TrainConfig.of(base=str(base), **options)
        assert complete(config, base, [data], "cpu").recorded() == json.loads(before) | {"base": str(base)}


@pytest.fixture(scope="module")
def uninterrupted(base: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained in a process of its own with two packs of a step in parallel."""
    out = tmp_path_factory.mktemp("out") / "student"
    finished = sekft("train", "--base", base, "--data", data, "--out", out, *TYPED, OMP_NUM_THREADS="2")
    assert finished.returncode == 0, finished.stderr
    return out


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_run_goes_on_as_if_it_had_not(
    base: Path, data: Path, uninterrupted: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Stopped in the middle and run again, one pack after the other, it ends with the same losses and weights."""
    out = tmp_path / "student"
    command = ("train", "--base", base, "--data", data, "--out", out, *TYPED)
    checkpoint, deadline = out / ".sekft" / "checkpoint.pt", time.monotonic() + 120
    with forking(TRAINER, *command, OMP_NUM_THREADS="1") as running:
        while not checkpoint.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(running.pid, number)
        stopped = running.done()
    assert stopped.returncode == (130 if number == signal.SIGTERM else -signal.SIGKILL), stopped.stderr
    assert not (out / "training.json").exists()
    resumed = forked_from(TRAINER, *command, OMP_NUM_THREADS="1")
    assert resumed.returncode == 0, resumed.stderr
    assert losses(out) == losses(uninterrupted)
    assert not list(changed(uninterrupted, out))
    assert not checkpoint.exists()


def test_all_weights_learn_when_asked(base: Path, data: Path, tmp_path: Path) -> None:
    """--layers 0 changes every weight, the embedding among them."""
    out = trained(base, data, tmp_path / "student", layers=0)
    assert set(changed(base, out)) == weights(base).keys()


def test_adapters_are_merged(base: Path, data: Path, tmp_path: Path) -> None:
    """--lora leaves an ordinary model whose linear layers, and nothing else, moved."""
    out = trained(base, data, tmp_path / "student", rank=4, layers=1)
    touched = set(changed(base, out))
    assert touched
    assert all(".layers.3." in name and "_proj" in name for name in touched)
    assert report(out)["loss_after"] < report(out)["loss_before"]


def test_pairs_come_into_order(base: Path, tmp_path: Path) -> None:
    """That it is DPO is told by the data; it begins undecided and ends with every chosen side ahead."""
    out = trained(base, tiny.pairs(tmp_path), tmp_path / "student")
    body = report(out)
    assert body["recipe"]["method"] == "dpo"
    assert losses(out)[0] == pytest.approx(math.log(2))
    assert body["right_after"] == 1.0


def test_the_chosen_side_is_learnt_beside_its_order(base: Path, tmp_path: Path) -> None:
    """--sft-weight adds so many times the mean loss of a chosen token, which falls while the pairs come into order."""
    data, weight = tiny.pairs(tmp_path, count=1), 3.0
    [pair] = examples(data, tokenizer_of(base), "dpo")
    [(chosen, _)] = loop.reference(Student(base, 2, 0, 0), [pair], Lines())
    [pack] = packed([pair], 800)
    first = -chosen / pack.sequences.count(0)
    out = trained(base, data, tmp_path / "student", sft_weight=weight)
    assert losses(out)[0] == pytest.approx(math.log(2) + weight * first, rel=1e-3)
    assert losses(out)[-1] < weight * first / 3
    assert report(out)["right_after"] == 1.0
    assert report(out)["recipe"]["sft_weight"] == weight


def test_an_export_holds_the_rows_of_its_method(base: Path, tmp_path: Path) -> None:
    """Of a whole export, SFT takes the rows of sft/train and DPO those of dpo/train."""
    tiny.sessions(tmp_path / "sft" / "train", count=3)
    tiny.pairs(tmp_path / "dpo" / "train", count=2)
    assert report(trained(base, tmp_path, tmp_path / "sft-out", epochs=1))["rows"] == 3
    assert report(trained(base, tmp_path, tmp_path / "dpo-out", epochs=1, method="dpo"))["rows"] == 2


def test_longer_rows_are_left_out_and_counted(base: Path, tmp_path: Path) -> None:
    """Nothing is cut short: a row over --max-length is left out; when none is left, the command says so."""
    rows = [{"messages": tiny.conversation("exit")}, {"messages": tiny.conversation("x" * 900, "exit")}]
    data = tiny.written(tmp_path / "rows.jsonl", rows)
    out = trained(base, data, tmp_path / "student", max_length=600)
    assert (report(out)["rows"], report(out)["too_long"]) == (1, 1)
    with pytest.raises(UsageError, match="none of 2 rows"):
        trained(base, data, tmp_path / "none", max_length=9)


def test_a_rate_of_nought_is_refused(base: Path, data: Path, tmp_path: Path) -> None:
    """It is not taken for the default, and nothing is written."""
    with pytest.raises(UsageError, match="--rate 0: want more than 0"):
        trained(base, data, tmp_path / "student", rate=0.0)
    assert not (tmp_path / "student").exists()


def test_wrong_usage_is_told(base: Path, data: Path, tmp_path: Path) -> None:
    """A method that there is not exits 2, and so do more layers than there are; each says what is wanted."""
    for more, says in ((("--method", "ppo"), "want sft or dpo"), (("--layers", "9"), "this model has 4")):
        done = forked_from(TRAINER, "train", "--base", base, "--data", data, "--out", tmp_path / "student", *more)
        assert done.returncode == 2
        assert says in done.stderr
